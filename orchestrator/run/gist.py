"""What `status` needs of a run of which nothing is in force, so that a long list of old runs is not folded again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stopgap.orchestrator.journal import ChangeStatus, History
    from stopgap.orchestrator.journal.looked import Look


@dataclass(frozen=True)
class Cut:
    """A containment of a target; `until` is its end, in ISO 8601, empty without one."""

    target: str
    in_force: bool
    until: str

    def is_in_force(self, now: datetime) -> bool:
        """Return True if the containment is in force."""
        return self.in_force and (not self.until or datetime.fromisoformat(self.until) > now)


@dataclass(frozen=True)
class Gist:
    """A run as a list of all runs needs it."""

    quiet: bool
    """Nothing is in force, has lapsed or may be taken back, and nobody is at work: only new records change that."""
    tells: bool
    """The run contained a host, found something, or was answered: where hosts stand may hang on it."""
    finished: bool
    """The run ended as asked."""
    recovers: bool
    targets: tuple[str, ...]
    cuts: tuple[Cut, ...]
    found: tuple[str, ...]
    """Targets with findings of weight."""
    unchanged: tuple[tuple[str, str, str], ...]
    """Task, target and host of the steps that found everything as asked."""

    @classmethod
    def of(cls, history: History) -> Gist:
        """Return the gist of a run."""
        from stopgap.orchestrator.run.standing import recovers  # noqa: PLC0415 - a gist that is known needs no run

        return cls(
            quiet=_is_quiet(history),
            tells=bool(history.containment or history.findings or history.answers or history.waiting),
            finished=history.state == "ok",
            recovers=recovers(history),
            targets=history.started.targets,
            cuts=tuple(
                Cut(each.target, each.in_force, each.until.isoformat() if each.until else "")
                for each in history.containment
            ),
            found=tuple(dict.fromkeys(_found(history))),
            unchanged=tuple(
                dict.fromkeys((s.task, s.target, s.host) for s in history.steps if s.outcome == "unchanged")
            ),
        )

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Gist:
        """Return a gist from what `as_json` gave."""
        return cls(
            **{
                **fields,
                "targets": tuple(fields["targets"]),
                "cuts": tuple(Cut(**each) for each in fields["cuts"]),
                "found": tuple(fields["found"]),
                "unchanged": tuple((task, target, host) for task, target, host in fields["unchanged"]),
            }
        )


def gist_json(history: History) -> dict[str, Any]:
    """Return the gist of a run as JSON has it."""
    return asdict(Gist.of(history))


def quiet_gist(look: Look | None) -> Gist | None:
    """Return the gist that was remembered of a run of which nothing is in force; None for any other run."""
    if look is None or look.gist is None or not look.is_quiet:
        return None
    try:
        return Gist.from_json(look.gist)
    except (KeyError, TypeError, ValueError):
        return None


def _is_quiet(history: History) -> bool:
    return not (any(map(_may_tell, history.changes)) or history.state in {"running", "waiting"})


def _may_tell(change: ChangeStatus) -> bool:
    listed = change.left and not (change.activates or change.change.only_reads)
    return listed or (change.state == "done" and change.ends is not None) or change.goes_back is not None


def _found(history: History) -> Iterable[str]:
    from stopgap.orchestrator.journal.records import FindingsMade  # noqa: PLC0415 - as above

    for entry in history.entries:
        if isinstance(made := entry.record, FindingsMade) and any(f.severity != "info" for f in made.findings):
            yield made.target
