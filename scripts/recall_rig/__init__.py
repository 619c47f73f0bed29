"""How many traces of break-ins findings name, and what they raise on a host where nothing is wrong."""
