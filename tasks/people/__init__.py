"""What a person decides or is told."""
