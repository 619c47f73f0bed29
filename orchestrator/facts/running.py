"""Processes with a unique identity, safe against PID reuse."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stopgap.orchestrator.facts.file import Content
from stopgap.orchestrator.facts.process import WHOLE, lineage
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int, parse_timestamp

TICKS = 100
"""Clock ticks a second in /proc (USER_HZ; proc(5), starttime)."""

_STAT = re.compile(rb"(\d+) \((.*)\) (\S)((?: -?\d+){19,})", re.DOTALL)


class RunningProcess(Fact):
    """One process; PID, start time and boot id identify the process for good."""

    pid: int
    parent: int
    started: int
    """Ticks after boot."""
    state: str
    """One letter of proc(5); `T` and `t` mean stopped."""
    name: str
    """The name set by the process, escaped by the kernel."""
    exe: Content = b""
    """Path of the executable, without ` (deleted)`; empty for a kernel thread or if unreadable."""

    def program(self) -> str:
        """Return `exe` as text, bytes outside UTF-8 as surrogates."""
        return self.exe.decode("utf-8", "surrogateescape")


class RunningFact(Fact):
    """All processes listed by /proc, with the origins of times and PIDs."""

    boot: str
    """Unique id of the boot (random(4), boot_id)."""
    now: int
    """Seconds since 1970, by the host's clock."""
    uptime: float
    """Seconds since boot."""
    reader: int
    """PID of the reading process."""
    processes: tuple[RunningProcess, ...]

    def carrying(self) -> frozenset[int]:
        """Return the PIDs of the reader and its ancestors: the connection, the daemon, and init."""
        return lineage(self.reader, {process.pid: process.parent for process in self.processes})

    def ticks_at(self, moment: float) -> int:
        """Return the clock ticks after boot for a time in seconds since 1970, by the host's clock."""
        return int((moment - (self.now - self.uptime)) * TICKS)


@dataclass(frozen=True)
class Running(Reader[RunningFact]):
    """Read every process listed by /proc, with start time and executable."""

    cap = 8 << 20

    def script(self) -> str:
        """Return the script: NUL-ended fields: boot, time, uptime, the shell's PID, each process's stat and exe."""
        return (
            f"{WHOLE}{{ read -r boot </proc/sys/kernel/random/boot_id; read -r up rest </proc/uptime\n"
            "read -r me rest </proc/self/stat; } 2>/dev/null\n"
            'printf "%s\\0" "$boot" "$(date +%s)" "$up" "$me"\n'
            "for d in /proc/[0-9]*; do\n"
            's=; read -r s <"$d/stat" || continue; e=$(readlink "$d/exe") || e=\n'
            'printf "%s\\0%s\\0" "$s" "${e% (deleted)}"; done 2>/dev/null'
        )

    def parse(self, output: Output) -> RunningFact:
        """Parse the fields in pairs."""
        fields = output.stdout.raw.split(b"\0")[:-1]
        if output.status != 0 or output.truncated or len(fields) < 6 or len(fields) % 2:
            raise UnreadableError(f"/proc: {output.stderr.last_line() or 'the list of processes is incomplete'}")
        boot, *clock, reader = fields[:4]
        rest = fields[4:]
        now, uptime = map(parse_timestamp, clock)
        try:
            if now is None or uptime is None:
                raise ValueError
            return RunningFact(
                boot=boot.decode("ascii"),
                now=int(now),
                uptime=uptime,
                reader=_number(reader),
                processes=tuple(_process(s, e) for s, e in zip(rest[::2], rest[1::2], strict=True)),
            )
        except ValueError:
            raise UnreadableError("/proc: a process without a number, or no clock") from None


def _number(text: bytes) -> int:
    number = parse_int(text, signed=True)
    if number is None:
        raise ValueError
    return number


def _process(stat: bytes, exe: bytes) -> RunningProcess:
    match = _STAT.match(stat)
    if not match:
        raise ValueError
    numbers = match[4].split()
    return RunningProcess(
        pid=_number(match[1]),
        parent=_number(numbers[0]),
        started=_number(numbers[18]),
        state=match[3].decode("ascii"),
        name=match[2].decode("utf-8", "replace"),
        exe=exe,
    )
