"""The options of `stopgap run` and `stopgap resume` as typed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.source import Located
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.cli.live_view import LiveView
    from stopgap.orchestrator.cli.terminal import Terminal
    from stopgap.orchestrator.run.connection_pool import Connect
    from stopgap.orchestrator.run.recorder import Observer
    from stopgap.orchestrator.run.runner import Runner


@dataclass(frozen=True)
class RunRequested:
    """What to run, and on which hosts."""

    runbook: str | Located
    """A file, a name, or a document made of options."""
    inventories: tuple[str, ...]
    targets: tuple[str, ...] = ()
    limit: tuple[str, ...] | None = None
    """Names and patterns of --limit-file; of the targets, these alone."""
    params: Mapping[str, str] = field(default_factory=dict)
    """Values of the runbook's parameters, as typed with -p, and those that a request gives."""
    typed: Mapping[str, str] = field(default_factory=dict)
    """The parameters typed with -p, without those of a request."""
    dry_run: bool = False
    incident: str | None = None
    save_plan: Path | None = None
    plan: Path | None = None
    """A plan that --save-plan wrote; anything else is refused as drift."""
    request: Path | None = None
    """A customer's signed block request."""
    site: str | None = None
    """`auto`, or the site whose runners carry the run on; None: run here."""
    customers: Path | None = None
    """Who may request what; None: `customers.yaml` beside the first inventory."""


@dataclass(frozen=True)
class RunOptions:
    """How to run a runbook: consent, output, signature, encryption."""

    yes: bool = False
    wait: bool = False
    json: bool = False
    watch: bool = False
    full: bool = False
    detach: bool = False
    """Go on in the background; `stopgap resume` alone."""
    anyway: bool = False
    """Resume despite a damaged journal; a person has looked at the hosts."""
    take_over: bool = False
    sign_key: Path | None = None
    recipients: tuple[str, ...] = ()
    """Public keys that evidence is encrypted to."""
    emergency: str = ""
    """Why the run goes before another person has approved it."""


def sign_key(typed: str | None) -> Path | None:
    """Return the key to sign the journal. Raises UsageError for a missing file."""
    if not typed:
        return None
    path = Path(typed).expanduser()
    if not path.is_file():
        raise UsageError(tr("{path}: no such key to sign the journal with", path=path))
    return path


def recipients(typed: list[str]) -> tuple[str, ...]:
    """Return the public keys for encrypted evidence. Raises UsageError for an invalid key."""
    if not typed:
        return ()
    from stopgap.orchestrator.evidence.sealing import SealingError, recipient

    try:
        for text in typed:
            recipient(text)
    except SealingError as error:
        raise UsageError(str(error)) from None
    return tuple(typed)


def live_view_of(options: RunOptions) -> LiveView | None:
    """Return the requested live view; None without a terminal."""
    if not options.watch:
        return None
    from stopgap.orchestrator.cli.journals import open_journal
    from stopgap.orchestrator.cli.live_view import LiveView

    live_view = LiveView(open_journal)
    return live_view if live_view.possible else None


def runner_of(person: Terminal, observers: Sequence[Observer], options: RunOptions, connect: Connect) -> Runner:
    """Return a runner for this machine and account, with the options of the call."""
    from stopgap.orchestrator.run.here import runner_here

    return runner_here(
        connect,
        person,
        observers,
        interruption=person.interruption,
        sign_key=options.sign_key,
        recipients=options.recipients,
        take_over=options.take_over,
        emergency=options.emergency,
        await_approval=options.wait,
    )
