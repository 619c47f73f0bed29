"""Builds and tries the container image."""
