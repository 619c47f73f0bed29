"""Programs sent to a host as source text, for Python 3.6 and later."""
