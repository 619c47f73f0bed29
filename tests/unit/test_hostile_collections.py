"""Collections that a host made to be expensive: every command over them keeps to the memory that it is said to take.

Each command is a process of its own, which tells its peak of memory when it ends; time is not looked at.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.findings.apart import ReaderApart
from stopgap.orchestrator.findings.child import MEMORY

from .collection import begin_custody, collected, member_header, pax_header, tar

MOST = 256 << 20
"""Bytes that a command may take; the process that reads for findings has a limit that the kernel keeps."""
WIDE = "\U0001f600"
"""One letter that makes each of its text take four bytes of memory."""
CODE = """
import sys
from pathlib import Path
from stopgap.orchestrator.cli import main
status = main(sys.argv[2:])
Path(sys.argv[1]).write_text(next(l for l in open("/proc/self/status") if l.startswith("VmHWM:")).split()[1])
sys.exit(status)
"""


def padded(content: bytes) -> bytes:
    return content.ljust(-(-len(content) // 512) * 512, b"\0")


def named(name: bytes) -> bytes:
    """An empty file whose name is as long as it is."""
    return member_header(b"././@LongLink", len(name) + 1, b"L") + padded(name + b"\0") + member_header(name[:100], 0)


def chain() -> dict[str, Any]:
    return {"processes": "".join(f"/proc/{n}/stat:{n} (x) S {n + 1} 1 1\n" for n in range(1, 60_000))}


def long_names() -> dict[str, Any]:
    return {"configuration": b"".join(named(b"./%03d" % n + b"/a" * 32_000) for n in range(64))}


def deep_names() -> dict[str, Any]:
    return {"configuration": b"".join(named(b"./%04d" % n + b"/a" * 250) for n in range(4000))}


def wide_processes() -> dict[str, Any]:
    words = WIDE + "x" * 4000
    return {
        "processes": "".join(f"/proc/{n}/stat:{n} ({words}) S 1 1 1 1 1 1\n" for n in range(1, 3000)),
        "process-links": "".join(f"0|/proc/{n}/exe -> /{words}|1|lrwx|0|0|1|1|1|1|0\n" for n in range(1, 3000)),
        "process-arguments": "".join(f"/proc/{n}/cmdline:{words}\n" for n in range(1, 3000)),
    }


def wide_logs() -> dict[str, Any]:
    lines = "".join(
        f"Nov 23 02:14:46 web sshd[1]: Failed password for x from {n}{WIDE}{'x' * 1500} port 1 ssh2\n"
        for n in range(10_000)
    )
    return {"logs": {"/var/log/auth.log.1.gz": {"hex": gzip.compress(lines.encode(), 1).hex()}}}


def many_records() -> dict[str, Any]:
    return {"configuration": pax_header({b"%05d" % n: b"" for n in range(5000)}) * 40 + tar({"/etc/passwd": "x\n"})}


def many_senders() -> dict[str, Any]:
    line = "{0:06X} 12 Mon Nov 23 02:14:46 {0}{1}{2}@x\n"
    return {"mail-queue": "".join(line.format(n + (1 << 20), WIDE, "y" * 2000) for n in range(10_000))}


EXPORT = ("export", "-o")
HOSTILE = [
    (chain, EXPORT), (long_names, EXPORT), (deep_names, EXPORT), (wide_processes, EXPORT),
    (wide_processes, ("findings",)), (many_senders, ("findings",)), (many_records, ("findings",)),
    (wide_logs, ("timeline",)), (wide_logs, ("grep", "never")),
]  # fmt: skip


def peak(note: Path, *argv: str) -> tuple[int, int, str]:
    """Run a command; give its exit status, the bytes that it took at most, and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(note), *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    return done.returncode, int(note.read_text()) << 10, done.stdout


@pytest.mark.parametrize(("make", "command"), HOSTILE)
def test_a_collection_that_is_made_to_be_expensive_is_not(
    tmp_path: Path, make: Callable[[], dict[str, Any]], command: tuple[str, ...]
) -> None:
    made = collected(tmp_path / "web" / "triage", {"clock": "1795400090.0 x\n"} | make())
    begin_custody(made)
    last = [str(tmp_path / "out.tar")] if command[-1] == "-o" else []
    note = tmp_path / "peak"
    status, taken, said = peak(note, "evidence", command[0], str(made.folder), *command[1:], *last)
    assert status in {0, 1}, said[-2000:]
    assert "Traceback" not in said
    assert taken < MOST, f"{taken >> 20} MiB"
    if last:
        assert (tmp_path / "out.tar").stat().st_size < 64 << 20
        status, taken, said = peak(note, "verify", str(tmp_path / "out.tar"))
        assert status == 0, said
        assert taken < MOST, f"{taken >> 20} MiB"


def test_the_process_that_reads_for_findings_has_the_memory_that_is_said(tmp_path: Path) -> None:
    with ReaderApart([]) as reader:
        reader.of(collected(tmp_path, {"histories": {"/h": "x"}})).start()
        assert reader.read("histories", [], 600).rows == 1
        assert reader._process is not None
        limits = Path(f"/proc/{reader._process.pid}/limits").read_text().splitlines()
    found = {line[:26].strip(): line[26:].split()[0] for line in limits[1:]}
    assert (found["Max data size"], found["Max file size"]) == (str(MEMORY), "0")
