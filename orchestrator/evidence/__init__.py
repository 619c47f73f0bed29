"""Evidence on the controller: streamed to files, hashed, listed in a manifest, verified."""

from stopgap.orchestrator.evidence.closing import EvidenceError
from stopgap.orchestrator.evidence.manifest import Manifest, ManifestItem
from stopgap.orchestrator.evidence.store import EvidenceStore, Origin, Quota
from stopgap.orchestrator.evidence.verify import verify_folder, verify_run

__all__ = [
    "EvidenceError",
    "EvidenceStore",
    "Manifest",
    "ManifestItem",
    "Origin",
    "Quota",
    "verify_folder",
    "verify_run",
]
