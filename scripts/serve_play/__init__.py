"""Plays the page of `stopgap serve` in headless Chromium; `scripts/serve` is the command."""
