"""A plug-in of Stopgap."""
