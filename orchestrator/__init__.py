"""Stopgap's engine: loads runbooks, plans changes, previews or applies them, proves and records them."""

__version__ = "0.2.0"
