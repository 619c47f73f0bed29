"""The general tasks: a command, a file, a service."""
