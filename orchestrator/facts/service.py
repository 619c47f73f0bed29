"""Services as reported by the host's init system, to be proved by ports and processes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stopgap.orchestrator.facts.presence import listable
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.shell import join

_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]+\.[a-z]+", re.ASCII)
"""systemd.unit(5), Description: the characters a unit's name is made of."""
_STATE = re.compile(r"[a-z-]*", re.ASCII)
_PROPERTIES = "Id,LoadState,ActiveState,UnitFileState,FragmentPath,DropInPaths,Listen,Triggers"


class UnitFact(Fact):
    """One systemd unit (systemctl(1), `show`)."""

    name: str
    load: str
    """`loaded`, `masked`, `not-found` …"""
    active: str
    """`active`, `inactive`, `failed` …"""
    enabled: str
    """`enabled`, `disabled`, `static`, `masked`, `generated` …; empty without a unit file."""
    path: str = ""
    """The unit file."""
    drop_ins: tuple[str, ...] = ()
    """Drop-in files of the unit."""
    listens: tuple[str, ...] = ()
    """Where a socket unit listens: `0.0.0.0:25`, `[::]:25`, `/run/x`."""
    triggers: tuple[str, ...] = ()
    """Units started by the unit: the service of a socket or timer."""


@dataclass(frozen=True)
class Units(Reader[tuple[UnitFact, ...]]):
    """Read systemd units by name; a pattern such as `postfix@*.service` matches loaded units."""

    names: tuple[str, ...]

    def script(self) -> str:
        """Return the script: properties in blocks, separated by empty lines."""
        show = f"systemctl show --no-pager -p {_PROPERTIES} --"
        return f"if [ -d /run/systemd/system ]; then {show} {join(self.names)}; fi"

    def parse(self, output: Output) -> tuple[UnitFact, ...]:
        """Parse the blocks, sorted by name."""
        if output.status != 0:
            raise UnreadableError(f"systemctl show: {output.stderr.last_line() or 'no answer'}")
        units: dict[str, UnitFact] = {}
        for block in output.stdout.decoded().split("\n\n"):
            parts = [line.partition("=") for line in block.splitlines()]
            lines = [(key, value) for key, equals, value in parts if equals]
            properties = dict(lines)
            if name := properties.get("Id"):
                states = [properties.get(p, "") for p in ("LoadState", "ActiveState", "UnitFileState")]
                if not _UNIT_NAME.fullmatch(name) or not all(_STATE.fullmatch(state) for state in states):
                    raise UnreadableError("systemctl show: something that is no unit")
                units[name] = UnitFact(
                    name=name,
                    load=states[0],
                    active=states[1],
                    enabled=states[2],
                    path=properties.get("FragmentPath", ""),
                    drop_ins=tuple(properties.get("DropInPaths", "").split()),
                    listens=tuple(value.partition(" ")[0] for key, value in lines if key == "Listen"),
                    triggers=tuple(properties.get("Triggers", "").split()),
                )
        return tuple(units[name] for name in sorted(units))


class InitScriptFact(Fact):
    """One sysvinit or OpenRC service."""

    name: str
    exists: bool
    """There is an executable /etc/init.d/NAME."""
    links: tuple[str, ...] = ()
    """The start and stop links: /etc/rc?.d/[SK]??NAME, or /etc/runlevels/*/NAME."""


@dataclass(frozen=True)
class InitScripts(Reader[tuple[InitScriptFact, ...]]):
    """Read /etc/init.d services by name, with their start links."""

    names: tuple[str, ...]

    def script(self) -> str:
        """Return the script: `script NAME` for an existing script, `link NAME PATH` for each start link."""
        return (
            f"{listable()}"
            'for d in /etc/init.d /etc/rc?.d /etc/runlevels /etc/runlevels/*; do listable "$d" || exit 1; done\n'
            f"for n in {join(self.names)}; do\n"
            'there "/etc/init.d/$n"\n'
            # The execute bits of anybody's, not of the account that asks.
            'case $? in 0) case $(stat -L -c %a -- "/etc/init.d/$n") in *[1357]*) echo "script $n" ;; esac ;;\n'
            "2) exit 1 ;; esac\n"
            'for l in /etc/rc?.d/[SK]??"$n" /etc/runlevels/*/"$n"; do\n'
            'if [ -L "$l" ]; then echo "link $n $l"; fi; done; done'
        )

    def parse(self, output: Output) -> tuple[InitScriptFact, ...]:
        """Return a fact for each name, in order of the request."""
        if output.status != 0 or output.truncated:
            raise UnreadableError(output.stderr.last_line() or "/etc/init.d: no complete answer")
        rows = [line.split(" ") for line in output.stdout.lines()]
        return tuple(
            InitScriptFact(
                name=name,
                exists=["script", name] in rows,
                links=tuple(sorted(row[2] for row in rows if row[:2] == ["link", name] and len(row) == 3)),
            )
            for name in self.names
        )
