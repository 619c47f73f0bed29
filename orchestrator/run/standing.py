"""Where the return of a host stands: which step, which question waits, and which command comes next. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal, TypeAlias

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.commands import parameter_text, run_arguments
from stopgap.orchestrator.journal.history import StepStatus
from stopgap.orchestrator.journal.open_findings import open_findings
from stopgap.orchestrator.journal.open_hosts import TOLD, OpenHost
from stopgap.orchestrator.journal.records import step_of
from stopgap.orchestrator.outcome import DONE
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook import Step, parse_runbook
from stopgap.orchestrator.severity import SEVERITIES, severity_text
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.text import joined, moment_text, tr

Phase: TypeAlias = Literal["cut-off", "returning", "stopped", "back", "open"]
"""`cut-off`: contained, no recovery begun. `returning`: a recovery goes on. `stopped`: a recovery waits for `resume`.
`back`: a recovery is finished. `open`: reachable again without a finished recovery."""


@dataclass(frozen=True)
class StepStands:
    """A step of a recovery on one target."""

    number: int
    id: str
    name: str
    name_ja: str
    state: Literal["done", "now", "to-come"]
    reason: str = ""
    """Of the present step: why it stopped."""


@dataclass(frozen=True)
class HostStands:
    """Where one host stands."""

    target: str
    phase: Phase
    since: datetime | None
    until: datetime | None
    """When the block ends by itself."""
    run: str
    """The recovery, or the run that contains the host."""
    steps: tuple[StepStands, ...]
    """Of the recovery."""
    asks: str
    """Id of the step that waits for an answer; empty without a question."""
    open_findings: int
    commands: tuple[str, ...]
    """What comes next, as typed."""

    @property
    def now(self) -> StepStands | None:
        """Return the present step of the recovery; None without a recovery, or after the last step."""
        return next((step for step in self.steps if step.state == "now"), None)


def hosts_stand(histories: Sequence[History], incident: str = "") -> Iterator[HostStands]:
    """Yield where each host stands that the runs have contained; `histories` in order of their start.

    `incident`: the name for the commands to type; without one, the commands name runs.
    """
    contained: dict[str, list[History]] = {}
    for history in histories:
        for each in history.containment if not recovers(history) else ():
            contained.setdefault(each.target, []).append(history)
    for target, cutting in contained.items():
        mine = [history for history in histories if target in history.started.targets]
        back = [history for history in mine if recovers(history)]
        yield _stands(target, cutting, back[-1] if back else None, mine, incident)


def _stands(
    target: str, contained: Sequence[History], recovery: History | None, mine: Sequence[History], incident: str
) -> HostStands:
    cuts = [each for history in mine for each in history.containment if each.target == target]
    in_force = [each for each in cuts if each.in_force]
    opened = sum(each.target == target and each.state != "accepted" for each in open_findings(mine))
    lifted = [c.undone for h in mine for c in h.changes if c.target == target and c.undone and c.change.lasts]
    steps = tuple(_steps(recovery, target)) if recovery else ()
    asks = next((a.step for a in recovery.waiting if a.target == target), "") if recovery else ""
    phase: Phase
    next_: tuple[str, ...]
    if recovery is not None and recovery.state == "running":
        phase = "returning"
        next_ = (f"stopgap answer {recovery.run} {asks}",) if asks else (f"stopgap watch {recovery.run}",)
    elif recovery is not None and recovery.state != "ok":
        phase, next_ = "stopped", (f"stopgap resume {recovery.run}",)
    elif recovery is not None and not in_force:
        phase = "back"
        closing = (f"stopgap incident close --incident {incident}",) if incident and not opened else ()
        next_ = (*_tell_again(mine, target, incident), *closing)
    elif in_force:
        phase, next_ = "cut-off", (_recover(contained, target, incident),)
    else:
        phase, next_ = "open", ()
    if phase in {"open", "back"} and opened:
        wrong = any(each.target == target and each.state in TOLD for each in open_findings(mine))
        contain = join(["stopgap", "run", *run_arguments(contained[0].started, [target])])
        next_ = (contain if wrong or phase == "open" else f"stopgap evidence findings {mine[-1].run}", *next_)
    return HostStands(
        target=target,
        phase=phase,
        since=min((each.cut_at for each in cuts if each.cut_at), default=None)
        if in_force
        else max(lifted, default=None),
        until=min((each.until for each in in_force if each.until), default=None),
        run=recovery.run if recovery else contained[-1].run,
        steps=steps,
        asks=asks,
        open_findings=opened,
        commands=next_,
    )


_TELLS = "customers.notify"
_SAME = (
    *("contact", "csv", "service", "service_ja", "phone", "organisation", "first"),
    *("mail_host", "mail_port", "mail_security", "mail_user", "mail_secret"),
)
"""Parameters that `back-in-service` has from `tell-customers`."""


def _tell_again(mine: Sequence[History], target: str, incident: str) -> Iterator[str]:
    """Yield the command that tells the service is back, to those who were told of the outage and of nothing since."""
    telling = [h for h in mine if any(step.task == _TELLS and step.outcome in DONE for step in h.steps)]
    if not telling or any(_says_back(history) for history in telling):
        return
    started = telling[-1].started
    words = [word for path in started.inventory_path.split(", ") for word in ("-i", path)] + ["-t", target]
    for name in _SAME:
        if started.params.get(name) not in {None, ""}:
            words += ["-p", f"{name}={parameter_text(started.params[name])}"]
    belongs = ["--incident", incident] if incident else []
    yield join(["stopgap", "run", "back-in-service", *words, *belongs])


def _says_back(history: History) -> bool:
    return any(step.with_.get("occasion") == "restored" for step in _runbook(history.started.runbook_text))


def recovers(history: History) -> bool:
    """Return True for a run that undoes changes of earlier runs, step by step."""
    known = tasks()
    return any(step.task in known and known[step.task].lifts for step in _runbook(history.started.runbook_text))


def _steps(history: History, target: str) -> Iterator[StepStands]:
    by_id: dict[str, StepStatus] = {step_of(s.step): s for s in history.steps if s.target == target}
    ahead = False
    for number, step in enumerate(_runbook(history.started.runbook_text), 1):
        stood = by_id.get(step.id)
        done = stood is not None and (stood.outcome in DONE or stood.outcome == "skipped") and not ahead
        state: Literal["done", "now", "to-come"] = "done" if done else "to-come" if ahead else "now"
        ahead = ahead or not done
        reason = stood.reason if stood is not None and state == "now" else ""
        yield StepStands(number, step.id, step.name, step.name_ja, state, reason)


def _recover(contained: Sequence[History], target: str, incident: str) -> str:
    started = contained[-1].started
    runs = incident or ",".join(dict.fromkeys(history.run for history in contained))
    inventories = [word for path in started.inventory_path.split(", ") for word in ("-i", path)]
    belongs = ["--incident", incident] if incident else []
    return join(["stopgap", "run", "recover", *inventories, "-t", target, "-p", f"runs={runs}", *belongs])


@lru_cache(maxsize=16)
def _runbook(text: str) -> tuple[Step, ...]:
    try:
        return parse_runbook(text, "").steps
    except InvalidInput:  # of another version
        return ()


def phase_text(host: HostStands) -> str:
    """Return where a host stands, in one sentence."""
    since = tr(" since {since}", since=moment_text(host.since)) if host.since else ""
    match host.phase:
        case "cut-off":
            until = tr(", until {until}", until=moment_text(host.until)) if host.until else ""
            return tr("{target} is cut off{since}{until}.", target=host.target, since=since, until=until)
        case "returning":
            return tr("{target} is on its way back, by run {run}.", target=host.target, run=host.run)
        case "stopped":
            return tr("The way back of {target}, run {run}, stopped.", target=host.target, run=host.run)
        case "back":
            return tr("{target} is back in service{since}.", target=host.target, since=since)
        case "open":
            return tr(
                "{target} is not cut off any more{since}; no recovery was finished.", target=host.target, since=since
            )


def open_text(host: OpenHost) -> str:
    """Return that a host stands open, with the number of its open findings, in one sentence."""
    counts = {s: sum(each.finding.severity == s for each in host.findings) for s in SEVERITIES}
    found = joined(
        ", ", (tr("{count} {severity}", count=n, severity=severity_text(s)) for s, n in counts.items() if n)
    )
    return tr(
        "{target} stands open{since}, with findings that nobody has shown to be gone: {found}.",
        target=host.target,
        since=tr(" since {since}", since=moment_text(host.since)) if host.since else "",
        found=found,
    )
