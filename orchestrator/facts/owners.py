"""The packages that own the programs of the running processes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stopgap.orchestrator.facts.reader import Fact, Output, Reader

_LISTED = re.compile(r"/var/lib/dpkg/info/([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)?\.list:(/.+)")


class OwnersFact(Fact):
    """Programs of packages."""

    packages: Mapping[str, str] = {}
    """Path of a running program → name of the package."""
    known: bool = False
    """False: the host has no lists of dpkg, or none that could be read."""


@dataclass(frozen=True)
class Owners(Reader[OwnersFact]):
    """Find the package of each running program in the lists of dpkg, without asking dpkg.

    Debian's lists have paths from before /usr was merged: `/sbin/x` owns `/usr/sbin/x` too.
    """

    cap = 1 << 20
    deadline = 20.0

    def script(self) -> str:
        """Return the script: `LIST:PATH` for each program of a package, then `end`."""
        return (
            "[ -d /var/lib/dpkg/info ] || exit 1\n"
            "readlink /proc/[0-9]*/exe 2>/dev/null | sed 's| (deleted)$||' | sort -u |\n"
            "sed -e p -e 's|^/usr/|/|;t' -e d | sort -u |\n"
            "grep -Fx -f /dev/stdin /var/lib/dpkg/info/*.list\n"
            "[ $? -lt 2 ] && echo end"
        )

    def parse(self, output: Output) -> OwnersFact:
        """Parse the lines; a list that was cut short, or is no list of dpkg, tells nothing."""
        lines = output.stdout.lines()
        if output.status != 0 or output.truncated or not lines or lines[-1] != "end":
            return OwnersFact()
        found = [match for line in lines if (match := _LISTED.fullmatch(line))]
        return OwnersFact(packages={match[2]: match[1] for match in found}, known=True)
