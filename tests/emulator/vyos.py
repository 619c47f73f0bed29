"""VyOS 1.5."""

from __future__ import annotations

import re

from .set_lines import SetLines, SetShell

_GROUPS = [("ipv4", "network-group", "STOPGAP"), ("ipv6", "ipv6-network-group", "STOPGAP6")]


def _written(path: str) -> str:
    """Quote a value; the name of a group is none."""
    before, _, last = path.rpartition(" ")
    return f"set {path}" if re.fullmatch(r"firewall group \S+", before) else f"set {before} '{last}'"


class VyosShell(SetShell):
    banner = "Welcome to VyOS!\n\n"

    def outside(self, user: str) -> str:
        return f"{user}:~$ "

    def error(self, line: str) -> str:
        return f"\n  Configuration path: [{line.partition(' ')[2]}] is not valid\n  Set failed\n"

    def missing(self) -> str:
        return "\n  Nothing to delete (the specified value does not exist)\n"

    def answer(self, line: str) -> str:
        with self.device.lock:
            return self._answer(line)

    def _answer(self, line: str) -> str:
        device = self.device
        if self.asking is not None:
            minutes, self.asking = self.asking, None
            if line == "y":
                self.commit(minutes)
            return ""
        if self.candidate is None:
            if line == "configure":
                self.candidate = list(device.config)
            elif line.startswith("show configuration commands | match "):
                word = line.rpartition(" ")[2]
                lines = [_written(each) for each in sorted(device.config)]
                return self.show([each for each in lines if word in each])
            elif line == "exit":
                self.over = True
            elif not line.startswith(("set terminal", "terminal")):
                return f"\n  Invalid command: [{line}]\n"
            return ""
        if line.startswith(("set ", "delete ")):
            return self.edit(line)
        if line == "commit":
            if self.candidate == device.config:
                return "No configuration changes to commit"
            self.commit(None)
        elif line.startswith("commit-confirm ") and device.waiting:
            return "Another confirm is pending"
        elif line.startswith("commit-confirm "):
            self.asking = float(line.split()[1])
        elif line == "confirm":
            return "" if device.confirm() else "No confirm pending"
        elif line in {"exit", "exit discard"}:
            if line == "exit" and self.candidate != device.config:
                return "Cannot exit: configuration modified.\nUse 'exit discard' to discard the changes and exit."
            self.candidate = None
        else:
            return f"\n  Invalid command: [{line}]\n"
        return ""

    @property
    def prompt(self) -> str:
        if self.asking is not None:
            return f"commit confirm will reload in {self.asking:g} minutes unless confirmed\nProceed? (y/N) "
        return super().prompt


class Vyos(SetLines):
    """With groups, raw rules and `commit-confirm reload`, as docs/routers.md asks."""

    start = (
        "system host-name edge",
        "system config-management commit-confirm reload",
        *(
            line
            for ip, kind, name in _GROUPS
            for line in (
                f"firewall group {kind} {name}",
                f"firewall group {kind} {name}-ALLOW",
                f"firewall {ip} prerouting raw rule 30 action drop",
                f"firewall {ip} prerouting raw rule 30 source group {kind} {name}",
                f"firewall {ip} prerouting raw rule 40 action drop",
                f"firewall {ip} prerouting raw rule 40 destination group {kind} {name}",
            )
        ),
    )

    def login(self) -> VyosShell:
        return VyosShell(self)
