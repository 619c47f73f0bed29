"""VyOS and Junos: a configuration of `set` lines, altered as a candidate."""

from __future__ import annotations

from abc import abstractmethod
from ipaddress import ip_network

from .device import Device, Shell


class SetLines(Device):
    """The running configuration, without the leading `set`."""

    start: tuple[str, ...] = ()

    def __init__(self, minute: float = 60.0) -> None:
        super().__init__(minute)
        self.config = list(self.start)
        self.exclusive: object | None = None

    def dump(self) -> str:
        return "\n".join(sorted(f"set {line}" for line in self.config))

    def go_back_to(self, config: list[str]) -> None:
        self.config = config


class SetShell(Shell):
    """Operational mode, and configuration mode with a candidate."""

    device: SetLines
    roots = ("firewall", "system", "interfaces", "policy-options")

    def __init__(self, device: SetLines) -> None:
        self.device = device
        self.candidate: list[str] | None = None
        self.asking: float | None = None

    @property
    def prompt(self) -> str:
        user = f"vyos@{self.device.name}"
        return f"\n[edit]\n{user}# " if self.candidate is not None else self.outside(user)

    @abstractmethod
    def outside(self, user: str) -> str: ...

    @abstractmethod
    def error(self, line: str) -> str: ...

    def show(self, wanted: list[str]) -> str:
        return "\n".join(wanted) + self.device.hostile

    def edit(self, line: str) -> str:
        verb, _, path = line.partition(" ")
        assert self.candidate is not None
        path = path.replace("'", "")
        if not path.startswith(self.roots) or (self.device.refuse and line.startswith(self.device.refuse)):
            return self.error(line)
        if " network " in path or "prefix-list " in path:
            try:
                ip_network(path.split()[-1])
            except ValueError:
                return self.error(line)
        if verb == "set":
            if path not in self.candidate:
                self.candidate.append(path)
            return ""
        kept = [each for each in self.candidate if each != path and not each.startswith(f"{path} ")]
        missing = len(kept) == len(self.candidate)
        self.candidate = kept
        return self.missing() if missing else ""

    def missing(self) -> str:
        return ""

    def commit(self, minutes: float | None) -> None:
        assert self.candidate is not None
        device, before = self.device, self.device.config
        if minutes is not None:
            device.set_timer(minutes, lambda: device.go_back_to(before))
        device.config = list(self.candidate)
