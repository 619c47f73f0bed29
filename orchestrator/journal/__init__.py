"""The journal: what was intended, done, undone and seen, on disk before and after."""
