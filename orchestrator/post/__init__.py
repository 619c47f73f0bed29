"""How messages leave the controller: by mail, by webhook, into a file."""

from stopgap.orchestrator.post.postman import Posted, Postman
from stopgap.orchestrator.post.route import postman

__all__ = ["Posted", "Postman", "postman"]
