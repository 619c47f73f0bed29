"""The manual of an incident: one for all of its runs, for somebody who was not there. Pure.

Every block can be pasted: those of the controller into a shell on the machine that runs Stopgap, those of a host into
a root shell there. Nobody is named whom the incident does not name; nothing takes back `last`, whichever run that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, tzinfo
from typing import Any, Literal

from stopgap.orchestrator.hosttext import escape_tree
from stopgap.orchestrator.journal import ChangeStatus, History
from stopgap.orchestrator.journal.commands import parameter_text
from stopgap.orchestrator.journal.incidents import Incident
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.report.by_hand import do_by_hand, is_shell, undo_by_hand
from stopgap.orchestrator.report.excerpt import LONGEST, clipped
from stopgap.orchestrator.report.guide_words import CRITERIA, ELSE, RECOVERY
from stopgap.orchestrator.report.incident import build_incident
from stopgap.orchestrator.report.manual import PASTED
from stopgap.orchestrator.report.render import escape_markdown, fenced, standing_values, teller
from stopgap.orchestrator.secret import redact
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.template import render_file
from stopgap.orchestrator.text import Text, joined, tr

CONTROLLER = ""
"""Where a block is pasted that belongs to no host."""
NAME = "INCIDENT"
"""The shell variable with the incident's name."""
_KEPT = (
    *("reporter", "phone", "contact", "organisation", "customer", "provider", "provider_name", "hostnames"),
    *("service", "service_ja", "tlp", "credentials_at", "call", "timezone"),
)
"""Details of an incident that are likely to be those of the next one."""
_FROM_INCIDENT = frozenset({"incident", "runs"})
"""Parameters that the incident gives anew."""


@dataclass(frozen=True)
class Block:
    """Lines to paste, and what is expected then."""

    says: str
    """What it does."""
    lines: tuple[str, ...]
    host: str = CONTROLLER
    """Host whose root shell takes the lines; empty: the machine that runs Stopgap."""
    shell: bool = True
    """False: lines for the command line of a network device."""
    expect: tuple[str, ...] = ()
    kind: Literal["do", "by-hand", "undo"] = "do"


@dataclass(frozen=True)
class Row:
    """A row of a table: two texts and a detail."""

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Section:
    """A numbered part of the manual."""

    title: str
    says: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    items: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()


def guide(incident: Incident, histories: Sequence[History], recovers: Sequence[bool]) -> tuple[Section, ...]:
    """Return the sections; `histories` are the incident's runs in order, `recovers` says which bring a host back."""
    contained = [history for history, back in zip(histories, recovers, strict=True) if not back]
    first = next((history for history in contained if history.containment), histories[0])
    return (
        _people(incident),
        _needs(incident, first),
        _contain(incident, first, contained),
        Section(tr("What to decide, and by what"), rows=tuple(Row(what, criterion) for what, criterion in CRITERIA)),
        _recover(first),
        _by_hand(first),
        Section(tr("If it goes otherwise"), items=ELSE),
        _back(first),
    )


def guide_text(
    incident: Incident,
    histories: Sequence[History],
    recovers: Sequence[bool],
    *,
    lang: Language = "en",
    format: Literal["html", "md"] = "html",  # noqa: A002
    zone: tzinfo = UTC,
    names: Mapping[str, str] | None = None,
) -> str:
    """Return the manual as a page or as Markdown."""
    built = build_incident(incident, histories)
    told = teller(lang, names or {})
    sections = escape_tree([told(asdict(each)) for each in guide(incident, histories, recovers)])
    sections = _outside_blocks(
        sections, lambda text: escape_markdown(clipped(text)) if format == "md" else clipped(text)
    )
    values: dict[str, Any] = {
        **standing_values(built, {}, lang, zone),
        "sections": sections,
        "incident": escape_tree(incident.name),
        "as_of": built.as_of,
        "damage": escape_tree(list(built.damage)),
        "fenced": fenced,
        "words": {name: told(text) for name, text in _WORDS.items()},
    }
    return redact(render_file(f"report/guide.{format}", values).lstrip())


_WORDS: dict[str, Text] = {
    "title": tr("Manual for the next incident"),
    "for_whom": tr(
        "For somebody who was not there. It comes from what was really done; fill in what is blank now, and print "
        "it: the machine that holds it may be the one that is lost."
    ),
    "damaged": tr(
        "The journal is damaged: these are not the records that were written. Believe nothing here before you have "
        "looked at the hosts."
    ),
    "here": tr("on the machine that runs Stopgap"),
    "root": tr("as root on {host}", host="{host}"),
    "device": tr("on the command line of {host}", host="{host}"),
    "expect": tr("Expect:"),
}


def _outside_blocks(sections: Any, function: Callable[[Any], Any]) -> Any:  # noqa: ANN401
    """Apply a function to all texts but the lines of blocks, which are pasted as they are."""
    if isinstance(sections, Mapping):
        return {
            k: tuple(v) if k == "lines" else tuple(map(clipped, v)) if k == "expect" else _outside_blocks(v, function)
            for k, v in sections.items()
        }
    if isinstance(sections, list | tuple):
        return [_outside_blocks(each, function) for each in sections]
    return function(sections)


def _people(incident: Incident) -> Section:
    details = incident.details
    blank = "____________"
    rows = [Row(details.reporter or blank, details.phone or blank, tr("in charge the last time"))]
    contract = tr("contract {number}", number=details.customer) if details.customer else ""
    provider = details.provider_name or tr("Provider, around the clock")
    rows.append(Row(provider, str(details.provider or blank), contract))
    for entry in filter(None, (part.strip() for part in (details.call or "").split(";"))):
        name, _, number = entry.rpartition(" +")
        rows.append(Row(name, f"+{number}") if name else Row(entry, blank))
    if not details.call:
        rows.append(Row(tr("Who decides, and a deputy"), blank))
    says = tr(
        "A blank: the incident names nobody. stopgap incident describe --set phone=… --set call='NAME +NUMBER; …'"
    )
    return Section(tr("Whom to call"), (says,), tuple(rows))


def _needs(incident: Incident, first: History) -> Section:
    details = incident.details
    kept = details.credentials_at or "____________"
    hosts = tuple(
        Row(
            host.name,
            f"{host.user}@{host.address}" + (f":{host.port}" if host.port != 22 else ""),
            ", ".join(filter(None, (host.driver or host.cli or "", str(host.identity or "")))),
        )
        for host in first.started.hosts
    )
    says = (
        tr("A login on the machine that runs Stopgap, its inventory {path} and the pinned host keys.",
           path=first.started.inventory_path),
        tr("Keys and passwords are kept: {where}", where=kept),
        tr("Nothing is installed on the hosts. Below is each host with its login."),
    )  # fmt: skip
    return Section(tr("What you need"), says, hosts)


def _contain(incident: Incident, first: History, contained: Sequence[History]) -> Section:
    given = _run_words(first, incident)
    expect = tuple(
        f"{number:<2} {step.name}  {step.host}  {step.outcome}"
        for number, step in enumerate((s for s in first.steps if s.outcome), 1)
    )
    verdicts = tuple(f"{each.target} is {each.verdict}" for each in first.containment)
    checked = _run_words(first, incident, alone=True)
    known = incident.details.as_parameters()
    said = {name: str(known[name]) for name in _KEPT if name in known}
    kept = [word for name, value in said.items() if _can_be_typed(value) for word in ("--set", f"{name}={value}")]
    open_ = (
        f"{NAME}=incident-$(date +%Y%m%d-%H%M)",
        f'stopgap incident open "${NAME}" {join([*kept, "--json"])} >/dev/null',
    )
    belongs = f'--incident "${NAME}"'
    blocks = [
        Block(tr("Give the incident a name; the blocks below need it in the same shell"), open_),
        Block(tr("Check, without contacting anything"), (join(["stopgap", "check", *checked]),),
              expect=("valid. Nothing was contacted.",)),
        Block(tr("Look first: every command with its undo is shown, and nothing is written"),
              (f"{join(['stopgap', 'run', *given])} {belongs} --dry-run",), expect=("Nothing was written.",)),
        Block(tr("Do it; the plan is agreed to with yes, or at once with --yes"),
              (f"{join(['stopgap', 'run', *given])} {belongs}",), expect=(*expect, *verdicts)),
        Block(tr("See how it stands"), ("stopgap status", "stopgap recover"), expect=verdicts),
    ]  # fmt: skip
    others = [h for h in contained if h is not first and h.state == "ok"]
    blocks += [
        Block(
            tr("Run besides the last time: {name}", name=history.started.runbook_name),
            (f"{join(['stopgap', 'run', *_run_words(history, incident)])} {belongs} --dry-run",),
        )
        for history in others
    ]
    duties = tr("Whom the law or a contract obliges you to tell, and until when")
    blocks.append(Block(duties, (f"stopgap incident duties {belongs}",)))
    return Section(tr("Cut it off"), blocks=tuple(blocks))


def _recover(first: History) -> Section:
    inventories = [word for path in first.started.inventory_path.split(", ") for word in ("-i", path)]
    targets = [word for target in first.started.targets for word in ("-t", target)]
    command = f'{join(["stopgap", "run", "recover", *inventories, *targets])} -p runs="${NAME}" --incident "${NAME}"'
    says = (
        tr("Each question says the number of its step. `no` or `open` ends it there; `stopgap resume RUN` goes on."),
    )
    blocks = (
        Block(tr("See the whole way first"), (f"{command} --dry-run",), expect=("Nothing was written.",)),
        Block(tr("Bring it back"), (command,)),
        Block(tr("Where it stands, at any time"), ("stopgap recover",)),
    )
    return Section(tr("Bring it back, step by step"), says, items=RECOVERY, blocks=blocks)


def _by_hand(first: History) -> Section:
    """Return every change of the containment as lines to paste, in the order of the run."""
    says = (
        tr("Where Stopgap cannot be used. Each block is for a root shell on the host that it names, in this order."),
        tr(
            "A change that a provider's program makes, or that is too long, is not listed: {left}",
            left=_unlisted(first),
        ),
    )
    blocks = [
        Block(change.change.describe(), lines, change.host, is_shell(change.change), kind="by-hand")
        for change in first.changes
        if change.made and not change.change.only_reads and (lines := _pasted(do_by_hand(change.change)))
    ]
    return Section(tr("By hand"), says, blocks=tuple(blocks))


def _back(first: History) -> Section:
    steps = tuple(dict.fromkeys(change.step for change in first.changes if not change.change.only_reads))
    says = (
        tr("In the reverse order, once the cause is found. RUN is the run that made it: `stopgap runs` lists it."),
    )
    rows = tuple(Row(f"stopgap undo RUN --step {step}", _undone(first, step)) for step in reversed(steps))
    blocks = [
        Block(change.change.describe_undo(), lines, change.host, is_shell(change.change), kind="undo")
        for change in _undo_order(first)
        if (lines := _pasted(undo_by_hand(change.change)))
    ]
    return Section(tr("Take single steps back"), says, rows, blocks=tuple(blocks))


def _undo_order(history: History) -> Iterator[ChangeStatus]:
    """Yield the changes in the order of an undo: a daemon takes up its files after they are put back."""
    made = [change for change in history.changes if change.made and not change.change.only_reads]
    for step in reversed(dict.fromkeys((c.step, c.target) for c in made)):
        mine = [change for change in made if (change.step, change.target) == step]
        yield from (change for change in reversed(mine) if not change.activates)
        yield from (change for change in mine if change.activates)


def _undone(history: History, step: str) -> str:
    return joined("; ", dict.fromkeys(c.change.describe_undo() for c in history.changes if c.step == step))


def _unlisted(history: History) -> str:
    found = [
        change.change.describe()
        for change in history.changes
        if change.made and not change.change.only_reads and not _pasted(do_by_hand(change.change))
    ]
    return joined("; ", found) if found else tr("none")


def _can_be_typed(value: str) -> bool:
    return "\0" not in value and len(value) <= LONGEST


def _pasted(lines: tuple[str, ...]) -> tuple[str, ...]:
    return lines if sum(map(len, lines)) <= PASTED else ()


def _run_words(history: History, incident: Incident, *, alone: bool = False) -> list[str]:
    """Return the arguments that repeat a run, without what the incident gives anew, and what was seen the last time.

    `alone`: for a command that knows of no incident, with what the next incident is likely to give.
    """
    started = history.started
    known = incident.details.as_parameters()
    words = [started.runbook_path, *(word for path in started.inventory_path.split(", ") for word in ("-i", path))]
    words += [word for target in started.targets for word in ("-t", target)]
    for name, value in started.params.items():
        text = parameter_text(value) if value is not None else ""
        if value in (None, [], "") or name in _FROM_INCIDENT:
            continue
        if known.get(name) == text and not (alone and name in _KEPT):
            continue
        words += ["-p", f"{name}={text}"]
    return words
