"""Web servers and the maintenance page."""
