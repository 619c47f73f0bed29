"""A second plug-in of Stopgap."""
