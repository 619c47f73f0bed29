"""Alteration of a device's configuration: read, alter, verify from a second login, and only then confirm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from stopgap.orchestrator.device_script import GOES_BACK, Alter, Sight, Words
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.device.dialect import DIALECTS, Dialect
from stopgap.orchestrator.remote.device.terminal import Terminal
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import Deadline

FAILED, UNCERTAIN, DRIFTED = 1, 84, 76
"""Statuses, as a script's: the last two are `stopgap.orchestrator.change.UNCERTAIN` and `DRIFTED`."""


@dataclass(frozen=True)
class Altered:
    """The end of an alteration: status 0, FAILED, UNCERTAIN or DRIFTED, with the reason."""

    status: int
    reason: str = ""


@dataclass(frozen=True)
class _View:
    """The device's output for the lines to be altered."""

    same: Mapping[Sight, bool]
    """For each line: True if unchanged."""
    doubt: str
    """The reason to reject the output; empty for a valid output."""
    moved: str
    """The first line found at another position."""

    @property
    def left(self) -> list[Sight]:
        """The lines still as before."""
        return [sight for sight, same in self.same.items() if same]


def alter(
    wanted: Alter, terminal: Terminal, log_in: Callable[[Deadline], Terminal], host: Host, deadline: Deadline
) -> Altered:
    """Make an alteration on a device; return its status and reason.

    A refused alteration is rolled back; the device itself rolls back an unconfirmed alteration. Raises OSError if the
    device stops answering: the state is then unknown.
    """
    dialect = DIALECTS[host.cli or "ios"]
    view = _look(wanted, terminal, deadline)
    if view.doubt and not wanted.force:
        if wanted.undoing:
            return Altered(UNCERTAIN, tr("nothing was taken away: {doubt}", doubt=view.doubt))
        return Altered(FAILED, tr("nothing was changed: {doubt}", doubt=view.doubt))
    if view.moved:
        return Altered(
            DRIFTED, tr("an entry stands in another place, and may be somebody else's: {moved}", moved=view.moved)
        )
    if view.same and not view.left and not view.doubt:
        return Altered(0)
    if len(view.left) < len(view.same) and not (wanted.force or wanted.piecemeal):
        return Altered(DRIFTED, _drift(wanted, view))
    if not wanted.unconfirmed and (waiting := _pending(wanted.words, terminal, deadline)):
        return Altered(
            DRIFTED,
            tr("a change waits to be confirmed, and a commit now would confirm it: {waiting}", waiting=waiting),
        )
    words = _words_for(wanted, view)
    if refusal := _say_all(words.enter, terminal, dialect, deadline):
        return Altered(FAILED, refusal)
    if refusal := _say_all(words.lines, terminal, dialect, deadline):
        _say_anyway(words.abort, terminal, deadline)
        return Altered(FAILED, refusal)
    if not words.confirm:
        if refusal := _say_all(words.commit, terminal, dialect, deadline):
            _say_anyway(words.abort, terminal, deadline)
            return Altered(FAILED, refusal)
        return _judged(wanted, terminal, deadline)
    try:
        return _commit_and_confirm(wanted, words, terminal, log_in, host, deadline)
    except OSError as error:
        raise OSError(
            tr(
                "{error}; {goes_back} unless it was confirmed",
                error=error or type(error).__name__,
                goes_back=_goes_back(host, words),
            )
        ) from None


def _commit_and_confirm(
    wanted: Alter,
    words: Words,
    terminal: Terminal,
    log_in: Callable[[Deadline], Terminal],
    host: Host,
    deadline: Deadline,
) -> Altered:
    dialect = DIALECTS[host.cli or "ios"]
    if refusal := _say_all(words.commit, terminal, dialect, deadline):
        _say_anyway(words.abort, terminal, deadline)
        return Altered(FAILED, refusal)
    try:
        second = log_in(deadline)
    except Unreachable as error:
        return Altered(
            FAILED,
            tr(
                "a second login failed ({reason}), so it was not confirmed: {goes_back}",
                reason=error.reason,
                goes_back=_goes_back(host, words),
            ),
        )
    try:
        shown = _judged(wanted, second, deadline)
        if shown.status:
            return Altered(
                FAILED,
                tr("{reason}; not confirmed, {goes_back}", reason=shown.reason, goes_back=_goes_back(host, words)),
            )
        if refusal := _say_all(words.confirm, second, dialect, deadline):
            return Altered(
                FAILED,
                tr("not confirmed, {goes_back}: {refusal}", goes_back=_goes_back(host, words), refusal=refusal),
            )
        return Altered(0)
    finally:
        second.close()


def _goes_back(host: Host, words: Words) -> str:
    return tr(
        "{host} {goes_back} {within} s after it was made", host=host.name, goes_back=GOES_BACK, within=words.within
    )


def _look(wanted: Alter, terminal: Terminal, deadline: Deadline) -> _View:
    commands = dict.fromkeys([*(w.show for w in wanted.witnesses), *(s.show for s in wanted.sights)])
    shown = dict(zip(commands, terminal.show(tuple(commands), deadline), strict=True))
    doubts = (witness.lacks(shown[witness.show]) for witness in wanted.witnesses)
    return _View(
        {sight: sight.holds(shown[sight.show]) is sight.before for sight in wanted.sights},
        next((doubt for doubt in doubts if doubt), ""),
        next((line for sight in wanted.sights if (line := sight.moved(shown[sight.show]))), ""),
    )


def _judged(wanted: Alter, terminal: Terminal, deadline: Deadline) -> Altered:
    view = _look(wanted, terminal, deadline)
    if view.doubt:
        return Altered(UNCERTAIN, tr("it took every line, but {doubt}", doubt=view.doubt))
    if view.left:
        return Altered(FAILED, tr("it took every line, but {show} does not show it", show=view.left[0].show))
    return Altered(0)


def _drift(wanted: Alter, view: _View) -> str:
    done = len(view.same) - len(view.left)
    if wanted.undoing:
        return tr(
            "{done} of its {count} entries are gone already; --force takes the others away",
            done=done,
            count=len(view.same),
        )
    return tr("{done} of the {count} entries are there already", done=done, count=len(view.same))


def _pending(words: Words, terminal: Terminal, deadline: Deadline) -> str:
    """Return the proof of a foreign change awaiting confirmation; empty without such a change."""
    if words.pending is None:
        return ""
    (shown,) = terminal.show((words.pending.show,), deadline)
    return words.pending.found(shown)


def _words_for(wanted: Alter, view: _View) -> Words:
    """Return the command lines for the remaining alterations."""
    if len(view.left) == len(view.same) or view.doubt or not all(sight.line for sight in view.left):
        return wanted.words
    lines: list[str] = []
    here = ""
    for sight in view.left:
        if sight.within and sight.within != here:
            lines.append(sight.within)
        here = sight.within
        lines.append(sight.line)
    return wanted.words.model_copy(update={"lines": tuple(lines)})


def _say_all(lines: Iterable[str], terminal: Terminal, dialect: Dialect, deadline: Deadline) -> str | None:
    """Send lines up to the first refusal; return the refused line and the reason."""
    for line in lines:
        if refused := dialect.refused(terminal.say(line, deadline)):
            return tr("{line}: {refused}", line=line, refused=refused)
    return None


def _say_anyway(lines: Iterable[str], terminal: Terminal, deadline: Deadline) -> None:
    for line in lines:
        terminal.say(line, deadline)
