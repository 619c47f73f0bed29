"""The way back, in order."""
