"""Cutting a host off at the equipment above it."""
