"""host.freeze: stop an intruder's processes without killing them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from stopgap.orchestrator.change import FreezeChange, Frozen
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import (
    ABSENT,
    File,
    FileFact,
    Reader,
    Running,
    RunningFact,
    RunningProcess,
    System,
    SystemFact,
)
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import (
    AbsolutePath,
    At,
    Facts,
    Gap,
    Note,
    Parameters,
    Planned,
    Probe,
    Refused,
    Task,
    Unlimited,
    Unplannable,
)
from stopgap.orchestrator.text import tr

_MARGIN = 2.0
"""Least age of a process before the evidence, in seconds: clocks are read with a resolution of one second."""
_RUNNING = Unlimited(why=tr("what a running process sends meets the block as everything else of the host does"))


class NamedProcess(Parameters):
    """A process, identified by PID, start time and executable."""

    pid: int = Field(ge=2, description="PID of the process.")
    started: int = Field(ge=0, description="Start time in clock ticks after boot: the 22nd field of /proc/PID/stat.")
    exe: AbsolutePath | None = Field(
        None, description="Executable, as shown by /proc/PID/exe; default: not compared."
    )


class HostFreezeParams(Parameters):
    """Processes to freeze: listed, or named by findings."""

    processes: tuple[NamedProcess, ...] = Field((), description="Processes by number, start and program.")
    findings: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")], ...] = Field(
        (), description="Ids of findings with processes to freeze, such as `process-deleted-program`."
    )
    evidence: AbsolutePath | None = Field(
        None,
        description="Folder of the collection on the controller, with findings.json and manifest.json: "
        "runs/RUN/evidence/HOST/STEP in Stopgap's state folder.",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.processes and not self.findings:
            raise ValueError(tr("give `processes`, or `findings` and `evidence`"))
        if bool(self.findings) != bool(self.evidence):
            raise ValueError(tr("`findings` and `evidence` belong together"))
        return self


class HostFreezeFacts(Facts):
    """Running processes, and the findings of a collection."""

    running: RunningFact
    system: SystemFact = SystemFact()
    findings: FileFact | None = ABSENT
    manifest: FileFact | None = ABSENT


class Stopped(Check):
    """Processes stand still, or are gone, by the host's own word."""

    kind: Literal["stopped"] = "stopped"
    processes: tuple[Frozen, ...]
    trusts_target: ClassVar[bool] = True

    def describe(self) -> str:
        """Return the PIDs in one line."""
        return tr("stopped: {processes}", processes=" ".join(str(one.pid) for one in self.processes))

    def reader(self) -> Reader[RunningFact]:
        """Read the processes."""
        return Running()

    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Look at the state of each."""
        by_pid = {process.pid: process for process in fact.processes}
        seen = [p for one in self.processes if (p := by_pid.get(one.pid)) and one.oldest <= p.started <= one.youngest]
        still = [p.pid for p in seen if p.state in {"T", "t"}]
        moving = [str(p.pid) for p in seen if p.state not in {"T", "t", "Z", "X"}]
        return Judgement(
            not moving,
            tr("running: {moving}", moving=" ".join(moving)) if moving else tr("{count} stopped", count=len(still)),
        )


class HostFreeze(Task[HostFreezeParams, HostFreezeFacts]):
    """Stop processes where they are, and kill none; the undo lets them go on.

    A frozen process keeps memory, files and sockets for the investigation, and runs no further. PID, start time and
    executable identify each process: neither the step nor the undo touches another process with a reused PID. A
    process named by a finding must have started before the evidence was read. Init, kernel threads and the processes
    of the operator's connection are never frozen.

    A watchdog may start a replacement; freeze the parent process too.
    """

    name = "host.freeze"

    def probe(self, params: HostFreezeParams, scene: Scene) -> Probe:
        """Return readers for the processes and, with `evidence`, for the findings."""
        if params.evidence is None:
            return {"running": Running(), "system": System()}
        return {
            "running": Running(),
            "system": System(),
            "findings": At("controller", File(f"{params.evidence}/findings.json")),
            "manifest": At("controller", File(f"{params.evidence}/manifest.json")),
        }

    def plan(self, params: HostFreezeParams, facts: HostFreezeFacts, scene: Scene) -> Iterator[Planned]:
        """Yield one change for all processes with unchanged identity."""
        running = facts.running
        chosen: dict[int, Frozen] = {}
        for named in params.processes:
            if named.pid in running.carrying():
                raise Refused(
                    tr("process {pid} is init, or carries this connection: nobody could let it go on", pid=named.pid)
                )
            found = _by_pid(running, named.pid)
            if found is None or found.started != named.started:
                yield Note(
                    text=tr(
                        "process {pid} started {started} is gone, or another one has its number",
                        pid=named.pid,
                        started=named.started,
                    )
                )
            elif named.exe is not None and found.program() != named.exe:
                yield Note(
                    text=tr("process {pid} does not run {exe} any more: left alone", pid=named.pid, exe=named.exe)
                )
            else:
                chosen[named.pid] = _frozen(found)
        if params.findings:
            evidence = _read(params, facts, scene)
            yield from evidence.gaps(params)
            for pid, observed in evidence.observed(params).items():
                yield from _choose(pid, running.ticks_at(observed - _MARGIN), running, chosen)
        still = [p for pid in chosen if (p := _by_pid(running, pid)) and (p.state in {"T", "t"} or p.parent == 2)]
        for process in still:
            del chosen[process.pid]
            if process.parent == 2:
                yield Note(text=tr("process {pid} is a thread of the kernel", pid=process.pid))
            else:
                yield Note(text=tr("process {pid} is stopped already", pid=process.pid))
        if chosen:
            yield FreezeChange(boot=running.boot, processes=tuple(chosen.values()))

    def checks(self, params: HostFreezeParams, facts: HostFreezeFacts, scene: Scene) -> Iterator[Check]:
        """Yield a check of the processes' state."""
        for planned in self.plan(params, facts, scene):
            if isinstance(planned, FreezeChange):
                yield Stopped(vantage="target", processes=planned.processes)


def _choose(pid: int, youngest: int, running: RunningFact, chosen: dict[int, Frozen]) -> Iterator[Planned]:
    """Add a process named by evidence to `chosen`, unless the PID may belong to another process."""
    found = _by_pid(running, pid)
    if pid in running.carrying():
        yield Gap(
            text=tr("process {pid} is init, or carries this connection: it is left running", pid=pid),
            at_best=_RUNNING,
        )
    elif found is None:
        # A hidden process still answers to signals; for a dead process, nothing is touched.
        yield Note(text=tr("process {pid} is not listed: it is stopped if it answers under that number", pid=pid))
        chosen[pid] = Frozen(pid=pid, oldest=0, youngest=max(0, youngest))
    elif found.started > youngest:
        yield Note(
            text=tr(
                "process {pid} is younger than the evidence: another one has its number, and is left alone", pid=pid
            )
        )
    else:
        chosen[pid] = _frozen(found)


def _frozen(process: RunningProcess) -> Frozen:
    return Frozen(
        pid=process.pid,
        oldest=process.started,
        youngest=process.started,
        name=process.name,
        exe=process.exe or None,
    )


def _by_pid(running: RunningFact, pid: int) -> RunningProcess | None:
    return next((process for process in running.processes if process.pid == pid), None)


class _Lenient(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")


class _Sighting(_Lenient):
    file: str
    pid: int | None = None


class _Finding(_Lenient):
    id: str
    seen: tuple[_Sighting, ...]
    count: int


class _Findings(_Lenient):
    host: str
    findings: tuple[_Finding, ...]


class _Item(_Lenient):
    file: str | None
    started: datetime


class _Manifest(_Lenient):
    clock_skew: float | None
    items: tuple[_Item, ...]


class _Evidence(_Lenient):
    """Content of a collection's folder, as far as needed to freeze processes."""

    findings: _Findings
    skew: float
    started: dict[str, datetime]
    """Item → begin of the reading, by the controller's clock."""

    def gaps(self, params: HostFreezeParams) -> Iterator[Planned]:
        """Yield a gap or a note for findings absent, or only partly present, in the evidence."""
        found = {finding.id: finding for finding in self.findings.findings}
        for name in params.findings:
            if name not in found:
                yield Note(text=tr("{name}: no such finding in this evidence", name=name))
            elif found[name].count > len(found[name].seen):
                text = tr(
                    "{name} names {count} processes, and the first {count2} are kept",
                    name=name,
                    count=found[name].count,
                    count2=len(found[name].seen),
                )
                yield Gap(text=tr("{text}: the others are left running", text=text), at_best=_RUNNING)

    def observed(self, params: HostFreezeParams) -> dict[int, float]:
        """Return a mapping of PID to the latest possible start time, in seconds of the host's clock."""
        return {
            sighting.pid: self.started[sighting.file].timestamp() + self.skew
            for finding in self.findings.findings
            if finding.id in params.findings
            for sighting in finding.seen
            if sighting.pid and sighting.file in self.started
        }


def _read(params: HostFreezeParams, facts: HostFreezeFacts, scene: Scene) -> _Evidence:
    texts = [fact.content if fact else None for fact in (facts.findings, facts.manifest)]
    if None in texts:
        raise Unplannable(
            tr(
                "{evidence}: no findings.json with its manifest.json there, each below 1 MiB",
                evidence=params.evidence,
            )
        )
    try:
        findings = _Findings.model_validate_json(texts[0] or b"")
        manifest = _Manifest.model_validate_json(texts[1] or b"")
    except ValidationError:
        raise Unplannable(
            tr("{evidence}: findings.json or manifest.json is not what Stopgap writes", evidence=params.evidence)
        ) from None
    if findings.host != scene.on.name:
        raise Refused(
            tr("{evidence} is evidence of another host than {host}", evidence=params.evidence, host=scene.on.name)
        )
    if manifest.clock_skew is None:
        raise Unplannable(
            tr("the evidence does not know the host's clock, so that nobody can tell which process is meant")
        )
    started = {item.file: item.started for item in manifest.items if item.file}
    return _Evidence(findings=findings, skew=manifest.clock_skew, started=started)
