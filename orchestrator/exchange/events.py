"""The records of a run as events for a SIEM: OCSF 1.8, the Elastic Common Schema, CloudEvents 1.0."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from stopgap.orchestrator import __version__
from stopgap.orchestrator.change import AnyChange, FreezeChange, PathChange
from stopgap.orchestrator.documents.envelope import rfc3339
from stopgap.orchestrator.exchange.marking import Form
from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.history import History
from stopgap.orchestrator.journal.records import (
    ChangeIntended,
    ChangeMade,
    EvidenceKept,
    FindingNoted,
    FindingsMade,
    RunFinished,
    RunStarted,
    UndoMade,
)
from stopgap.orchestrator.outcome import RunOutcome
from stopgap.orchestrator.technique import technique_id

_SEVERITY = {"critical": 5, "high": 4, "medium": 3, "low": 2, "info": 1}
_ISOLATE, _EVICT, _RESTORE, _HARDEN = 1, 2, 3, 4
_DONE = {"done": 1, "undone": 1, "failed": 2, "drifted": 2}
_Key: TypeAlias = tuple[str, str, int]


def events(history: History, form: Form) -> Iterator[dict[str, Any]]:
    """Yield the events of a run in the order of its records.

    OCSF and ECS have none for questions, notes and checks; CloudEvents has one for each record.
    """
    changes: dict[_Key, ChangeIntended] = {}
    cut = {(check.step, check.target) for check in history.checks if check.containment}
    make = _FORMS[form]
    for entry in history.entries:
        record = entry.record
        if isinstance(record, ChangeIntended):
            changes[record.step, record.target, record.index] = record
        yield from make(history, entry, changes, cut)


def _ocsf(
    history: History, entry: Entry, changes: Mapping[_Key, ChangeIntended], cut: set[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    record = entry.record
    match record:
        case RunStarted() | RunFinished():
            started = isinstance(record, RunStarted)
            ended = isinstance(record, RunFinished) and record.outcome == RunOutcome.OK
            yield {
                **_base(history, entry, 2005, 1 if started else 2),
                "finding_info_list": [{"uid": history.run, "title": history.started.runbook_name}],
                "status_id": 4 if ended else 2,
                "assignee": {"name": history.started.operator},
            }
        case ChangeMade() | UndoMade() if made := changes.get((record.step, record.target, record.index)):
            if not made.change.only_reads:
                is_cut = (record.step, record.target) in cut
                yield _remediation(
                    history, entry, made, record.outcome, undo=isinstance(record, UndoMade), cut=is_cut
                )
        case FindingsMade():
            for number, noted in enumerate(record.findings, 1):
                yield _detection(history, entry, record, noted, number)
        case EvidenceKept():
            yield {
                **_base(history, entry, 5040, 1),
                "device": {"type_id": 0, "hostname": record.host},
                "query_evidence": {"query_type_id": 99, "query_type": record.profile, "file": _manifest(record)},
                "query_result_id": 1,
                "message": f"{record.folder}: {record.items} items, manifest SHA-256 {record.manifest_sha256}",
            }


def _manifest(record: EvidenceKept) -> dict[str, Any]:
    sha256 = {"algorithm_id": 3, "algorithm": "SHA-256", "value": record.manifest_sha256}
    path = f"{record.folder}/manifest.json"
    return {"name": "manifest.json", "path": path, "type_id": 1, "hashes": [sha256]}


def _remediation(
    history: History, entry: Entry, made: ChangeIntended, outcome: str, *, undo: bool, cut: bool
) -> dict[str, Any]:
    change: AnyChange = made.change
    uid, activity = 7001, _HARDEN
    more: dict[str, Any] = {}
    if cut:
        uid, activity, more = 7004, _ISOLATE, {"connection_info": {"direction_id": 0}}
    elif isinstance(change, PathChange):
        name = change.path.rpartition("/")[2]
        uid, more = 7002, {"file": {"name": name, "path": change.path, "type_id": 1}}
    elif isinstance(change, FreezeChange) and change.processes:
        uid, activity, more = 7003, _EVICT, {"process": {"pid": change.processes[0].pid}}
    return {
        **_base(history, entry, uid, _RESTORE if undo else activity),
        "command_uid": f"{history.run}/{made.step}/{made.target}/{made.index}",
        "message": f"{made.host}: {change.describe_undo() if undo else change.describe()}",
        "status_id": _DONE.get(outcome, 0),
        **more,
    }


def _detection(
    history: History, entry: Entry, record: FindingsMade, noted: FindingNoted, number: int
) -> dict[str, Any]:
    attacks = [{"technique": {"uid": technique_id(tag)}} for tag in noted.tags]
    info = {"uid": _id(history, entry, number), "title": noted.title, "desc": noted.first}
    return {
        **_base(history, entry, 2004, 1, severity=_SEVERITY[noted.severity], part=number),
        "finding_info": {**info, **({"attacks": attacks} if attacks else {})},
        "resources": [{"name": record.target}],
    }


def _id(history: History, entry: Entry, part: int) -> str:
    """Return the id that the stream of events gives the same: of a record, or of the finding of this number in it."""
    return f"{history.run}/{entry.seq}/{part}" if part else f"{history.run}/{entry.seq}"


def _base(
    history: History, entry: Entry, uid: int, activity: int, *, severity: int = 1, part: int = 0
) -> dict[str, Any]:
    return {
        "class_uid": uid,
        "category_uid": uid // 1000,
        "activity_id": activity,
        "type_uid": uid * 100 + activity,
        "severity_id": severity,
        "time": int(entry.at.timestamp() * 1000),
        "metadata": {
            "version": "1.8.0",
            "uid": _id(history, entry, part),
            "correlation_uid": history.run,
            "product": {"name": "Stopgap", "vendor_name": "Stopgap", "version": __version__},
        },
    }


def _ecs(
    history: History, entry: Entry, changes: Mapping[_Key, ChangeIntended], cut: set[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    record = entry.record
    match record:
        case RunStarted() | RunFinished():
            started = isinstance(record, RunStarted)
            outcome = "success" if isinstance(record, RunFinished) and record.outcome == RunOutcome.OK else "failure"
            about: dict[str, Any] = {
                "type": ["start"] if started else ["end"],
                "outcome": "unknown" if started else outcome,
            }
            yield _ecs_base(history, entry, record.kind, "event", ["process"], **about)
        case ChangeMade() | UndoMade() if made := changes.get((record.step, record.target, record.index)):
            if made.change.only_reads:
                return
            category = ["network"] if (record.step, record.target) in cut else ["configuration"]
            outcome = {1: "success", 2: "failure"}.get(_DONE.get(record.outcome, 0), "unknown")
            event = _ecs_base(history, entry, record.kind, "event", category, type=["change"], outcome=outcome)
            words = made.change.describe_undo() if isinstance(record, UndoMade) else made.change.describe()
            yield {**event, "message": words, "host": {"name": made.host}}
        case FindingsMade():
            for number, noted in enumerate(record.findings, 1):
                about = {"type": ["info"], "outcome": "unknown", "severity": _SEVERITY[noted.severity]}
                event = _ecs_base(history, entry, "finding", "alert", ["intrusion_detection"], number, **about)
                event |= {"rule": {"id": noted.id, "name": noted.title}, "host": {"name": record.target}}
                if noted.tags:
                    ids = [technique_id(tag) for tag in noted.tags]
                    event["threat"] = {"framework": "MITRE ATT&CK", "technique": {"id": ids}}
                yield {**event, "message": noted.first}
        case EvidenceKept():
            event = _ecs_base(history, entry, record.kind, "event", ["host"], type=["info"], outcome="success")
            yield {**event, "message": record.folder, "host": {"name": record.host}}


def _ecs_base(
    history: History, entry: Entry, action: str, kind: str, category: list[str], part: int = 0, **about: object
) -> dict[str, Any]:
    event = {"id": _id(history, entry, part), "kind": kind, "category": category, "action": action, **about}
    return {
        "@timestamp": rfc3339(entry.at),
        "ecs": {"version": "8.17.0"},
        "event": {**event, "module": "stopgap", "provider": "stopgap"},
        "labels": {"run": history.run},
    }


def _cloudevents(
    history: History, entry: Entry, changes: Mapping[_Key, ChangeIntended], cut: set[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    record = entry.record
    if isinstance(record, RunStarted):
        data: dict[str, Any] = {"runbook": record.runbook_name, "targets": list(record.targets)}
    elif isinstance(record, ChangeIntended):
        data = record.model_dump(mode="json", exclude={"kind", "change"})
        data |= {"do": record.change.describe(), "undo": record.change.describe_undo()}
    else:
        data = record.model_dump(mode="json", exclude={"kind"})
    yield {
        "specversion": "1.0",
        "id": f"{history.run}/{entry.seq}",
        "source": f"urn:stopgap:{history.started.controller or 'controller'}",
        "type": f"stopgap.{record.kind}",
        "time": rfc3339(entry.at),
        "subject": history.run,
        "datacontenttype": "application/json",
        "data": data,
    }


def cloudevent(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of the stream as a CloudEvent 1.0 in structured mode, with the event as its data.

    An event without an id of its own, which no record has, gets one by its content.
    """
    own = event.get("id") or hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()
    return {
        "specversion": "1.0",
        "id": own,
        "source": "urn:stopgap:events",
        "type": f"stopgap.{event['event']}",
        "time": event["time"],
        **({"subject": event["run"]} if event.get("run") else {}),
        "datacontenttype": "application/json",
        "data": dict(event),
    }


_Make: TypeAlias = Callable[
    [History, Entry, Mapping[_Key, ChangeIntended], set[tuple[str, str]]], Iterator[dict[str, Any]]
]
_FORMS: dict[Form, _Make] = {"ocsf": _ocsf, "ecs": _ecs, "cloudevents": _cloudevents}
