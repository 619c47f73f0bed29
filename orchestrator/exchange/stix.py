"""A run as a bundle of STIX 2.1, object by object: the file grows with the findings, and memory does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO
from uuid import UUID

from stopgap.orchestrator.documents.envelope import rfc3339
from stopgap.orchestrator.exchange.cacao.identity import STOPGAP, identifier
from stopgap.orchestrator.exchange.case import Case, Kind, checksums, is_sure, subject, technique_names
from stopgap.orchestrator.exchange.marking import Tlp
from stopgap.orchestrator.findings.model import Finding, Findings, Sighting
from stopgap.orchestrator.hostnumber import parse_moment
from stopgap.orchestrator.technique import technique_id

MARKINGS: dict[Tlp, str] = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""The objects of TLP 2.0, as FIRST and OASIS have published them."""
_TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_MOST = 999_999_999
"""`number_observed` at most."""


def write_stix(case: Case, stream: TextIO, tlp: Tlp = "amber") -> int:
    """Write the bundle; return the number of objects."""
    run = case.history.run
    stream.write(json.dumps({"type": "bundle", "id": identifier("bundle", run)})[:-1] + ', "objects": [\n')
    count = 0
    for made in _Objects(case, tlp).all():
        stream.write((",\n" if count else "") + json.dumps(_sound(made)))
        count += 1
    stream.write("\n]}\n")
    return count


def _sound(value: Any) -> Any:  # noqa: ANN401
    """Replace halves of characters: no reader of STIX takes them."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _sound(each) for key, each in value.items()}
    return [_sound(each) for each in value] if isinstance(value, list) else value


class _Objects:
    """The objects of one bundle; each is yielded once, before what refers to it."""

    def __init__(self, case: Case, tlp: Tlp) -> None:
        self._case = case
        self._run = case.history.run
        self._tlp = tlp
        self._from, self._until = rfc3339(case.history.started_at), rfc3339(case.ended)
        self._names = technique_names()
        self._ids: list[str] = []
        self._seen: set[str] = set()

    def all(self) -> Iterator[dict[str, Any]]:
        history = self._case.history
        yield {
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": MARKINGS[self._tlp],
            "created": "2022-10-01T00:00:00.000Z",
            "name": f"TLP:{self._tlp.upper()}",
            "extensions": {_TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": self._tlp}},
        }
        identity = {"identity_class": "system", "name": "Stopgap"}
        yield {**self._object("identity", STOPGAP, identity, by=False)}
        incident = {
            "name": f"{history.started.runbook_name}: {', '.join(history.started.targets)}",
            "description": f"Run {self._run} of Stopgap, begun {self._from}. {self._verdicts()}".strip(),
        }
        incident_id = identifier("incident", self._run)
        yield self._object("incident", incident_id, incident)
        yield from self._evidence()
        for key, found, finding in self._case.keyed_findings():
            yield from self._finding(key, found, finding, incident_id)
        yield from self._done(incident_id)
        grouping = {
            "name": f"Run {self._run}",
            "context": "suspicious-activity",
            "object_refs": list(dict.fromkeys(self._ids)),
        }
        yield self._object("grouping", identifier("grouping", self._run), grouping)

    def _verdicts(self) -> str:
        verdicts = (f"{each.target}: {each.verdict}" for each in self._case.history.containment)
        return f"Containment: {', '.join(verdicts)}." if self._case.history.containment else ""

    def _object(self, kind: str, own_id: str, fields: dict[str, Any], *, by: bool = True) -> dict[str, Any]:
        if kind not in {"identity", "grouping"}:
            self._ids.append(own_id)
        return {
            "type": kind,
            "spec_version": "2.1",
            "id": own_id,
            **({"created_by_ref": STOPGAP} if by else {}),
            "created": self._from,
            "modified": self._until,
            "object_marking_refs": [MARKINGS[self._tlp]],
            **fields,
        }

    def _observable(self, kind: str, *parts: str, **fields: object) -> Iterator[dict[str, Any]]:
        own_id = self._own_id(kind, *parts)
        if own_id not in self._seen:
            self._seen.add(own_id)
            self._ids.append(own_id)
            marked = {"object_marking_refs": [MARKINGS[self._tlp]]}
            yield {"type": kind, "spec_version": "2.1", "id": own_id, **marked, **fields}

    def _own_id(self, kind: str, *parts: str) -> str:
        """Return the id of an observable. A process has to have a version 4 (STIX 2.1, 6.13): its bits are set."""
        made = identifier(kind, self._run, *parts)
        return f"process--{UUID(made.partition('--')[2], version=4)}" if kind == "process" else made

    def _evidence(self) -> Iterator[dict[str, Any]]:
        refs = []
        for kept in self._case.collections():
            name = f"{kept.folder}/manifest.json"
            yield from self._observable("file", "evidence", name, name=name, hashes={"SHA-256": kept.manifest_sha256})
            refs.append(identifier("file", self._run, "evidence", name))
        if refs:
            note = {
                "abstract": "Evidence",
                "content": "Manifests of the collections; each has the SHA-256 of every item.",
                "object_refs": list(dict.fromkeys(refs)),
            }
            yield self._object("note", identifier("note", self._run, "evidence"), note)

    def _finding(
        self, key: tuple[str, ...], found: Findings, finding: Finding, incident: str
    ) -> Iterator[dict[str, Any]]:
        refs = [incident]
        observed: list[str] = []
        for seen in finding.seen:
            kind, value = subject(seen)
            yield from self._observables(found.host, kind, value)
            if observable := self._observable_id(found.host, kind, value):
                observed.append(observable)
        if observed:
            first, last = self._times(finding.seen)
            about = {
                "first_observed": first,
                "last_observed": last,
                "number_observed": min(max(finding.count, 1), _MOST),
                "object_refs": list(dict.fromkeys(observed)),
            }
            refs.append(identifier("observed-data", self._run, *key))
            yield self._object("observed-data", refs[-1], about)
        for tag in finding.tags:
            yield from self._technique(technique_id(tag))
            refs.append(identifier("attack-pattern", technique_id(tag)))
        for made in self._indicators(finding):
            yield made
            refs.append(made["id"])
        lines = [f"Seen on {found.host}, in {found.step}, {finding.count} times:"]
        lines += [f"- {seen.what} ({':'.join(filter(None, (seen.file, seen.member)))})" for seen in finding.seen]
        lines += [f"Why: {finding.why}", f"Confidence: {finding.confidence}"]
        lines += [f"Otherwise: {each}" for each in finding.falsepositives]
        note = {
            "abstract": f"{finding.severity}: {finding.title}",
            "content": "\n".join([*lines, f"Response: {finding.response}"]),
            "labels": [finding.id, finding.severity],
            "object_refs": refs,
        }
        yield self._object("note", identifier("note", self._run, *key), note)

    def _observables(self, host: str, kind: Kind, value: str) -> Iterator[dict[str, Any]]:
        match kind:
            case "process":
                yield from self._observable("process", host, value, pid=int(value))
            case "account":
                yield from self._observable("user-account", host, value, account_login=value)
            case "address":
                yield from self._observable("ipv6-addr" if ":" in value else "ipv4-addr", value, value=value)
            case "file":
                parent, _, name = value.rstrip("/").rpartition("/")
                yield from self._observable("directory", host, parent or "/", path=parent or "/")
                ref = identifier("directory", self._run, host, parent or "/")
                yield from self._observable("file", host, value, name=name, parent_directory_ref=ref)

    def _observable_id(self, host: str, kind: Kind, value: str) -> str | None:
        match kind:
            case "process":
                return self._own_id("process", host, value)
            case "account":
                return identifier("user-account", self._run, host, value)
            case "address":
                return identifier("ipv6-addr" if ":" in value else "ipv4-addr", self._run, value)
            case "file":
                return identifier("file", self._run, host, value)
        return None

    def _times(self, sightings: tuple[Sighting, ...]) -> tuple[str, str]:
        """Return the first and last time of what was seen; of the run where the host tells no time."""
        found = sorted(moment for seen in sightings if seen.at and (moment := parse_moment(seen.at)))
        if not found:
            return self._from, self._until
        return rfc3339(found[0]), rfc3339(found[-1])

    def _technique(self, technique: str) -> Iterator[dict[str, Any]]:
        own_id = identifier("attack-pattern", technique)
        if own_id in self._seen:
            return
        self._seen.add(own_id)
        page = f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}"
        about = {
            "name": self._names.get(technique, technique),
            "external_references": [{"source_name": "mitre-attack", "external_id": technique, "url": page}],
        }
        yield self._object("attack-pattern", own_id, about)

    def _indicators(self, finding: Finding) -> Iterator[dict[str, Any]]:
        patterns = [f"[file:hashes.'SHA-256' = '{each}']" for each in checksums(finding)]
        for seen in finding.seen:
            kind, value = subject(seen)
            if is_sure(self._case, finding, kind, value):
                patterns.append(f"[{'ipv6-addr' if ':' in value else 'ipv4-addr'}:value = '{value}']")
        for pattern in dict.fromkeys(patterns):
            own_id = identifier("indicator", self._run, pattern)
            if own_id in self._seen:
                continue
            self._seen.add(own_id)
            about = {"name": finding.title, "pattern": pattern, "pattern_type": "stix", "valid_from": self._from}
            yield self._object("indicator", own_id, about)

    def _done(self, incident: str) -> Iterator[dict[str, Any]]:
        for change in self._case.done():
            key = (change.step, change.target, change.host, str(change.index))
            own_id = identifier("course-of-action", self._run, *key)
            said = f"On {change.host}, at {rfc3339(change.intended)}: {change.state}. "
            undo = change.change.describe_undo() if change.change.has_undo else "none known"
            about = {"name": change.change.describe(), "description": f"{said}Undo: {undo}"}
            yield self._object("course-of-action", own_id, about)
            note = {
                "abstract": f"{change.step} for {change.target}",
                "content": f"{said}{'In force.' if change.stands else 'Not in force.'}",
                "object_refs": [incident, own_id],
            }
            yield self._object("note", identifier("note", self._run, "done", *key), note)
