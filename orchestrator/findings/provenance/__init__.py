"""Where a file comes from, and what that says of what starts, loads or runs it."""
