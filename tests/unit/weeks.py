"""An incident of 24 days, as its journal tells it: cut off at once, the web let in, then all of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from stopgap.orchestrator.journal import Entry, History
from stopgap.orchestrator.journal.details import IncidentDetails
from stopgap.orchestrator.journal.fold import fold
from stopgap.orchestrator.journal.incident_records import ActionAdded, ActionDone
from stopgap.orchestrator.journal.incidents import Action, Incident, Told
from stopgap.orchestrator.journal.records import (
    AnyRecord,
    FindingNoted,
    FindingsMade,
    MessageIntended,
    MessagePosted,
    RunFinished,
    StepFinished,
    StepStarted,
    UndoIntended,
    UndoMade,
)

from .story import CONTAINED, DROP, FOUND, answered, change, look, started

ALARM = datetime(2026, 11, 2, 0, 37, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
NOW = ALARM + 24 * DAY

DETAILS = IncidentDetails(
    reporter="Kei Tanaka", phone="+81 3 0000 0000", contact="noc@example.jp", organisation="Example Shop KK",
    customer="C-4711", provider_name="Example Hosting", hostnames="www.shop.example.jp",
    service="the shop and its mail", service_ja="ネットショップとメール", severity="critical",
    seen="mail from the provider about scans from web",
    seen_at=ALARM - 12 * MINUTE, timezone="Asia/Tokyo", costs="120000 JPY", tlp="amber", page_shown=3120,
    credentials_at="the sealed envelope in safe 3",
    call="Example Hosting NOC +81 3 1111 1111; Aoi Sato, deputy +81 90 2222 2222",
)  # fmt: skip


def run(
    name: str,
    begin: datetime,
    parts: Sequence[tuple[datetime, Sequence[AnyRecord]]],
    now: datetime = NOW,
    **first: object,
) -> History:
    """Fold a run whose records are written at the moments of its parts."""
    entries = [Entry(0, begin, started(**first))]
    for at, records in parts:
        entries += [Entry(len(entries) + n, at, record) for n, record in enumerate(records)]
    return fold(name, entries, now=now, running=False)


def step(name: str, task: str, out: tuple[str, ...] = (), **end: object) -> tuple[StepStarted, StepFinished]:
    place = {"step": name, "target": "web", "host": "edge"}
    begun = StepStarted.model_validate(
        {**place, "name": name, "task": task, "services_out": out, "outage": bool(out)}
    )
    return begun, StepFinished.model_validate({**place, "outcome": "changed", "seconds": 1.0, **end})


def contain() -> History:
    """The block of all of it, 3 minutes after the alarm; it and the mail stop are undone on day 21."""
    named: list[AnyRecord] = []
    for record in CONTAINED[:-1]:
        if isinstance(record, StepStarted) and record.step in {"cut-off", "mail"}:
            out = ("web", "mail") if record.step == "cut-off" else ("mail",)
            named.append(record.model_copy(update={"services_out": out, "outage": True}))
        elif isinstance(record, StepFinished) and record.step == "mail":
            named.append(record.model_copy(update={"figures": {"messages-held": 14}}))
        else:
            named.append(record)
    trace = FindingNoted(
        id="x", severity="critical", title="A process hides", count=3, first="process 7",
        times=((ALARM - 3 * DAY).isoformat(), (ALARM + 5 * MINUTE).isoformat()),
    )  # fmt: skip
    found = FindingsMade.model_validate(FOUND.model_dump() | {"findings": [trace.model_dump()]})
    ended = RunFinished(outcome="ok", exit_code=0, containment={"web": "contained"})
    back = [
        UndoIntended(step="cut-off", target="web", index=0, because="operator"),
        UndoMade(step="cut-off", target="web", index=0, outcome="undone"),
    ]
    mail = [
        UndoIntended(step="mail", target="web", index=0, because="operator"),
        UndoMade(step="mail", target="web", index=0, outcome="undone"),
    ]
    begin = ALARM + 3 * MINUTE
    held = DROP.model_copy(update={"lasts": 30 * 86400})
    longer = [r.model_copy(update={"change": held}) if getattr(r, "change", None) == DROP else r for r in named]
    return run(
        "20261102-0040-cut1",
        begin,
        [(begin, [*longer, found, ended]), (ALARM + 21 * DAY, [*back, *mail])],
    )


def customers() -> History:
    """Two customers are told on the first day."""
    begin = ALARM + 90 * MINUTE
    first, last = step("tell", "customers.notify")
    told: list[AnyRecord] = [first]
    for to in ("a@example.com", "b@example.com"):
        fields = {"step": "tell", "target": "web", "key": to, "to": to}
        told.append(
            MessageIntended.model_validate(
                fields | {"about": "customers", "way": "file", "subject": "s", "text": "t"}
            )
        )
        told.append(MessagePosted.model_validate(fields | {"outcome": "sent", "detail": "accepted"}))
    told += [last, RunFinished(outcome="ok", exit_code=0)]
    return run("20261102-0207-tell", begin, [(begin, told)], runbook_name="Tell customers")


def recovery() -> History:
    """The web is let in on day 18 by a narrower block, which is undone on day 21."""
    begin = ALARM + 18 * DAY
    first, last = step("web-first", "traffic.block", ("mail",))
    narrow: list[AnyRecord] = [
        first,
        *change("web-first", "edge", DROP.model_copy(update={"lasts": 30 * 86400})),
        last,
    ]
    watch, watched = step("watch-web", "service.watch", outcome="unchanged")
    seen = look("isp", "GET / of 203.0.113.10 answers 200", step="watch-web", containment=False, seen="200")
    back: list[AnyRecord] = [
        UndoIntended(step="web-first", target="web", index=0, because="operator"),
        UndoMade(step="web-first", target="web", index=0, outcome="undone"),
        RunFinished(outcome="ok", exit_code=0),
    ]
    way = answered("What was the way in?", "an upload form of the shop, shut on 4 November", type="text", cause=True)
    parts: list[tuple[datetime, Sequence[AnyRecord]]] = [
        (begin, way),
        (begin + MINUTE, narrow),
        (begin + 2 * MINUTE, [watch, seen, watched]),
        (ALARM + 21 * DAY, back),
    ]
    return run("20261120-0037-back", begin, parts, runbook_name="Bring a contained host back")


def incident() -> tuple[Incident, list[History]]:
    """Give the incident and its runs."""
    histories = [contain(), customers(), recovery()]
    added = [
        ActionAdded(number=1, text="Replace the upload form", owner="Aoi Sato", due="2026-11-20", by="kei@noc1"),
        ActionAdded(
            number=2, text="Pay for a second router?", owner="Mio Ito", due="2026-12-10", decision=True, by="kei@noc1"
        ),
    ]  # fmt: skip
    done = ActionDone(number=1, result="in production", by="kei@noc1")
    notes = (
        Told(ALARM + 10 * MINUTE, "kei@noc1", "The provider has been called, ticket 4711"),
        Told(ALARM + 22 * DAY, "kei@noc1", "The spare page was ready before the first caller", went_well=True),
    )
    actions = (Action(added[0], done, ALARM + 20 * DAY), Action(added[1]))
    opened = Told(ALARM, "kei@noc1", "")
    runs = tuple(history.run for history in histories)
    return Incident("shop-2026-11", opened, notes, None, runs, DETAILS, (), actions), histories
