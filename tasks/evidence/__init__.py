"""Keeping what shows how the intruder came in."""
