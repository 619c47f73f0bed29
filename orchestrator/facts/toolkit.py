"""A toolkit program on the controller, and the machine type of a host's kernel."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from stopgap.orchestrator.facts.presence import there
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.shell import quote

_HEAD = 64 << 10
"""Bytes read from the file's start, enough for the program headers."""
_INTERPRETER = 3
"""PT_INTERP (elf(5)): the program needs a dynamic loader."""
_MACHINES = {
    (3, 1): ("i386", "i486", "i586", "i686", "x86_64"),
    (62, 1): ("x86_64",),
    (40, 1): ("armv6l", "armv7l", "armv8l"),
    (183, 1): ("aarch64",),
    (21, 1): ("ppc64le",),
    (21, 2): ("ppc64",),
    (22, 2): ("s390x",),
    (243, 1): ("riscv64",),
}
"""e_machine and byte order (elf(5)) → compatible kernels, in the notation of uname(1)."""


class ToolkitFact(Fact):
    """One file on the controller."""

    path: str = ""
    sha256: str = ""
    """Empty for an absent file."""
    size: int = 0
    machines: tuple[str, ...] = ()
    """Compatible kernels, in the notation of uname(1); empty for a file other than a program of a known machine."""
    static: bool = False


@dataclass(frozen=True)
class ToolkitFile(Reader[ToolkitFact]):
    """Read a program of the controller: the first existing file of some absolute paths."""

    paths: tuple[str, ...]

    def script(self) -> str:
        """Return the script: path and a NUL, hash and size in a line, then the first bytes."""
        return (
            f'{there()}for f in {" ".join(map(quote, self.paths))}; do there "$f"\n'
            'case $? in 1) continue ;; 2) exit 1 ;; esac; [ -f "$f" ] || continue\n'
            'h=$(sha256sum <"$f") && n=$(wc -c <"$f") || exit 1\n'
            f'printf "%s\\0%s %s\\n" "$f" "${{h%% *}}" "$n"; head -c {_HEAD} <"$f"; exit; done'
        )

    def parse(self, output: Output) -> ToolkitFact:
        """Parse the ELF header; an absent file gives an empty fact."""
        if output.status != 0 or output.truncated:
            raise UnreadableError(output.stderr.last_line() or "the toolkit cannot be read")
        path, _, rest = output.stdout.raw.partition(b"\0")
        line, _, head = rest.partition(b"\n")
        if not path:
            return ToolkitFact()
        digest, _, word = line.partition(b" ")
        size = parse_int(word.strip(), 18)
        if size is None:
            raise UnreadableError(f"{path.decode('utf-8', 'replace')}: wc printed something else than a number")
        machines, static = _program(head)
        return ToolkitFact(
            path=path.decode("utf-8", "replace"),
            sha256=digest.decode("ascii"),
            size=size,
            machines=machines,
            static=static,
        )


@dataclass(frozen=True)
class Machine(Reader[str]):
    """Read the machine type of a host's kernel, in the notation of uname(1)."""

    def script(self) -> str:
        """Return the script."""
        return "uname -m"

    def parse(self, output: Output) -> str:
        """Parse one word; any other output is no machine with a toolkit."""
        return output.stdout.decoded().strip()


def _program(head: bytes) -> tuple[tuple[str, ...], bool]:
    if len(head) < 64 or head[:4] != b"\x7fELF" or head[4] not in {1, 2} or head[5] not in {1, 2}:
        return (), False
    order = "<" if head[5] == 1 else ">"
    (machine,) = struct.unpack_from(f"{order}H", head, 18)
    wide = head[4] == 2
    (offset,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", head, 32 if wide else 28)
    size, count = struct.unpack_from(f"{order}HH", head, 54 if wide else 42)
    kinds = set()
    for number in range(count):
        at = offset + number * size
        if at + 4 > len(head):
            return (), False
        kinds |= set(struct.unpack_from(f"{order}I", head, at))
    return _MACHINES.get((machine, head[5]), ()), _INTERPRETER not in kinds
