"""Processes stopped and continued by signals."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.change.base import Change
from stopgap.orchestrator.change.status import DRIFTED
from stopgap.orchestrator.facts.file import Content
from stopgap.orchestrator.shell import quote
from stopgap.orchestrator.text import tr, trn

_FUNCTIONS = r"""
state() {
    state=gone
    { read -r line </proc/$1/stat; } 2>/dev/null || return 0
    set -- "$@" ${line##*") "}
    shift; [ $# -ge 20 ] || return 0
    [ "${20}" -ge "$oldest" ] && [ "${20}" -le "$youngest" ] || return 0
    state=$1
}
"""


class Frozen(BaseModel):
    """One process, identified by PID and start time."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    pid: int
    oldest: int
    youngest: int
    """Bounds of the start time, in ticks after boot."""
    name: str = ""
    exe: Content | None = None
    """The program at the time of the plan; `None` if unknown."""

    def describe(self) -> str:
        """Return the name of the process for a person."""
        runs = tr(" runs {exe}", exe=self.exe.decode("utf-8", "surrogateescape")) if self.exe else ""
        born = (
            tr("started {oldest}", oldest=self.oldest)
            if self.oldest == self.youngest
            else tr("started by {youngest}", youngest=self.youngest)
        )
        return tr("{process}{runs}, {born}", process=f"{self.pid} {self.name}".rstrip(), runs=runs, born=born)


class FreezeChange(Change):
    """Stop processes with SIGSTOP, without killing; the undo continues the processes with SIGCONT.

    The change touches nothing if any process runs a program different from the plan. An ended process is left alone,
    as is a new process with a reused PID, and every process after a reboot.
    """

    kind: Literal["freeze"] = "freeze"
    boot: str
    processes: tuple[Frozen, ...]

    def describe(self) -> str:
        """Return the number of processes, as a sentence."""
        return tr("freeze {count}, killing none", count=_count(len(self.processes)))

    def preview(self) -> list[str]:
        """Return a command for each process."""
        return [f"$ kill -STOP {one.pid}   ({one.describe()})" for one in self.processes]

    def describe_undo(self) -> str:
        """Return a sentence on the continued processes."""
        pids = " ".join(str(one.pid) for one in self.processes)
        return tr("kill -CONT {pids}, as far as they are still the same", pids=pids)

    def do_script(self) -> str:
        """Return the script: check all processes first, then stop each existing process."""
        looks = "\n".join(
            f"oldest={one.oldest} youngest={one.youngest}; state {one.pid}; look {one.pid} {quote(_text(one.exe))}"
            for one in self.processes
            if one.exe
        )
        stops = self._each("STOP")
        return (
            f"{_FUNCTIONS}"
            "look() {\n[ $state != gone ] || return 0\ne=$(readlink /proc/$1/exe)\n"
            '[ "${e% (deleted)}" = "$2" ] || { echo "process $1 runs another program now" >&2; drifted=1; }\n}\n'
            f"drifted= bad=\n{self._same_boot(f'exit {DRIFTED}')}\n{looks}\n"
            f'[ -z "$drifted" ] || exit {DRIFTED}\n{stops}\n[ -z "$bad" ]'
        )

    def undo_script(self, *, force: bool = False) -> str:
        """Return the script to continue each process still identical."""
        return f'{_FUNCTIONS}bad=\n{self._same_boot("exit 0")}\n{self._each("CONT")}\n[ -z "$bad" ]'

    def _same_boot(self, otherwise: str) -> str:
        return (
            f'boot=; read -r boot </proc/sys/kernel/random/boot_id\n[ "$boot" = {quote(self.boot)} ] || {otherwise}'
        )

    def _each(self, signal: Literal["STOP", "CONT"]) -> str:
        return "\n".join(
            f"oldest={one.oldest} youngest={one.youngest}; state {one.pid}; "
            f"[ $state = gone ] || kill -{signal} {one.pid} || bad=1"
            for one in self.processes
        )


def _count(number: int) -> str:
    return trn("{count} process", "{count} processes", number)


def _text(path: bytes | None) -> str:
    return (path or b"").decode("utf-8", "surrogateescape")
