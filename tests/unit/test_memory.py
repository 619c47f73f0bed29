"""A host's memory: by a program that travels and leaves nothing behind, or by the kernel's own view of it."""

from __future__ import annotations

import os
import platform
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from stopgap.orchestrator.facts import Memory, Output
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.toolkit import Carried
from stopgap.tasks.evidence.memory import reading

from .avml import PAGE, avml
from .bench import Bench
from .test_collecting import items

SHELLS = (("dash",), ("bash", "--posix"), ("busybox", "ash"))

LIAR = "printf 'echo 0 -\\n' >/mnt/sha256sum && chmod 755 /mnt/sha256sum"

stand_in = pytest.mark.skipif(platform.machine() != "x86_64", reason="the stand-in for AVML is a program for x86-64")
root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts filesystems in a namespace of its own")


def take(bench: Bench, *words: str, **given: object) -> tuple[int, str, Path | None]:
    step = {"id": "take", "task": "evidence.collect", "with": given}
    status, out, err = bench.stopgap("run", bench.runbook(step), "-i", str(bench.inventory), "-t", "a", *words)
    return status, out + err, next((bench.top / "home" / "runs").glob("*/evidence/a/take"), None)


def by_tool(path: Path, shell: tuple[str, ...], before: str = ":") -> list[str]:
    program = Carried(path=str(path), sha256=_sha256(path), size=path.stat().st_size)
    script = program.pouring() + reading(program)
    (path.parent / "script").write_bytes(script.encode("utf-8", "surrogateescape"))
    setting = (
        "mount -t tmpfs none /dev/shm && mount -t tmpfs none /run && "
        f"{before} && trap 'ls -a /dev/shm /run >&2' EXIT && \"$@\" {path.parent}/script"
    )
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", setting, "sh", *shell]


def _sha256(path: Path) -> str:
    return subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout.split()[0]


@stand_in
def test_a_dry_run_says_how_much_it_takes_and_sends_nothing(bench: Bench) -> None:
    tool = avml(bench.top / "avml", 4)
    status, said, folder = take(bench, "--dry-run", memory=str(tool))
    assert (status, folder) == (0, None)
    assert f"by its own word, by {tool}" in " ".join(said.split())
    assert "nothing goes on the host's" in " ".join(said.split())


def in_shared_memory() -> list[str]:
    """List /dev/shm, without the segments of another test's PostgreSQL."""
    return sorted(path.name for path in Path("/dev/shm").iterdir() if not path.name.startswith("PostgreSQL."))


@stand_in
@pytest.mark.parametrize("compress", ["never", "always"])
@pytest.mark.parametrize("new", [False, True], ids=["older", "newer"])
def test_the_operators_program_streams_it_into_an_item_of_its_own(bench: Bench, compress: str, new: bool) -> None:
    tool = avml(bench.top / "avml", 700, new=new)
    before = in_shared_memory()
    status, said, folder = take(bench, "--yes", memory=str(tool), artifacts=["clock"], compress=compress)
    assert status == 0, said
    assert folder
    found = items(folder)
    assert list(found) == ["clock", "memory-image"]
    image = found["memory-image"]
    assert (folder / str(image.file)).read_bytes() == PAGE * 700
    assert (image.exit_status, image.truncated, image.file) == (0, False, "001-memory-image.lime")
    assert "in RAM, without a name: sha256 as sent" in image.stderr
    assert _sha256(tool) in image.about
    assert in_shared_memory() == before
    assert bench.stopgap("verify", str(folder))[0] == 0


@stand_in
def test_it_is_cut_at_its_cap_and_that_is_marked(bench: Bench) -> None:
    tool = avml(bench.top / "avml", 700)
    _, _, folder = take(bench, "--yes", memory=str(tool), memory_cap="1 MiB")
    assert folder
    image = items(folder)["memory-image"]
    assert (image.bytes, image.truncated, image.truncated_because) == (1 << 20, True, "longer than 1048576 bytes")


@stand_in
@root
@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_nothing_of_the_program_has_a_name_while_it_runs_nor_afterwards(
    tmp_path: Path, shell: tuple[str, ...]
) -> None:
    done = subprocess.run(by_tool(avml(tmp_path / "avml", 2), shell), capture_output=True, timeout=60)
    assert done.stdout == PAGE * 2
    assert b"stopgap" not in done.stderr
    here, there = socket.socketpair()
    with here, there:  # which no program can open by name
        done = subprocess.run(by_tool(tmp_path / "avml", shell), stdout=there, stderr=subprocess.PIPE, timeout=60)
        assert here.recv(1 << 20, socket.MSG_WAITALL | socket.MSG_DONTWAIT) == PAGE * 2


@stand_in
@root
@pytest.mark.parametrize(
    ("before", "why"),
    [
        ("PATH=/none", "no filesystem in RAM"),
        (f"mount -t tmpfs none /mnt && {LIAR} && PATH=/mnt:$PATH", "not what was sent"),
    ],
    ids=["no room", "another hash"],
)  # fmt: skip
def test_it_is_not_run_where_it_cannot_be_trusted(tmp_path: Path, before: str, why: str) -> None:
    done = subprocess.run(
        by_tool(avml(tmp_path / "avml", 2), ("/bin/dash",), before), capture_output=True, text=True, timeout=60
    )
    assert done.stdout == ""
    assert why in done.stderr


def kcore(path: Path, *segments: tuple[int, int, int, bytes], kind: bytes = b"\x02") -> Path:
    """A file as /proc/kcore is: virtual and physical address, place in the file, content of each range."""
    heads = b"".join(
        struct.pack("<IIQQQQQQ", 1, 7, place, virtual, physical, len(content), len(content), 4096)
        for virtual, physical, place, content in segments
    )
    note = struct.pack("<IIQQQQQQ", 4, 0, 0, 0, 0, 0, 0, 0)
    header = struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, len(segments) + 1, 0, 0, 0)
    with path.open("wb") as file:
        file.write(b"\x7fELF" + kind + b"\x01\x01" + bytes(9) + header + note + heads)
        for _, _, place, content in segments:
            file.seek(place)
            file.write(content)
    return path


def by_kcore(path: Path, shell: tuple[str, ...]) -> subprocess.CompletedProcess[bytes]:
    script = reading(None).replace("kcore=/proc/kcore", f"kcore={path}")
    return subprocess.run([*shell, "-c", script], capture_output=True, timeout=60)


def lime(physical: int, content: bytes) -> bytes:
    return struct.pack("<4sIQQQ", b"EMiL", 1, physical, physical + len(content) - 1, 0) + content


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_of_the_kernels_view_the_ranges_that_are_memory_are_taken_and_no_other(
    tmp_path: Path, shell: tuple[str, ...]
) -> None:
    low, high = os.urandom(0x9E000), os.urandom(3 << 20)
    file = kcore(
        tmp_path / "kcore",
        (0xFFFFFFFF81000000, 0x1000000, 0x100000, b"the kernel's own code, a second time" + bytes(4060)),
        (0xFFFFC90000000000, (1 << 64) - 1, 0x200000, bytes(8192)),
        (0xFFFF888000001000, 0x1000, 0x40001000, low),
        (0xFFFF888100000000, 0x100000000, 0x140000000, high),
    )
    done = by_kcore(file, shell)
    assert (done.returncode, done.stdout) == (0, lime(0x1000, low) + lime(0x100000000, high)), done.stderr


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_where_there_is_no_such_view_that_is_said(tmp_path: Path, shell: tuple[str, ...]) -> None:
    absent = by_kcore(tmp_path / "none", shell)
    assert (absent.returncode, absent.stdout) == (1, b"")
    assert b"this kernel has no" in absent.stderr
    narrow = by_kcore(kcore(tmp_path / "kcore", kind=b"\x01"), shell)
    assert (narrow.returncode, narrow.stdout) == (1, b"")
    assert b"32 bits" in narrow.stderr
    addresses = by_kcore(kcore(tmp_path / "kcore", (1 << 40, (1 << 64) - 1, 4096, bytes(4096))), shell)
    assert (addresses.returncode, addresses.stdout) == (1, b"")
    assert b"which of its ranges are memory" in addresses.stderr


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_how_much_there_is_can_be_asked_of_any_shell(shell: tuple[str, ...]) -> None:
    done = subprocess.run([*shell, "-s"], input=Memory().script().encode(), capture_output=True, timeout=60)
    fact = Memory().parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))
    assert fact.ram > 64 << 20
