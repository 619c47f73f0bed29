"""Rules of findings, one file a subject."""
