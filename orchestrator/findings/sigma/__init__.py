"""Sigma rules of the operator's own, held against the rows that parsers make of a collection (pySigma)."""

from stopgap.orchestrator.findings.sigma.hold import add_sigma
from stopgap.orchestrator.findings.sigma.loading import SigmaError, SigmaRules, load_sigma

__all__ = ["SigmaError", "SigmaRules", "add_sigma", "load_sigma"]
