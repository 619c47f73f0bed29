"""Runners at sites: whole runs from a queue, carried on by whoever is there, with the site's own credentials."""
