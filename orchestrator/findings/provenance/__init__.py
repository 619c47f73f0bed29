"""What a file, a line and a place say of what they start, load or do, whatever their names. Pure."""
