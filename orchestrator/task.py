"""The interface of a task. A module of `tasks` needs this one, `facts`, `change`, `check`, `message`,
`question`, `past_runs`, `host`, `duration`, and no other.

A parameter of type `Secret` (`orchestrator.secret`) takes a reference; `reveal()` is for what acts on the controller.

A task never acts. `probe` says what to read, `plan` turns what was read into changes, `checks` says how to prove
them; the engine previews or executes what came of it, so that a dry run and a run cannot differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.change import Change
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.host import Network, Scene, Vantage
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.past_runs import PastChange
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.toolkit import Carried, Toolkit


class Refused(Exception):  # noqa: N818
    """A guard says no: nothing of the run is applied, exit status 4. The message says what and why."""


class Unplannable(Exception):  # noqa: N818
    """The host's state leaves no way to do it (no Apache, a configuration broken already): the step fails."""


class Parameters(BaseModel):
    """Base of a task's `Params`: every field has a description, which documents it, and a type that checks it."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class Facts(BaseModel):
    """Base of a task's `Facts`: what its probe reads, a field for each reader, typed and untrusted."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


@dataclass(frozen=True)
class At:
    """A reader at another vantage than the step's own. The fact is None where no such host is within reach."""

    vantage: Vantage
    reader: Reader[Any]


@dataclass(frozen=True)
class Past:
    """What earlier runs have done for the target; the fact is a tuple of `PastRun`, in this order.

    A step that asks for it is planned when its turn comes, once more. A run that is not there refuses the step.
    """

    runs: tuple[str, ...]
    """Ids, their beginnings or ends, names of incidents, or `past_runs.THIS`."""


Probe: TypeAlias = Mapping[str, Reader[Any] | At | Past]
"""What to read: the name of a field of `Facts` → a reader, at the step's own vantage or `At` another, or `Past`."""


class Note(BaseModel):
    """A word for the operator, beside the changes; it is no part of the plan's digest."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    text: str
    """May hold `{at}`, the moment `after` from now."""
    after: timedelta | None = None

    def dated(self, now: datetime, form: str = "%a %d %b") -> str:
        """Give the text with the moment in place of `{at}`, written as `form` (strftime(3)) says."""
        return self.text if self.after is None else self.text.replace("{at}", (now + self.after).strftime(form))


class Unlimited(BaseModel):
    """A gap's `at_best` where the verdict may be `contained` all the same."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    why: str
    """Why no packet of the target passes through the gap that the verdict says is cut."""


class Gap(BaseModel):
    """Something that the step does not cover, and nobody should believe that it does."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    text: str
    at_best: Literal["partly", "unverified"] | Unlimited
    """The verdict on containment is no better than this, whatever the checks show; `Unlimited` says why it may be."""

    @property
    def limit(self) -> Literal["partly", "unverified"] | None:
        """The best verdict that the gap leaves; None where it sets no limit."""
        return None if isinstance(self.at_best, Unlimited) else self.at_best


class Artifact(BaseModel):
    """One piece of evidence: a script that reads, streamed into one file of the run's evidence folder."""

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
    """Evidence to stream from the host in this order, before the step changes anything; there is nothing to undo."""

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
    """What a step of a run has changed for the target, to be taken back as `stopgap undo RUN --step ID` does it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    step: str
    undo: tuple[PastChange, ...]
    """What is known to be taken back by now, for whoever agrees to it."""
    force: bool = False
    """Also what somebody has changed since."""


Planned: TypeAlias = Change | Message | Collection | Question | UndoRequest | Note | Gap


class Standing(BaseModel):
    """What a look at a device shows of something that a step has put in force there, and that may end by itself."""

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
    """One thing that Stopgap can do. The docstring's first line is what a step says it does; the rest documents it.

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
        """Give more lines for the task's page, below its parameters."""
        yield from ()

    def drivers(self) -> tuple[str, ...]:
        """Give the names that an inventory's `driver` may have for this task."""
        return ()

    def foresee(self, params: P, scene: Scene) -> None:
        """Raise Refused for what is known to be impossible before anything is read; `check` asks too. Pure."""

    def cuts_off(self, params: P, scene: Scene) -> tuple[Network, ...]:
        """Give the addresses at which the operator too does not get in any more once it is done. Pure, offline."""
        return ()

    @abstractmethod
    def probe(self, params: P, scene: Scene) -> Probe:
        """Say what to read before planning. Pure."""

    def looks_by(self, params: P) -> tuple[str, ...]:
        """Give the command of the operator's that `probe` runs on the controller, in a dry run too. Pure.

        It runs only after a person has agreed to it; empty for none.
        """
        return ()

    def needs_first(self, params: P) -> str:
        """Name a task that must have succeeded on the same target before, in this run; empty for none. Pure."""
        return ""

    def keeps_partial(self, params: P) -> bool:
        """Tell whether, of several upstreams, those where it was done stay so where another one fails. Pure.

        The run then goes on as long as one of them holds. Otherwise it is done on all of them or on none.
        """
        return False

    def seen_from_outside(self, params: P, scene: Scene) -> Iterator[Check]:
        """Give what others can see of a host of which nothing could be read, where it keeps what holds. Pure."""
        yield from ()

    def asks(self, params: P) -> Question | None:
        """Give the question whose answer later steps see as `steps.ID.answer`; `plan` yields it too. Pure."""
        return None

    def standing(self, params: P, facts: F, scene: Scene) -> Standing | None:
        """Tell what is in force of it now; None for a task that cannot. Pure; raises Refused, Unplannable."""
        return None

    @abstractmethod
    def plan(self, params: P, facts: F, scene: Scene) -> Iterator[Planned]:
        """Give the changes that are still needed; none where all is so already. Pure; raises Refused, Unplannable."""

    def checks(self, params: P, facts: F, scene: Scene) -> Iterator[Check]:
        """Give what proves it, made after the changes, and also where none was needed. Pure."""
        yield from ()
