"""The interface of a task.

A module of `tasks` needs `task`, `facts`, `change`, `check`, `message`, `question`, `past_runs`, `host` and
`duration`, and no other module of the engine.

A parameter of type `Secret` (`orchestrator.secret`) holds a reference; `reveal()` is for use on the controller.

A task never acts. `probe` returns the facts to read, `plan` turns facts into changes, `checks` returns the checks of
the changes; the engine previews or executes the result, so that a dry run and a run cannot differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, StringConstraints

from stopgap.orchestrator.change import AnyChange
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.host import CheckVantage, Cli, DriverFound, Network, Scene, Vantage
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.past_runs import PastChange
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.text import Text, day_text, tr
from stopgap.orchestrator.toolkit import Carried, Toolkit
from stopgap.orchestrator.translatable import Translatable


class Refused(Exception):  # noqa: N818
    """Refusal by a guard: no change of the run is applied, exit status 4. The message gives the reason."""


class Unplannable(Exception):  # noqa: N818
    """The host's state allows no plan (no Apache, a broken configuration): the step fails."""


AbsolutePath: TypeAlias = Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f]*[^/\x00-\x1f]$")]
"""A path of a parameter, in one printable line."""


class Parameters(BaseModel):
    """Base of a task's `Params`: every field has a description, as documentation, and a type, as validation."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class Facts(BaseModel):
    """Base of a task's `Facts`: the facts of the probe, a field for each reader, typed and untrusted."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    @classmethod
    def of(cls, read: Mapping[str, Any]) -> Self:
        """Return the facts, by the names of the probe: `queues.exim` is the entry `exim` of the field `queues`.

        Raises pydantic.ValidationError.
        """
        fields: dict[str, Any] = {}
        for name, fact in read.items():
            field, dot, key = name.partition(".")
            if dot:
                fields.setdefault(field, {})[key] = fact
            else:
                fields[name] = fact
        return cls.model_validate(fields)


@dataclass(frozen=True)
class At:
    """A reader at another vantage than the step's own. The fact is `None` without a reachable host."""

    vantage: CheckVantage
    reader: Reader[Any]


@dataclass(frozen=True)
class Past:
    """The earlier runs for the target; the fact is a tuple of `PastRun`, in the given order.

    A step with such a request is planned once more in its turn. A missing run refuses the step.
    """

    runs: tuple[str, ...]
    """Ids, beginnings or ends of ids, names of incidents, or `past_runs.THIS`."""


Probe: TypeAlias = Mapping[str, Reader[Any] | At | Past]
"""Facts to read: the name of a field of `Facts` → a reader, at the step's own vantage or `At` another, or `Past`.

A name `FIELD.KEY` is an entry of a field that is a mapping."""


Figure: TypeAlias = Literal["messages-held"]
"""Numbers that a step may have counted. `messages-held`: mail that waits in a queue."""


class Note(BaseModel):
    """A sentence for the operator, beside the changes; not part of the plan's digest."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    text: Translatable
    """May show `{at}`, the moment `after` from now: `tr("… until {at}", at="{at}")`."""
    after: timedelta | None = None
    figure: tuple[Figure, int] | None = None
    """A number for the report: a name, and how many."""

    def dated(self, now: datetime, shown: Callable[[datetime], str] = day_text) -> str:
        """Return the text with the point in time, as `shown`, in place of `{at}`."""
        if self.after is None:
            return self.text
        at = shown(now + self.after)
        return self.text.given(at=at) if isinstance(self.text, Text) else self.text.replace("{at}", at)


class Unlimited(BaseModel):
    """The `at_best` of a gap without a limit on the verdict: `contained` stays possible."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    why: Translatable
    """The reason for an unlimited verdict: no packet of the target can pass through the gap."""


class Gap(BaseModel):
    """A part not covered by the step, to be named in plan and report."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    text: Translatable
    at_best: Literal["partly", "unverified"] | Unlimited
    """Upper limit of the containment verdict, for any results of checks; `Unlimited` waives the limit."""

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
    """A program sent with the script, available as the shell function `pour`."""
    apart: bool = False
    """The artifact does not count towards the run's total cap: the operator gave a separate cap."""


class Beside(BaseModel):
    """How a collection runs beside the following steps of its target, over a connection of its own."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    until: str = ""
    """The artifact that goes on until the collection is told to end; empty without one."""
    head: float = 0.0
    """Seconds that the following steps wait, once that artifact runs."""
    with_steps: bool = False
    """It ends as soon as the target's other steps have ended."""
    parts: tuple[str, ...] = ()
    """Further artifacts, for later parts of that artifact, a capture of packets; when all are full, the oldest part
    is overwritten.
    """
    part_size: int = 0
    """Bytes of each part."""
    part_seconds: float | None = None
    """Seconds of each part; `None`: any time."""


class Collection(BaseModel):
    """Evidence to stream from the host in order, before any change of the step; a collection has no undo."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    profile: str
    artifacts: tuple[Artifact, ...]
    deadline: float | None = None
    """Timeout in seconds for all artifacts together, without a timeout in the step."""
    compress: Literal["auto", "always", "never"] = "never"
    """Compression on the host; `auto`: for a connection slower than gzip."""
    rate: int | None = None
    """Rate limit on the connection, in bytes a second."""
    toolkit: Toolkit | None = None
    """The toolkit placed in the host's RAM during the collection: the first artifact's script places the toolkit, the
    last artifact removes the toolkit.
    """
    beside: Beside | None = None
    """`None`: the following steps wait for the collection."""


class UndoRequest(BaseModel):
    """Changes of a run's step for the target, to be undone as by `stopgap undo RUN --step ID`."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    run: str
    step: str
    undo: tuple[PastChange, ...]
    """Changes presently known as due for the undo, for the person asked for consent."""
    force: bool = False
    """Undo also changes altered by somebody else since."""


Planned: TypeAlias = AnyChange | Message | Collection | Question | UndoRequest | Note | Gap


class Standing(BaseModel):
    """The state on a device of something put in force by a step, with a possible expiry."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    key: str
    """Name of the effect on the device: two steps with the same key make the same object, and the later step replaces
    the earlier.
    """
    state: Literal["in-force", "changed", "gone"]
    """`changed`: a part of the object is there, but different from the plan of the step."""
    left: timedelta | None = None
    """Time left until the device ends the effect, by the device's word; `None` if unknown, or for good."""
    difference: tuple[str, ...] = ()
    """The difference from the wanted state, as lines of a diff."""


Service: TypeAlias = Literal["web", "mail"]
"""What people outside use of a host."""
SERVICES: tuple[Service, ...] = get_args(Service)


P = TypeVar("P", bound=Parameters)
F = TypeVar("F", bound=Facts)


class Task(ABC, Generic[P, F]):
    """One capability of Stopgap. The docstring's first line is the title of a step; the rest is documentation.

    A subclass names its own models: `class StopMta(Task[Params, Facts])`.
    """

    contains: ClassVar[bool] = False
    """The step's checks decide the containment verdict."""
    beside: ClassVar[bool] = False
    """The step collects beside the following steps, which do not wait for the end (`Collection.beside`)."""
    collects: ClassVar[bool] = False
    """The plan has collections, and never a change, a message or a question."""
    lifts: ClassVar[bool] = False
    """The task undoes changes: on the target, and on the target's upstream and spare."""
    outage: ClassVar[bool] = False
    """Visitors or senders may lose a service while the changes are in force: `services_out` says which."""
    may_ask: ClassVar[bool] = False
    """The plan may hold questions, to be announced to the operator."""
    controller_files: ClassVar[tuple[str, ...]] = ()
    """Parameters with a file name on the controller, such as `csv` or `via.ca`: `stopgap check` tests the file's
    presence.
    """
    name: ClassVar[str]
    """`subject.verb`, as written in a runbook."""
    vantages: ClassVar[tuple[Vantage, ...]] = ("target",)
    """The allowed vantages; the first vantage with a host in the inventory is the default."""
    Params: ClassVar[type[Parameters]]
    Facts: ClassVar[type[Facts]]

    def __init_subclass__(cls) -> None:
        """Take the models from the base's type arguments."""
        super().__init_subclass__()
        cls.Params, cls.Facts = get_args(cls.__orig_bases__[0])  # type: ignore[attr-defined]

    def appendix(self) -> Iterator[str]:
        """Yield additional lines for the task's page, below the parameters."""
        yield from ()

    def root_programs(self) -> frozenset[str]:
        """Return the programs of the changes that only root may use: a dry run tells another login beforehand."""
        return frozenset()

    def services_out(self, params: P) -> tuple[Service, ...]:
        """Return the services that nobody outside reaches while the changes are in force; reports draw outages.

        By default the web site and mail of a task with `outage`, and nothing of any other task.
        """
        return SERVICES if self.outage else ()

    def drivers(self) -> tuple[str, ...]:
        """Return the names allowed as an inventory's `driver` for the task."""
        return ()

    def has_driver(self, name: str) -> bool:
        """Return True for a name of `drivers`; a task with many drivers need not look for all."""
        return name in self.drivers()

    def router_reads(self, scene: Scene) -> Mapping[str, Reader[Any]]:
        """Return the readers to find the driver of `scene.on`, a router without a driver in the inventory. Pure.

        Empty for a task without drivers.
        """
        return {}

    def driver_for(self, read: Mapping[str, Any], scene: Scene) -> DriverFound:
        """Return the driver for `scene.on`, by the facts of `router_reads`; an unreadable fact is left out. Pure."""
        raise NotImplementedError(tr("{name} has no drivers", name=self.name))

    def driver_for_cli(self, cli: Cli, seen: str) -> DriverFound:
        """Return the driver for a router with this command line; `seen` says how it was recognised. Pure."""
        raise NotImplementedError(tr("{name} has no drivers", name=self.name))

    def sudo_for(self, driver: str) -> tuple[str, ...]:
        """Return the programs that suffice, run as root by sudo(8), for the driver; empty: root's shell. Pure."""
        return ()

    def describe_driver(self, name: str) -> str:
        """Return what a driver of the task can do, in one line; empty for an unknown driver. Pure."""
        return ""

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
        """Yield checks from other vantages for an unreadable host, for a task with `keeps_partial`. Pure."""
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
