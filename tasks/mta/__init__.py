"""Mail transfer agents."""
