"""Web servers, and what visitors see."""
