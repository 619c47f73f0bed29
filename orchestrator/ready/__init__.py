"""What a containment would lack tonight, looked at without changing anything on any host."""
