"""How messages leave the controller: by mail, by webhook, into a file."""

from stopgap.orchestrator.post.postman import Posted, Postman, postman

__all__ = ["Posted", "Postman", "postman"]
