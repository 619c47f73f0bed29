"""The interface of a task.

A module of `tasks` needs `task`, `facts`, `change`, `check`, `message`, `question`, `past_runs`, `host` and
`duration`, and no other module of the engine.

A parameter of type `Secret` (`orchestrator.secret`) holds a reference; `reveal()` is for use on the controller.

A task never acts. `probe` returns the facts to read, `plan` turns facts into changes, `checks` returns the checks of
the changes; the engine previews or executes the result, so that a dry run and a run cannot differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.change import AnyChange
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.host import Network, Scene, Vantage
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.past_runs import PastChange
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.toolkit import Carried, Toolkit


class Refused(Exception):  # noqa: N818
    """Refusal by a guard: no change of the run is applied, exit status 4. The message gives the reason."""


class Unplannable(Exception):  # noqa: N818
    """The host's state allows no plan (no Apache, a broken configuration): the step fails."""


class Parameters(BaseModel):
    """Base of a task's `Params`: every field has a description, as documentation, and a type, as validation."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class Facts(BaseModel):
    """Base of a task's `Facts`: the facts of the probe, a field for each reader, typed and untrusted."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


@dataclass(frozen=True)
class At:
    """A reader at another vantage than the step's own. The fact is `None` without a reachable host."""

    vantage: Vantage
    reader: Reader[Any]


@dataclass(frozen=True)
class Past:
    """The earlier runs for the target; the fact is a tuple of `PastRun`, in the given order.

    A step with such a request is planned once more in its turn. A missing run refuses the step.
    """

    runs: tuple[str, ...]
    """Ids, their beginnings or ends, names of incidents, or `past_runs.THIS`."""


Probe: TypeAlias = Mapping[str, Reader[Any] | At | Past]
"""What to read: the name of a field of `Facts` → a reader, at the step's own vantage or `At` another, or `Past`."""


class Note(BaseModel):
    """A sentence for the operator, beside the changes; not part of the plan's digest."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    text: str
    """May hold `{at}`, the moment `after` from now."""
    after: timedelta | None = None

    def dated(self, now: datetime, form: str = "%a %d %b") -> str:
        """Return the text with the point in time in place of `{at}`, in the format `form` (strftime(3))."""
        return self.text if self.after is None else self.text.replace("{at}", (now + self.after).strftime(form))


class Unlimited(BaseModel):
    """The `at_best` of a gap without a limit on the verdict: `contained` stays possible."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    why: str
    """Why no packet of the target passes through the gap that the verdict says is cut."""


class Gap(BaseModel):
    """A part not covered by the step, to be named in plan and report."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    text: str
    at_best: Literal["partly", "unverified"] | Unlimited
    """The verdict on containment is no better than this, whatever the checks show; `Unlimited` says why it may be."""

    @property
    def limit(self) -> Literal["partly", "unverified"] | None:
        """The best verdict possible with the gap; `None` without a limit."""
        return None if isinstance(self.at_best, Unlimited) else self.at_best


class Artifact(BaseModel):
    """One piece of evidence: a read-only script, streamed into one file of the run's evidence folder."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    id: str
    """Lower-case words joined by `-`; names the file."""
    about: str
    script: str
    suffix: str = "txt"
    deadline: float = 60.0
    """Seconds."""
    cap: int = 64 << 20
    """Bytes kept; the rest is cut and marked so."""
    program: Carried | None = None
    """What travels with the script, which finds it as the shell function `pour`."""
    apart: bool = False
    """It does not count towards what a run keeps altogether: its cap was given by the operator."""


class Collection(BaseModel):
    """Evidence to stream from the host in order, before any change of the step; a collection has no undo."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    profile: str
    artifacts: tuple[Artifact, ...]
    deadline: float | None = None
    """Seconds for all of them together, where the step does not say."""
    compress: Literal["auto", "always", "never"] = "never"
    """Whether the host compresses what it sends; `auto`: where the wire is slower than that."""
    rate: int | None = None
    """Bytes a second that come over the wire at most."""
    toolkit: Toolkit | None = None
    """What goes into the host's RAM while the artifacts are read: with the script of the first of them, which puts it
    in place; the last of them removes it."""


class UndoRequest(BaseModel):
    """Changes of a run's step for the target, to be undone as by `stopgap undo RUN --step ID`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    step: str
    undo: tuple[PastChange, ...]
    """What is known to be taken back by now, for whoever agrees to it."""
    force: bool = False
    """Also what somebody has changed since."""


Planned: TypeAlias = AnyChange | Message | Collection | Question | UndoRequest | Note | Gap


class Standing(BaseModel):
    """The state on a device of something put in force by a step, with a possible expiry."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    key: str
    """Names it on its device: two steps with one key make the same thing, and the later replaces the earlier."""
    state: Literal["in-force", "changed", "gone"]
    """`changed`: something of it is there, but not what the step would make."""
    left: timedelta | None = None
    """Until the device ends it by itself, as it says; None where it does not say, or never."""
    difference: tuple[str, ...] = ()
    """What would put it right, where it is not as made: lines of a diff."""


P = TypeVar("P", bound=Parameters)
F = TypeVar("F", bound=Facts)


class Task(ABC, Generic[P, F]):
    """One capability of Stopgap. The docstring's first line is the title of a step; the rest is documentation.

    A subclass names its own models: `class StopMta(Task[Params, Facts])`.
    """

    contains: ClassVar[bool] = False
    """Its checks decide the verdict on containment."""
    lifts: ClassVar[bool] = False
    """It takes back changes: on the target, and on its upstream and spare."""
    outage: ClassVar[bool] = False
    """While what it changes is in force, visitors or senders do without something; reports draw it as an outage."""
    may_ask: ClassVar[bool] = False
    """Its plan may hold questions, so that whoever looks on knows where a person will be needed."""
    controller_files: ClassVar[tuple[str, ...]] = ()
    """Parameters that name a file of the controller, such as `csv` or `via.ca`: a check looks whether it is there."""
    name: ClassVar[str]
    """`subject.verb`, as a runbook writes it."""
    vantages: ClassVar[tuple[Vantage, ...]] = ("target",)
    """Where it may act; the first that the inventory offers for the target is the default."""
    Params: ClassVar[type[Parameters]]
    Facts: ClassVar[type[Facts]]

    def __init_subclass__(cls) -> None:
        """Take the models from the base's type arguments."""
        super().__init_subclass__()
        cls.Params, cls.Facts = get_args(cls.__orig_bases__[0])  # type: ignore[attr-defined]

    def appendix(self) -> Iterator[str]:
        """Return additional lines for the task's page, below the parameters."""
        yield from ()

    def drivers(self) -> tuple[str, ...]:
        """Return the names allowed as an inventory's `driver` for the task."""
        return ()

    def foresee(self, params: P, scene: Scene) -> None:
        """Raise Refused for parameters known to be impossible before any read; `stopgap check` calls too. Pure."""

    def cuts_off(self, params: P, scene: Scene) -> tuple[Network, ...]:
        """Return the addresses out of the operator's reach too after the step. Pure, offline."""
        return ()

    @abstractmethod
    def probe(self, params: P, scene: Scene) -> Probe:
        """Return the facts to read before planning. Pure."""

    def looks_by(self, params: P) -> tuple[str, ...]:
        """Return the operator's command run by `probe` on the controller, in a dry run too. Pure.

        The command runs only with the consent of a person; empty without a command.
        """
        return ()

    def needs_first(self, params: P) -> str:
        """Return the name of a task required to succeed earlier on the same target in the run; may be empty. Pure."""
        return ""

    def keeps_partial(self, params: P) -> bool:
        """Return True if successful upstreams stay changed after a failure on another upstream. Pure.

        The run then continues as long as one upstream holds. Otherwise the step is done on all upstreams or on no
        upstream.
        """
        return False

    def seen_from_outside(self, params: P, scene: Scene) -> Iterator[Check]:
        """Return checks from other vantages for an unreadable host, for a task with `keeps_partial`. Pure."""
        yield from ()

    def asks(self, params: P) -> Question | None:
        """Return the question behind `steps.ID.answer` of later steps; `plan` yields the question too. Pure."""
        return None

    def standing(self, params: P, facts: F, scene: Scene) -> Standing | None:
        """Return the present state of the step's changes; `None` if unknown to the task.

        Pure; raises Refused, Unplannable.
        """
        return None

    @abstractmethod
    def plan(self, params: P, facts: F, scene: Scene) -> Iterator[Planned]:
        """Yield the changes still needed, if any. Pure; raises Refused, Unplannable."""

    def checks(self, params: P, facts: F, scene: Scene) -> Iterator[Check]:
        """Yield the checks of the result, made after the changes, and also without changes. Pure."""
        yield from ()
