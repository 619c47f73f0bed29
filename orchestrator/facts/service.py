"""Services as the init system tells of them: reported by the host, to be proved by its ports and processes."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from orchestrator.shell import join, quote


class UnitFact(Fact):
    """One systemd unit (systemctl(1), `show`)."""

    name: str
    load: str
    """`loaded`, `masked`, `not-found` …"""
    active: str
    """`active`, `inactive`, `failed` …"""
    enabled: str
    """`enabled`, `disabled`, `static`, `masked`, `generated` …; empty where systemd knows no unit file."""
    path: str = ""
    """The unit file."""


@dataclass(frozen=True)
class Units(Reader[tuple[UnitFact, ...]]):
    """Read systemd units by name; a pattern such as `postfix@*.service` gives those that are loaded."""

    names: tuple[str, ...]

    def script(self) -> str:
        """Print properties; blocks are parted by an empty line."""
        show = "systemctl show --no-pager -p Id,LoadState,ActiveState,UnitFileState,FragmentPath --"
        return f"if [ -d /run/systemd/system ]; then {show} {join(self.names)}; fi"

    def parse(self, output: Output) -> tuple[UnitFact, ...]:
        """Read the blocks, sorted by name."""
        if output.status != 0:
            raise UnreadableError(f"systemctl show: {output.stderr.last_line() or 'no answer'}")
        units: dict[str, UnitFact] = {}
        for block in output.stdout.decoded().split("\n\n"):
            properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            if name := properties.get("Id"):
                units[name] = UnitFact(
                    name=name,
                    load=properties.get("LoadState", ""),
                    active=properties.get("ActiveState", ""),
                    enabled=properties.get("UnitFileState", ""),
                    path=properties.get("FragmentPath", ""),
                )
        return tuple(units[name] for name in sorted(units))


class InitScriptFact(Fact):
    """One sysvinit or OpenRC service."""

    name: str
    exists: bool
    """There is an executable /etc/init.d/NAME."""
    links: tuple[str, ...] = ()
    """What starts or stops it: /etc/rc?.d/[SK]??NAME, or /etc/runlevels/*/NAME."""


@dataclass(frozen=True)
class InitScript(Reader[InitScriptFact]):
    """Read one /etc/init.d service and the links that start it."""

    name: str

    def script(self) -> str:
        """Print `yes` where the script is there, then the links."""
        name = quote(self.name)
        return (
            f"if [ -x /etc/init.d/{name} ]; then echo yes; else echo no; fi\n"
            f"for l in /etc/rc?.d/[SK]??{name} /etc/runlevels/*/{name}; do\n"
            'if [ -L "$l" ]; then echo "$l"; fi; done'
        )

    def parse(self, output: Output) -> InitScriptFact:
        """Read the lines."""
        first, *links = output.stdout.lines() or [""]
        if first not in {"yes", "no"}:
            raise UnreadableError(f"/etc/init.d/{self.name}: no answer")
        return InitScriptFact(name=self.name, exists=first == "yes", links=tuple(sorted(links)))
