"""A run as an event of MISP, object by object; nothing is marked for detection unless it is sure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from stopgap.orchestrator.exchange.cacao.identity import STOPGAP, identifier
from stopgap.orchestrator.exchange.case import Case, checksums, is_sure, subject
from stopgap.orchestrator.exchange.marking import Tlp
from stopgap.orchestrator.findings.model import Finding, Findings
from stopgap.orchestrator.technique import technique_id

_TEMPLATES = {
    "file": ("688c46fb-5edb-40a3-8273-1af7923e2215", "25", "file"),
    "process": ("02aeef94-ac23-455c-addb-731757ceafb5", "10", "misc"),
    "network-connection": ("af16764b-f8e5-4603-9de1-de34d272f80b", "7", "network"),
    "user-account": ("49606b06-22f0-4ac8-8eee-2f12ad46f3d3", "6", "misc"),
    "annotation": ("5d8dc046-15a1-4ca3-a09f-ed4ede7c4487", "3", "misc"),
    "course-of-action": ("3d1c2c06-68a9-4394-8c8d-258d115f796f", "1", "misc"),
}
"""UUID, version and category of MISP's templates of objects."""
_LEVELS = {"critical": "1", "high": "1", "medium": "2", "low": "3", "info": "4"}
_CATEGORIES = {"sha256": "Payload delivery", "filename": "Payload delivery", "ip-dst": "Network activity"}


def write_misp(case: Case, stream: TextIO, tlp: Tlp = "amber") -> int:
    """Write the event; return the number of its objects. `distribution` is 0: the organisation alone."""
    history = case.history
    worst = min((_LEVELS[f.severity] for made in history.findings_now() for f in made.findings), default="4")
    techniques = sorted({technique_id(t) for made in history.findings_now() for f in made.findings for t in f.tags})
    head = {
        "uuid": _uuid(case, "event"),
        "info": f"{history.started.runbook_name}: {', '.join(history.started.targets)} (Stopgap {history.run})",
        "date": history.started_at.date().isoformat(),
        "timestamp": str(int(case.ended.timestamp())),
        "threat_level_id": worst,
        "analysis": "1",
        "distribution": "0",
        "published": False,
        "Orgc": {"name": "Stopgap", "uuid": STOPGAP.partition("--")[2]},
        "Tag": [
            {"name": f"tlp:{tlp}"},
            *({"name": f'misp-galaxy:mitre-attack-pattern="{each}"'} for each in techniques),
        ],
    }
    stream.write('{"Event": ' + json.dumps(head)[:-1] + ', "Object": [\n')
    count = 0
    for made in _objects(case):
        stream.write((",\n" if count else "") + json.dumps(made))
        count += 1
    stream.write("\n]}}\n")
    return count


def _objects(case: Case) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for kept in case.collections():
        name = f"{kept.folder}/manifest.json"
        yield _object(
            case, "file", ("evidence", name), "Evidence: each item is listed in this manifest",
            ("filename", "filename", name, False), ("sha256", "sha256", kept.manifest_sha256, False),
        )  # fmt: skip
    for key, found, finding in case.keyed_findings():
        yield _annotation(case, key, found, finding)
        for made in (*_subjects(case, found, finding), *_checksums(case, finding)):
            if made["uuid"] not in seen:
                seen.add(made["uuid"])
                yield made
    for change in case.done():
        text = f"On {change.host}, {change.intended.isoformat()}: {change.state}. Step {change.step}"
        yield _object(
            case, "course-of-action", (change.step, change.target, change.host, str(change.index)), text,
            ("name", "text", change.change.describe(), False), ("description", "text", text, False),
        )  # fmt: skip


def _annotation(case: Case, key: tuple[str, ...], found: Findings, finding: Finding) -> dict[str, Any]:
    lines = [f"{finding.severity}: {finding.title}", f"Why: {finding.why}", f"Confidence: {finding.confidence}"]
    lines += [f"Otherwise: {each}" for each in finding.falsepositives]
    lines += [f"Seen: {seen.what}" for seen in finding.seen]
    lines.append(f"Response: {finding.response}")
    about = f"{found.host}, {found.step}, {finding.id}"
    return _object(case, "annotation", key, about, ("text", "text", "\n".join(lines), False))


def _subjects(case: Case, found: Findings, finding: Finding) -> Iterator[dict[str, Any]]:
    about = f"{found.host}: {finding.title}"
    for each in finding.seen:
        kind, value = subject(each)
        sure = is_sure(case, finding, kind, value)
        match kind:
            case "file":
                name = value.rstrip("/").rpartition("/")[2]
                yield _object(
                    case, "file", (found.host, value), about,
                    ("filename", "filename", name, False), ("fullpath", "text", value, False),
                )  # fmt: skip
            case "process":
                yield _object(case, "process", (found.host, value), about, ("pid", "text", value, False))
            case "account":
                yield _object(case, "user-account", (found.host, value), about, ("username", "text", value, False))
            case "address":
                yield _object(
                    case, "network-connection", (value, str(sure)), about, ("ip-dst", "ip-dst", value, sure)
                )


def _checksums(case: Case, finding: Finding) -> Iterator[dict[str, Any]]:
    for each in checksums(finding):
        yield _object(case, "file", ("sha256", each), finding.title, ("sha256", "sha256", each, True))


def _object(
    case: Case, name: str, key: tuple[str, ...], comment: str, *attributes: tuple[str, str, str, bool]
) -> dict[str, Any]:
    template, version, category = _TEMPLATES[name]
    at = str(int(case.ended.timestamp()))
    return {
        "name": name,
        "template_uuid": template,
        "template_version": version,
        "meta-category": category,
        "uuid": _uuid(case, name, *key),
        "timestamp": at,
        "distribution": "0",
        "comment": _text(comment),
        "Attribute": [
            {
                "uuid": _uuid(case, name, *key, relation),
                "object_relation": relation,
                "type": kind,
                "category": _CATEGORIES.get(kind, "Other"),
                "value": _text(value),
                "to_ids": to_ids,
                "disable_correlation": not to_ids,
                "distribution": "0",
                "timestamp": at,
            }
            for relation, kind, value, to_ids in attributes
        ],
    }


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _uuid(case: Case, *parts: str) -> str:
    return identifier("misp", case.history.run, *parts).partition("--")[2]
