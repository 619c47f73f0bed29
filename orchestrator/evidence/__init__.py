"""Evidence on the controller: streamed to files, hashed, listed in a manifest, verified."""
