"""The event stream: every record of a run as an event, and notices of what a person has to know, beside the record.

`run --json`, `events`, `watch --json` and the sinks have their events from here. `docs/events.md` lists the events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from stopgap.orchestrator.documents.envelope import envelope
from stopgap.orchestrator.documents.event_words import severity_of, summary_of
from stopgap.orchestrator.documents.notices import notices_of
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.approval_records import ApprovalAsked, Authorized
from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.fold import fold
from stopgap.orchestrator.journal.records import AnyRecord, ChangeIntended, RunFinished, RunStarted, StepStarted
from stopgap.orchestrator.secret import redact, redact_tree
from stopgap.orchestrator.severity import Severity
from stopgap.orchestrator.text import Text


class RunEvents:
    """Turns the entries of one run into events; each entry is given once, in order, the first one may be any."""

    def __init__(self, run: str, entries: Callable[[], Iterable[Entry]], *, report: Path | None = None) -> None:
        """`entries` gives all entries of the run, for what an event says of earlier ones.

        `report`: where the run's report will be, told at the end of the run if it is there.
        """
        self._run = run
        self._all = entries
        self._report = report
        self._knows = False
        self._begun: dict[tuple[str, str], StepStarted] = {}
        self._intended: dict[tuple[str, str, int], ChangeIntended] = {}

    def of(self, entry: Entry) -> Iterator[dict[str, Any]]:
        """Yield the event of an entry, and its notices: after the event, but before the end of a run."""
        self._remember(entry)
        made = self._event(entry)
        notices = list(self._notices(entry))
        if isinstance(entry.record, RunFinished):
            yield from notices
            yield made
        else:
            yield made
            yield from notices

    def notices(self, entry: Entry) -> Iterator[dict[str, Any]]:
        """Yield the notices of an entry without its event."""
        self._remember(entry)
        yield from self._notices(entry)

    def _remember(self, entry: Entry) -> None:
        if not self._knows:
            self._knows = True
            for earlier in self._until(entry.seq) if entry.seq else ():
                self._note(earlier.record)
        self._note(entry.record)

    def _note(self, record: AnyRecord) -> None:
        if isinstance(record, StepStarted):
            self._begun[record.step, record.target] = record
        elif isinstance(record, ChangeIntended):
            self._intended[record.step, record.target, record.index] = record

    def _event(self, entry: Entry) -> dict[str, Any]:
        record = entry.record
        change = self._change_of(record)
        if isinstance(record, RunFinished):
            history = self._history(entry)
            fields = ended_fields(history, self._report) if history else record.model_dump(exclude={"kind"})
        else:
            fields = _fields(record, self._begun.get(_place(record)))
        if change is not None:
            fields.setdefault("do", change.change.describe())
        return event(
            record.kind,
            severity_of(record),
            summary_of(record, change),
            at=entry.at,
            id_=f"{self._run}/{entry.seq}",
            run=self._run,
            host=self._host_of(record, change),
            step=_place(record)[0] or None,
            target=_place(record)[1] or None,
            fields=fields,
        )

    def _notices(self, entry: Entry) -> Iterator[dict[str, Any]]:
        record = entry.record
        change = self._change_of(record)
        step, target = _place(record)
        for number, notice in enumerate(notices_of(self._run, record, change), 1):
            yield event(
                notice.event,
                notice.severity,
                notice.summary,
                at=entry.at,
                id_=f"{self._run}/{entry.seq}/{number}",
                run=self._run,
                host=notice.host or self._host_of(record, change),
                step=step or None,
                target=notice.target or target or None,
                fields=notice.fields,
            )

    def _change_of(self, record: AnyRecord) -> ChangeIntended | None:
        index = getattr(record, "index", None)
        return None if index is None else self._intended.get((*_place(record), index))

    def _host_of(self, record: AnyRecord, change: ChangeIntended | None) -> str | None:
        if host := getattr(record, "host", None):
            return str(host)
        if change is not None:
            return change.host
        begun = self._begun.get(_place(record))
        return begun.host if begun else _place(record)[1] or None

    def _history(self, entry: Entry) -> History | None:
        try:
            return fold(self._run, self._until(entry.seq + 1), now=entry.at, running=False)
        except JournalError:
            return None

    def _until(self, seq: int) -> Iterable[Entry]:
        return takewhile(lambda entry: entry.seq < seq, self._all())


def event(
    name: str,
    severity: Severity,
    summary: str,
    *,
    fields: Mapping[str, Any],
    at: datetime | None = None,
    id_: str | None = None,
    run: str | None = None,
    host: str | None = None,
    step: str | None = None,
    target: str | None = None,
) -> dict[str, Any]:
    """Return an event: what every event has, then its own fields; secrets are redacted.

    `id_` is `RUN/NUMBER` of the record, with the number of the notice after a second slash: who gets an event twice
    knows it again by the id.

    >>> made = event("contained", "info", "web is contained", fields={}, host="web")
    >>> made["event"], made["severity"], made["host"], made["run"]
    ('contained', 'info', 'web', None)
    """
    base = {
        **envelope("event", at or datetime.now(UTC)),
        "id": id_,
        "event": name,
        "run": run,
        "host": host,
        "step": step,
        "target": target,
        "severity": severity,
        "summary": summary,
    }
    made: dict[str, Any] = redact_tree(base | {key: value for key, value in fields.items() if key not in base})
    # Stays a text that a reader of another language gets in that language.
    return made | {"summary": summary.mapped(redact) if isinstance(summary, Text) else redact(summary)}


def ended_fields(history: History, report: Path | None = None) -> dict[str, Any]:
    """Return the fields of `run-finished` by the records of a run; an interrupted run has no `exit_code`."""
    return {
        "outcome": history.state,
        "exit_code": history.finished.exit_code if history.finished else None,
        "reason": "",
        "steps": [
            {
                "step": step.step,
                "target": step.target,
                "host": step.host,
                "task": step.task,
                "outcome": step.outcome,
                "reason": step.reason,
            }
            for step in history.steps
        ],
        "containment": {cut.target: cut.verdict for cut in history.containment},
        "plan_digest": history.plan.digest if history.plan else None,
        "report": str(report) if report and report.is_file() else None,
    }


def _fields(record: AnyRecord, begun: StepStarted | None) -> dict[str, Any]:
    if isinstance(record, RunStarted):
        return {
            "runbook": record.runbook_name,
            "targets": list(record.targets),
            "operator": record.operator,
            "incident": record.incident or None,
        }
    if isinstance(record, Authorized):
        return {"person": record.person, "action": record.action, "roles": record.roles}
    if isinstance(record, ApprovalAsked):
        about = {"person": record.person, "plan_digest": record.plan, "people": record.people}
        return {**about, "emergency": record.emergency}
    if isinstance(record, ChangeIntended):
        undo = record.change.describe_undo()
        return {"index": record.index, "do": record.change.describe(), "undo": undo}
    fields = record.model_dump(mode="json", exclude={"kind", "run", "host", "step", "target", "name"})
    return {**fields, "task": begun.task} if begun else fields


def _place(record: AnyRecord) -> tuple[str, str]:
    return str(getattr(record, "step", "")), str(getattr(record, "target", ""))
