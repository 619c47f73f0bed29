"""Procedures of each command line: enter, commit, confirm and abort a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stopgap.orchestrator.change import Pending, Words
from stopgap.orchestrator.device_script import RUN
from stopgap.orchestrator.host import Cli
from stopgap.orchestrator.text import tr

MINUTES = 2
"""What a device waits for a confirmation: enough for a second login, little for a lock-out."""

PENDING: Mapping[Cli, Pending] = {
    "junos": Pending(show="show system commit", seen=r"0 .*\bcommit confirmed, rollback in .*"),
    "eos": Pending(show="show configuration sessions detail", seen=r".*\bpendingCommitTimer\b.*"),
    "ios": Pending(show="show archive config rollback timer", seen=r"Time configured.*"),
}
"""Where a commit would also confirm what another operator's rollback timer is still to take back. VyOS refuses a
second `commit-confirm` by itself; RouterOS has a timer for each entry."""


def once(cli: Cli, label: str, lines: Sequence[str], back: Sequence[str]) -> Words:
    """Return the words for an immediate change; `back` undoes the lines in force in order."""
    words = _once(cli, f"stopgap-{label}-{RUN}-once", lines, back)
    return words.model_copy(update={"pending": PENDING.get(cli)})


def _once(cli: Cli, session: str, lines: Sequence[str], back: Sequence[str]) -> Words:
    match cli:
        case "vyos":
            return _words(("configure",), lines, ("commit", "exit"), ("exit discard",))
        case "junos":
            return _words(("configure exclusive",), lines, ("commit", "exit"), ("rollback 0", "exit"))
        case "eos":
            return _words((f"configure session {session}",), lines, ("commit",), ("abort",))
        case "ios":
            return _words(("configure terminal",), lines, ("end",), ("end", "configure terminal", *back, "end"))
        case "routeros":
            return _words((), lines, (), back)


def confirmed(cli: Cli, label: str, lines: Sequence[str]) -> Words:
    """Return the words for a change with a rollback timer: reverted after MINUTES unless a second login confirms.

    VyOS: only with reload of the configuration, since the default is a reboot. IOS: only with a configuration
    archive. RouterOS has no rollback timer; timeouts of the entries serve instead.
    """
    session = f"stopgap-{label}-{RUN}"
    match cli:
        case "vyos":
            words = _words(("configure",), lines, (f"commit-confirm {MINUTES}", "exit"), ("exit discard",))
            confirm: tuple[str, ...] = ("configure", "confirm", "exit")
        case "junos":
            commit = (f"commit confirmed {MINUTES}", "exit")
            words = _words(("configure exclusive",), lines, commit, ("rollback 0", "exit"))
            confirm = ("configure exclusive", "commit", "exit")
        case "eos":
            words = _words(
                (f"configure session {session}",), lines, (f"commit timer 00:{MINUTES:02}:00",), ("abort",)
            )
            confirm = (f"configure session {session} commit",)
        case "ios":
            enter = (f"configure terminal revert timer {MINUTES}",)
            words = _words(enter, lines, ("end",), ("end", "configure revert now"))
            confirm = ("configure confirm",)
        case "routeros":
            raise ValueError(tr("RouterOS confirms by its entries' timeouts"))
    pending = PENDING.get(cli)
    return words.model_copy(update={"confirm": confirm, "within": MINUTES * 60, "pending": pending})


def _words(enter: Sequence[str], lines: Sequence[str], commit: Sequence[str], abort: Sequence[str]) -> Words:
    return Words(enter=tuple(enter), lines=tuple(lines), commit=tuple(commit), abort=tuple(abort))
