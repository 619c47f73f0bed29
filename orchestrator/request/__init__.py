"""Block requests: a customer's signed request to the provider to drop the customer's addresses."""

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
