"""An operator's Sigma rules, matched against table rows of a collection (pySigma)."""

from stopgap.orchestrator.findings.sigma.hold import add_sigma
from stopgap.orchestrator.findings.sigma.loading import SigmaError, SigmaRules, load_sigma

__all__ = ["SigmaError", "SigmaRules", "add_sigma", "load_sigma"]
