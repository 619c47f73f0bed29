"""host.unlock: clear immutable and append-only flags set by an intruder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, StringConstraints

from stopgap.orchestrator.change import AttributesChange
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Attributes, AttributesFact, LockedFact, Reader, System, SystemFact
from stopgap.orchestrator.host import CheckVantage, Scene
from stopgap.orchestrator.task import (
    Artifact,
    Collection,
    Facts,
    Gap,
    Note,
    Parameters,
    Planned,
    Probe,
    Task,
    Unlimited,
    Unplannable,
)
from stopgap.orchestrator.text import tr, trn

AbsolutePath: TypeAlias = Annotated[str, StringConstraints(pattern=r"^/([^\x00-\x1f/]+(/[^\x00-\x1f/]+)*)?$")]


_SENDS_NOTHING = Unlimited(why=tr("a locked file sends nothing"))


class HostUnlockParams(Parameters):
    """Paths to search, and paths to leave."""

    paths: tuple[AbsolutePath, ...] = Field(
        min_length=1,
        description="Files and directories, with everything below on the same filesystem. Symbolic links are "
        "not followed.",
    )
    leave: tuple[AbsolutePath, ...] = Field(
        (), description="Paths to leave locked, with everything below: an administrator's own protection."
    )
    without_evidence: bool = Field(
        False,
        description="Unlock without collected evidence in this run: each cleared inode gets a new change time, "
        "and an investigator loses the time of the lock.",
    )


class HostUnlockFacts(Facts):
    """Locked inodes, and the login's user id."""

    system: SystemFact
    attributes: AttributesFact


class NothingLocked(Check):
    """Nothing at or below some paths is immutable or append-only, by the host's own word."""

    kind: Literal["nothing-locked"] = "nothing-locked"
    vantage: CheckVantage = "target"
    paths: tuple[str, ...]
    leave: tuple[str, ...] = ()
    trusts_target: ClassVar[bool] = True

    def describe(self) -> str:
        """Name the paths."""
        return tr("nothing is locked below {paths}", paths=", ".join(self.paths))

    def reader(self) -> Reader[AttributesFact]:
        """Return a reader for the inode flags below the paths."""
        return Attributes(self.paths)

    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Count the inodes still locked."""
        left = _wanted(self.leave, fact)
        if left:
            return Judgement(False, tr("{name} and {count} more", name=left[0].name(), count=len(left) - 1))
        if fact.unread:
            return Judgement(
                None,
                tr(
                    "none among what could be looked at; {unread} could not: {unread_such}",
                    unread=fact.unread,
                    unread_such=fact.unread_such,
                ),
            )
        return Judgement(True, tr("none"))


class HostUnlock(Task[HostUnlockParams, HostUnlockFacts]):
    """Clear what makes files and directories immutable or append-only.

    An intruder may lock directories as well as files: root cannot change /usr/sbin, and no package installs. The
    flags are listed and kept as evidence before the change (`chattr -i` leaves no other trace), then cleared from the
    top down. The undo sets exactly the same flags again, from the bottom up. Other flags stay unchanged. Flags
    changed by another person meanwhile stay, and are reported.

    Refused unless a step of `evidence.collect` has succeeded on the host before, in the same run.
    """

    name = "host.unlock"
    vantages = ("target", "spare")

    def needs_first(self, params: HostUnlockParams) -> str:
        """Evidence, unless told otherwise."""
        return "" if params.without_evidence else "evidence.collect"

    def probe(self, params: HostUnlockParams, scene: Scene) -> Probe:
        """Return readers for the user id and for the inode flags."""
        return {"system": System(), "attributes": Attributes(params.paths)}

    def plan(self, params: HostUnlockParams, facts: HostUnlockFacts, scene: Scene) -> Iterator[Planned]:
        """Keep the list, then clear."""
        yield from (Note(text=tr("{path} is not there", path=path)) for path in facts.attributes.absent)
        yield from (
            Note(text=tr("{path} is a symbolic link, and is not followed", path=path))
            for path in facts.attributes.links
        )
        if disputed := facts.attributes.disputed:
            yield Gap(
                text=tr(
                    "lsattr and the kernel's own word differ about {disputed} and {count} more: what either "
                    "calls locked counts, and lsattr, find or chattr may have been replaced",
                    disputed=disputed[0],
                    count=len(disputed) - 1,
                ),
                at_best=_SENDS_NOTHING,
            )
        locked = _wanted(params.leave, facts.attributes)
        if kept := len(facts.attributes.locked) - len(locked):
            yield Note(text=trn("{count} more is locked and left so", "{count} more are locked and left so", kept))
        if unread := facts.attributes.unread:
            lacking = tr(
                "{unread} below {paths} could not be looked at: {unread_such}",
                unread=unread,
                paths=", ".join(params.paths),
                unread_such=facts.attributes.unread_such,
            )
            if facts.system.uid != 0:
                raise Unplannable(
                    tr(
                        "{lacking}; only root may look everywhere, and this is user id {uid}",
                        lacking=lacking,
                        uid=facts.system.uid,
                    )
                )
            yield Gap(
                text=tr("{lacking}; whether anything is locked there is not known", lacking=lacking),
                at_best=_SENDS_NOTHING,
            )
        if not locked:
            yield Note(text=tr("nothing that is to be cleared is locked, by the host's own word"))
            return
        if facts.system.uid != 0:
            raise Unplannable(
                tr(
                    "{count} are locked, and only root can clear that: this is {uid}",
                    count=len(locked),
                    uid=facts.system.uid,
                )
            )
        yield Collection(profile="attributes", artifacts=(_list_of(params),))
        yield AttributesChange(locked=locked)

    def checks(self, params: HostUnlockParams, facts: HostUnlockFacts, scene: Scene) -> Iterator[Check]:
        """Yield a check of the inode flags after the change."""
        if _wanted(params.leave, facts.attributes):
            yield NothingLocked(
                vantage="target" if scene.on == scene.target else "spare", paths=params.paths, leave=params.leave
            )


def _list_of(params: HostUnlockParams) -> Artifact:
    return Artifact(
        id="attributes",
        about="Immutable and append-only files and directories, before they were cleared.",
        script=Attributes(params.paths).script(),
        deadline=Attributes.deadline,
    )


def _wanted(leave: tuple[str, ...], facts: AttributesFact) -> tuple[LockedFact, ...]:
    """Return the locked inodes to clear: all outside the paths in `leave`."""
    return tuple(
        one
        for one in facts.locked
        if not any(one.name() == path or one.name().startswith(f"{path.rstrip('/')}/") for path in leave)
    )
