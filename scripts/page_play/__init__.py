"""What scripts/page plays."""
