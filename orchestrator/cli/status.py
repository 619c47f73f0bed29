"""status: changes in force, by the journal and by the devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage, show_strays
from stopgap.orchestrator.cli.journals import tell_apart
from stopgap.orchestrator.cli.screen import Screen, padded, said
from stopgap.orchestrator.outcome import word_of
from stopgap.orchestrator.text import moment_text, tr
from stopgap.reading import status as read_status

if TYPE_CHECKING:
    from stopgap.orchestrator.journal import ChangeStatus
    from stopgap.orchestrator.run.status import DeviceLook, RunStatus, Status

_NAMED = 4
"""Lines of a difference that are shown."""


@dataclass(frozen=True)
class StatusOptions:
    """The options of `stopgap status`."""

    offline: bool = False
    json: bool = False


def status(options: StatusOptions) -> int:
    """List the changes in force; return 0 as expected, 1 if a device or a damaged journal differs.

    3 if a device was unreachable.
    """
    if options.json:
        from stopgap.orchestrator.cli.document import print_document
        from stopgap.orchestrator.run.status_document import status_document

        found = read_status(offline=options.offline)
        tell_apart(found.apart)
        print_document(status_document(found))
        _tell_sinks(found)
        return found.exit_code
    screen = screens.out()
    found = read_status(offline=options.offline, on_run=lambda run: _show(screen, run))
    tell_apart(found.apart)
    show_strays(screen, found.strays)
    _show_hosts(screen, found)
    if not any(run.history for run in found.runs):
        screen.line(
            tr("Nothing is in force that the journal can tell of.") if found.damaged else tr("Nothing is in force.")
        )
    for ending in (ending for run in found.runs for ending in run.endings):
        place = {"target": ending.target, "host": ending.host, "when": moment_text(ending.at)}
        screen.line(tr("Ends soon: {target} on {host}, {when}; run `extend` to prolong it.", **place), "warn")
    for left in found.undelivered:
        screen.line(tr("{words} (run {run})", words=left.text(), run=left.run), "warn")
    for waiting in found.not_stored:
        screen.line(waiting.text(), "warn")
    _tell_sinks(found)
    return found.exit_code


def _tell_sinks(found: Status) -> None:
    """Write down what the looks have shown, and give the sinks what is new; without sinks nobody is told."""
    if not found.runs:
        return
    from stopgap.orchestrator.journal import state_home
    from stopgap.orchestrator.run.looking import note_status
    from stopgap.orchestrator.sinks.delivery import Deliveries
    from stopgap.orchestrator.sinks.loading import configured
    from stopgap.orchestrator.source import InvalidInput

    home = state_home()
    try:
        sinks = configured(home)
    except InvalidInput as error:
        for problem in error.problems:
            screens.err().line(problem.lines[0], "warn")
        return
    if sinks:
        with Deliveries(home, sinks, lambda line: screens.err().line(line, "warn")) as deliveries:
            deliveries.looked(note_status(home, found))


def _show_hosts(screen: Screen, found: Status) -> None:
    """Show the hosts that stand open, and those on their way back."""
    if found.open_hosts:
        from stopgap.orchestrator.cli.verdicts import show_open_hosts

        show_open_hosts(screen, found.open_hosts)
    if found.returning:
        from stopgap.orchestrator.cli.recover import show_standing

        for host in found.returning:
            show_standing(screen, host)


def _show(screen: Screen, run: RunStatus) -> None:
    show_damage(screen, run.run, run.damage)
    if (history := run.history) is None:
        return
    from stopgap.orchestrator.cli.approvals import show_approvals
    from stopgap.orchestrator.cli.verdicts import show_again
    from stopgap.orchestrator.cli.words import own_name

    name = own_name(history)
    screen.line(f"{run.run}  {name}  ({said(word_of(history.state))})", "title")
    if history.approval:
        show_approvals(screen, history)
    told: set[tuple[str, str]] = set()
    for change in run.in_force:
        until = tr("until {ends}", ends=moment_text(change.ends)) if change.ends else tr("until undone")
        if change.due:
            until = tr("until undone, asked for until {due}", due=moment_text(change.due))
        doubt = "" if change.state == "done" else f"  [{said(word_of(change.state))}]"
        line = f"  {padded(change.host, 11)} {said(change.change.describe())}; {said(until)}{doubt}"
        screen.line(line, "warn" if doubt else "")
        if change in run.overdue:
            undo = f"stopgap undo {run.run} --step {change.step}"
            _say(screen, tr("its time is over, and nothing ends it by itself: {undo}", undo=undo), "bad")
        if change.goes_back:
            _say(screen, _back(change, change.goes_back), "warn")
        place = change.step, change.target
        if place in run.looks and place not in told:
            told.add(place)
            _show_device(screen, run.looks[place])
    for change in run.going_back:
        if change.goes_back and not change.stands:
            screen.line(
                f"  {padded(change.host, 11)} {said(change.change.describe())}  [{said(word_of(change.state))}]",
                "warn",
            )
            _say(screen, _back(change, change.goes_back), "warn")
    for change in run.expired:
        ended = tr("lapsed {ends}", ends=moment_text(change.ends)) if change.ends else tr("lapsed")
        screen.line(f"  {padded(change.host, 11)} {said(change.change.describe())}; {said(ended)}", "quiet")
    for again in run.verdicts:
        show_again(screen, again, history.state)


def _show_device(screen: Screen, look: DeviceLook) -> None:
    seen, found = look.seen, look.seen.standing
    if look.state == "unreachable":
        _say(screen, tr("unreachable: {unreachable}; the journal alone says so", unreachable=seen.unreachable), "bad")
        return
    if found is None:
        _say(screen, tr("could not be seen: {trouble}", trouble=seen.trouble), "bad")
        return
    if look.replaced_by:
        _say(screen, tr("made again by run {replaced_by}", replaced_by=look.replaced_by), "quiet")
        return
    if seen.broken:
        _say(screen, tr("no longer as the step left it:"), "bad")
        for text in seen.broken:
            _say(screen, f"  {said(text)}", "bad")
    elif found.state == "in-force":
        left = tr(", {left} left", left=_rounded(found.left)) if found.left is not None else ""
        _say(screen, tr("in force{left}, as {host} says", left=left, host=seen.host), "good")
        if look.ends_soon and found.left is not None:
            at = moment_text(datetime.now(UTC) + found.left)
            _say(
                screen,
                tr("ends soon, {at}, and then lets everything through: run `extend` to prolong it", at=at),
                "warn",
            )
    elif found.state == "gone":
        _say(screen, tr("gone: the router was restarted, or somebody took it away"), "bad")
    else:
        _say(screen, tr("changed by somebody since; to put it right:"), "bad")
        for line in found.difference[:_NAMED]:
            _say(screen, f"  {line}")
        if (more := len(found.difference) - _NAMED) > 0:
            _say(screen, tr("  and {more} lines more", more=more))
    if found.state != "gone":
        for line in seen.looks:
            _say(screen, line)


def _say(screen: Screen, text: str, style: str = "") -> None:
    screen.line(f"    {said(text)}", style)


def _back(change: ChangeStatus, by: datetime) -> str:
    """Return the time of the rollback of an unconfirmed change, or of a change with unknown confirmation."""
    when = f"{by:%H:%M:%S} UTC"
    if by > datetime.now(UTC):
        return tr("unless it was confirmed, {host} takes it back by itself by {when}", host=change.host, when=when)
    return tr(
        "unless it was confirmed, {host} has taken it back by itself, at {when} at the latest",
        host=change.host,
        when=when,
    )


def _rounded(left: timedelta) -> str:
    from stopgap.orchestrator.duration import format_duration

    minute = timedelta(minutes=1)
    return format_duration(round(left / minute) * minute if left > 2 * minute else left)
