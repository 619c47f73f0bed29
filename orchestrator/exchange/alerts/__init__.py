"""A run as an alert of a case system: DFIR-IRIS and TheHive, over their HTTP interfaces."""
