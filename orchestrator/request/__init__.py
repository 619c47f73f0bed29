"""Block requests: a customer asks the provider, over their signature, to have addresses of theirs dropped."""

from stopgap.orchestrator.request.customers import Customer, load_customers
from stopgap.orchestrator.request.model import BlockRequest, Evidence, SignedRequest
from stopgap.orchestrator.request.verification import RequestRefused, accept, read_request, use_once

__all__ = [
    "BlockRequest",
    "Customer",
    "Evidence",
    "RequestRefused",
    "SignedRequest",
    "accept",
    "load_customers",
    "read_request",
    "use_once",
]
