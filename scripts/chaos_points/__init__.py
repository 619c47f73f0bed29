"""Runs that are broken at every boundary, and what must be true afterwards."""
