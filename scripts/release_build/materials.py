"""The bill of materials (CycloneDX 1.6) and the licences of what a release ships."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from importlib.metadata import Distribution, distribution

from release_build.sources import epoch, locked, runtime, version

_SPACE = uuid.UUID("8c8e4f1e-4a52-5c0e-9d3d-2f7b0a7c9c11")


def licences() -> dict[str, str]:
    """Return the licence of each locked runtime dependency by name: of its metadata, else its licence's title."""
    return {name: _licence(distribution(name)) for name in runtime()}


def bill_of_materials() -> str:
    """Return the runtime dependencies with version, licence and checksums, as CycloneDX JSON; the same text again."""
    entries = locked()
    components = [_component(distribution(name), entries[name]) for name in runtime()]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, json.dumps(components))}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch(), UTC).isoformat().replace("+00:00", "Z"),
            "component": {
                "type": "application",
                "bom-ref": f"pkg:pypi/stopgap@{version()}",
                "name": "stopgap",
                "version": version(),
                "purl": f"pkg:pypi/stopgap@{version()}",
                "licenses": [{"license": {"id": "MIT"}}],
            },
        },
        "components": components,
        "dependencies": [
            {"ref": f"pkg:pypi/stopgap@{version()}", "dependsOn": [part["bom-ref"] for part in components]}
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def _component(of: Distribution, entry: str) -> dict[str, object]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', of.name).lower()}@{of.version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": of.name,
        "version": of.version,
        "purl": purl,
        "licenses": [{"license": {"name": _licence(of)}}],
        # The lock file names the checksum of each file of the version: of each platform, and of the sources.
        "properties": [
            {"name": "lock:sha256", "value": found} for found in re.findall(r"sha256:([0-9a-f]{64})", entry)
        ],
    }


def _licence(of: Distribution) -> str:
    metadata = of.metadata
    classified = [
        value.rpartition(" :: ")[2] for value in metadata.get_all("Classifier", []) if value.startswith("License ::")
    ]
    written = (metadata.get("License-Expression") or "").strip() or ", ".join(classified)
    return written or (metadata.get("License") or _title(of) or "unknown").strip().splitlines()[0]


def _title(of: Distribution) -> str:
    """Return the text of the licence that lies beside metadata without one: `The MIT License (MIT)`, and so on."""
    files = [path for path in of.files or () if ".dist-info/licenses/" in path.as_posix()]
    return files[0].read_text() if files else ""
