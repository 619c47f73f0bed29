"""What happened in runs of a test, as journals tell it: contained, failed, taken back, hostile."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from stopgap.orchestrator.change import CHANGE, Activate, Change, RunCommands, command, write_file
from stopgap.orchestrator.facts import ABSENT
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal import Entry, History
from stopgap.orchestrator.journal.fold import fold
from stopgap.orchestrator.journal.records import (
    Answered,
    AnyRecord,
    Asked,
    ChangeIntended,
    ChangeMade,
    CheckJudged,
    EvidenceKept,
    FindingNoted,
    FindingsMade,
    HostUnreachable,
    PlanMade,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    UndoIntended,
    UndoMade,
)
from stopgap.orchestrator.question import Question

Lang: TypeAlias = Literal["en", "ja"]

START = datetime(2026, 11, 23, 1, 13, tzinfo=UTC)
HOSTS = (
    Host(name="web", address="203.0.113.10", upstream="edge", spare="spare"),
    Host(name="spare", address="203.0.113.20"),
    Host(name="edge", address="10.9.0.1", driver="nftables"),
    Host(name="other", address="203.0.113.99"),
)


def started(**news: object) -> RunStarted:
    fields: dict[str, object] = {
        "version": "0.1.0",
        "runbook_name": "Contain a compromised web server",
        "runbook_path": "/srv/runbooks/contain.yaml",
        "runbook_text": "",
        "inventory_path": "/srv/inventories/lab.yaml",
        "inventory_text": "",
        "hosts": HOSTS,
        "targets": ("web",),
        "params": {"contact": "noc@example.jp"},
        "operator": "kei@noc1",
    }
    return RunStarted.model_validate(fields | news)


def step(name: str, host: str, title: str, task: str, *between: AnyRecord, **end: object) -> list[AnyRecord]:
    outcome: dict[str, object] = {"outcome": "changed", "seconds": 1.2} | end
    return [
        StepStarted(step=name, target="web", host=host, name=title, task=task),
        *between,
        StepFinished.model_validate({"step": name, "target": "web", "host": host} | outcome),
    ]


def change(name: str, host: str, *changes: Change | None) -> list[AnyRecord]:
    numbered = [(i, CHANGE.validate_python(each)) for i, each in enumerate(changes)]
    return [
        *(ChangeIntended(step=name, target="web", host=host, index=i, change=each) for i, each in numbered),
        *(ChangeMade(step=name, target="web", index=i, outcome="done") for i, _ in numbered),
    ]


def answered(text: str, answer: str, by: str = "kei@noc1", **question: Any) -> list[AnyRecord]:
    """Ask a question of a step `ask`, and answer it."""
    asked = Question(text=text, reason="It has to be known.", **question)
    return [
        Asked(step="ask", target="web", question=asked),
        Answered(step="ask", target="web", question=text, answer=asked.read(answer), by=by),
    ]


def look(vantage: str, about: str, holds: bool | None = True, **news: object) -> CheckJudged:
    fields: dict[str, object] = {
        "step": "cut-off",
        "target": "web",
        "vantage": vantage,
        "about": about,
        "holds": holds,
        "seen": "silent",
    }
    return CheckJudged.model_validate(fields | {"containment": True} | news)


DROP = RunCommands(
    about="drop 203.0.113.10 both ways, web to 203.0.113.20",
    do=(command("nft", "-f", "-", stdin="add table inet stopgap\n"),),
    undo=(command("nft", "delete", "table", "inet", "stopgap"),),
    undo_about="delete table inet stopgap",
    diff=("+table inet stopgap {", "+\tset blocked { type ipv4_addr; flags timeout; }", "+}"),
    lasts=72 * 3600,
)
MASK = RunCommands(
    about="stop postfix and keep it from starting",
    do=(command("systemctl", "mask", "--now", "postfix.service"),),
    undo=(command("systemctl", "unmask", "postfix.service"), command("systemctl", "start", "postfix.service")),
    undo_about="unmask, enable, start postfix",
)
PAGE = write_file("/etc/apache2/conf-available/stopgap.conf", 'ErrorDocument 503 "…"\nRedirect 503 /\n', ABSENT)
RELOAD = Activate(
    about="test the configuration, reload apache2",
    test=(command("apache2ctl", "configtest"),),
    take=(command("systemctl", "reload", "apache2"),),
)
KEPT = EvidenceKept(
    step="volatile",
    target="web",
    host="web",
    profile="volatile",
    folder="evidence/web/volatile",
    items=38,
    size=2_345_678,
    manifest_sha256="7f3a91c2" * 8,
)
FOUND = FindingsMade(
    step="volatile",
    target="web",
    host="web",
    profile="volatile",
    folder="evidence/web/volatile",
    findings=(
        FindingNoted(id="y", severity="low", title="A job of cron", count=1, first="/etc/cron.d/<b>x</b>"),
        FindingNoted(id="x", severity="critical", title="A process hides", count=3, first="process 7 (002-x.txt:9)"),
    ),
    rules=120,
    not_looked=0,
    sha256="7f3a91c2" * 8,
)
CUT = step(
    "cut-off",
    "edge",
    "Drop its packets upstream",
    "traffic.block",
    *change("cut-off", "edge", DROP),
    look("spare", "203.0.113.10:80 is silent"),
    look("isp", "203.0.113.10:80 is silent"),
    look("isp", "[2001:db8:113::10]:80 is silent"),
    gaps=("203.0.113.30 shares web's segment; an upstream cannot part them.",),
)
MAIL = step(
    "mail",
    "web",
    "Stop the mail server",
    "mta.stop",
    *change("mail", "web", MASK),
    look("web", "nothing listens on 25", step="mail", seen="none", containment=False, reported_by_target=True),
    notes=("14 messages stay queued; senders give up from Fri 27 Nov",),
)
WEB = step("page", "spare", "Maintenance page", "apache.maintenance", *change("page", "spare", PAGE, RELOAD))
OK = RunFinished(outcome="ok", exit_code=0, containment={"web": "contained"})
CONTAINED = [
    PlanMade(digest="7f3a91c2" * 8, changes=6, hosts=3),
    *CUT,
    *step("volatile", "web", "Evidence, volatile", "evidence.collect", KEPT, outcome="unchanged"),
    *MAIL,
    *WEB,
    *answered("Is the provider told?", "yes", by="kei"),
    OK,
]
BACK = [
    UndoIntended(step="cut-off", target="web", index=0, because="operator"),
    UndoMade(step="cut-off", target="web", index=0, outcome="undone"),
]
FAILED = [
    *CUT[:-1],
    *step("mail", "web", "Stop the mail server", "mta.stop", outcome="failed", reason="postfix would not stop"),
    HostUnreachable(host="spare", reason="timeout after 10 s"),
    *step("page", "spare", "Maintenance page", "apache.maintenance", outcome="unreachable", reason="timeout"),
    look("isp", "203.0.113.10:25 is silent", False, seen="open"),
    look("other", "203.0.113.10:443 is silent", None, seen="no tool there to connect with"),
    RunFinished(outcome="failed", exit_code=1, containment={"web": "partly"}),
]


def told(
    records: Iterable[AnyRecord], *, first: RunStarted | None = None, running: bool = False, hour: int = 0
) -> History:
    """Fold the records of a run that starts `hour` hours after START."""
    start = START + timedelta(hours=hour)
    entries = [
        Entry(i, start + timedelta(seconds=i / 2), record) for i, record in enumerate([first or started(), *records])
    ]
    return fold("20261123-0113-k3f9", entries, now=start + timedelta(minutes=5), running=running)


def hostile_story(text: str) -> History:
    first, records = hostile_records(text)
    return told(records, first=first)


def hostile_records(text: str) -> tuple[RunStarted, list[AnyRecord]]:
    """Give the records of a run where every word of a host is `text`."""
    bad = RunCommands(about=text, do=(command("x", text),), undo=None, undo_about=text, diff=(text, f"+{text}"))
    written = write_file("/etc/motd", text + "\n", ABSENT)
    records: list[AnyRecord] = [
        HostUnreachable(host="other", reason=text),
        *answered(text, "no", by=text),
        KEPT.model_copy(update={"profile": text, "folder": text}),
        *step(
            "cut-off", "edge", text, text, *change("cut-off", "edge", bad, written), look("isp", text, False),
            outcome="failed", reason=text, notes=(text,), gaps=(text,),
        ),
        RunFinished(outcome="failed", exit_code=1, containment={"web": "partly"}),
    ]  # fmt: skip
    hosts = (*HOSTS[:3], Host(name="other", address=text))
    return started(runbook_name=text, operator=text, hosts=hosts), records
