"""What is in force: `status --json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stopgap.orchestrator.documents.envelope import envelope, rfc3339
from stopgap.orchestrator.documents.not_stored import not_stored_object
from stopgap.orchestrator.documents.run import change_object, run_object, stray_object
from stopgap.orchestrator.run.standing import HostStands
from stopgap.orchestrator.run.status import DeviceLook, RunStatus, Status
from stopgap.orchestrator.run.verdict import Again
from stopgap.orchestrator.sinks.backlog import undelivered_object


def status_document(status: Status) -> dict[str, Any]:
    """Give every run of which something is in force or cannot be told, with what its devices show."""
    return {
        **envelope("status", status.at),
        "offline": status.offline,
        "apart": status.apart or None,
        "damaged": status.damaged,
        "exit_code": status.exit_code,
        "runs": [_run(run) for run in status.runs],
        "open_hosts": [
            {
                "host": host.target,
                "since": rfc3339(host.since),
                "findings": [
                    {"id": f.finding.id, "severity": f.finding.severity, "state": f.state} for f in host.findings
                ],
                "contain": host.cut_again,
            }
            for host in status.open_hosts
        ],
        "returning": [_stands(host) for host in status.returning],
        "strays": [stray_object(stray) for stray in status.strays],
        "ends_soon": [
            {
                "run": run.run,
                "step": ending.step,
                "target": ending.target,
                "host": ending.host,
                "ends": rfc3339(ending.at),
            }
            for run in status.runs
            for ending in run.endings
        ],
        "undelivered": [undelivered_object(each) for each in status.undelivered],
        "not_stored": [not_stored_object(each) for each in status.not_stored],
    }


def standing_document(incident: str | None, hosts: Iterable[HostStands]) -> dict[str, Any]:
    """Give where the return of each host stands, with every step."""
    return {
        **envelope("recovery"),
        "incident": incident,
        "hosts": [
            {**_stands(host), "steps": [{"step": s.id, "name": s.name, "state": s.state} for s in host.steps]}
            for host in hosts
        ],
    }


def _stands(host: HostStands) -> dict[str, Any]:
    now = host.now if host.phase in {"returning", "stopped"} else None
    return {
        "host": host.target,
        "phase": host.phase,
        "since": rfc3339(host.since),
        "until": rfc3339(host.until),
        "run": host.run,
        "step": now.id if now else None,
        "number": now.number if now else None,
        "count": len(host.steps),
        "reason": now.reason if now else "",
        "asks": host.asks or None,
        "open_findings": host.open_findings,
        "next": list(host.commands),
    }


def _run(run: RunStatus) -> dict[str, Any]:
    if run.history is None:
        about: dict[str, Any] = {"run": run.run, "state": "damaged", "damage": list(run.damage)}
    else:
        about = run_object(run.history)
    listed = {(c.step, c.target, c.index): c for c in (*run.in_force, *run.going_back, *run.expired)}
    changes = []
    for change in listed.values():
        look = run.looks.get((change.step, change.target)) if change in run.in_force else None
        changes.append({**change_object(change), "device": _device(look) if look else None})
    return {**about, "changes": changes, "containment": [_verdict(again) for again in run.verdicts]}


def _device(look: DeviceLook) -> dict[str, Any]:
    standing = look.seen.standing
    left = standing.left if standing else None
    return {
        "host": look.seen.host,
        "state": look.state,
        "left_seconds": None if left is None else round(left.total_seconds(), 3),
        "ends_soon": look.ends_soon,
        "replaced_by": look.replaced_by,
        "difference": list(standing.difference) if standing else [],
        "looks": list(look.seen.looks),
        "broken": list(look.seen.broken),
        "reason": look.seen.unreachable or look.seen.trouble,
    }


def _verdict(again: Again) -> dict[str, Any]:
    return {
        "target": again.target,
        "was": again.was,
        "proved_at": rfc3339(again.at),
        "now": again.now,
        "reasons": list(again.reasons),
    }
