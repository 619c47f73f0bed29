"""EOS and IOS: access lists, routes, ports. EOS alters in named sessions with a timer, IOS at once."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field

from .device import Device, Shell

_RULE = re.compile(
    r"(?:permit|deny) (?:ip|ipv6|icmp) "
    r"(?:any|host [0-9a-f.:]+|[0-9a-f.:]+/\d+|[\d.]+ [\d.]+) (?:any|host [0-9a-f.:]+|[0-9a-f.:]+/\d+|[\d.]+ [\d.]+)"
    r"(?: nd-n[as])?"
)


@dataclass
class Config:
    lists: dict[str, dict[int, str]] = field(default_factory=dict)
    routes: list[str] = field(default_factory=list)
    ports: dict[str, list[str]] = field(default_factory=dict)


def prepared(ports: str) -> Config:
    config = Config(ports={ports: ["description web"]})
    for base, ip in (("STOPGAP", "ip"), ("STOPGAP6", "ipv6")):
        for side in ("IN", "OUT"):
            rules = {10000: f"permit {ip} any any"}
            if ip == "ipv6":
                rules |= {10: "permit icmp any any nd-na", 20: "permit icmp any any nd-ns"}
            config.lists[f"{base}-{side}"] = rules
    return config


class Cisco(Device):
    port_name = "GigabitEthernet1/0/7"
    version = ""
    """The answer to `show version`."""

    def __init__(self, minute: float = 60.0) -> None:
        super().__init__(minute)
        self.config = prepared(self.port_name)
        self.archive = True
        self.sessions: dict[str, Config] = {}

    def dump(self) -> str:
        parts = [
            f"{name}: {n} {rule}"
            for name, rules in sorted(self.config.lists.items())
            for n, rule in sorted(rules.items())
        ]
        parts += sorted(self.config.routes)
        parts += [f"{port}: {line}" for port, lines in self.config.ports.items() for line in lines]
        return "\n".join(parts)

    def go_back_to(self, config: Config) -> None:
        self.config = config


class CiscoShell(Shell):
    eos = False

    def __init__(self, device: Cisco) -> None:
        self.device = device
        self.mode = ""
        """Empty in operational mode, else what stands in the prompt."""
        self.session: str | None = None
        self.before: Config | None = None
        self.at: list[str] = []

    @property
    def prompt(self) -> str:
        return f"{self.device.name}({self.mode})#" if self.mode else f"{self.device.name}#"

    @property
    def config(self) -> Config:
        return self.device.sessions[self.session] if self.session else self.device.config

    def invalid(self) -> str:
        said = "% Invalid input" if self.eos else "          ^\n% Invalid input detected at '^' marker."
        return said + self.device.hostile.strip("\n")

    def answer(self, line: str) -> str:
        with self.device.lock:
            if self.device.refuse and line.startswith(self.device.refuse):
                return self.invalid()
            return (self.configure(line) if self.mode else self.operate(line)) or ""

    def operate(self, line: str) -> str | None:
        device = self.device
        if found := re.fullmatch(r"show (ip|ipv6) access-lists? (\S+)", line):
            rules = device.config.lists.get(found[2])
            if rules is None:
                return ""
            head = f"{'IP' if found[1] == 'ip' else 'IPv6'} Access List {found[2]}"
            return "\n".join([head, *(self.rule(found[1], n, rules[n]) for n in sorted(rules))]) + device.hostile
        if found := re.fullmatch(r"show running-config interfaces? (\S+)", line):
            lines = device.config.ports.get(found[1])
            if lines is None:
                return self.invalid()
            return "\n".join([f"interface {found[1]}", *(f"   {each}" for each in lines), "end"]) + device.hostile
        if line == "show version":
            return device.version
        if line == "show running-config | include Null0 tag 666":
            return "\n".join(device.config.routes)
        if line in {"exit", "quit"}:
            self.over = True
            return None
        if line.startswith("terminal "):
            return (
                {"terminal width 511": "Width set to 511 columns.", "terminal length 0": "Pagination disabled."}.get(
                    line, ""
                )
                if self.eos
                else ""
            )
        return self.special(line)

    def rule(self, ip: str, number: int, rule: str) -> str:
        if self.eos:
            return f"        {number} {rule} [match 3 packets, 0:00:07 ago]"
        if ip == "ip":
            return f"    {number} {rule} (3 matches)"
        upper = " ".join(word.upper() if ":" in word else word for word in rule.split())
        return f"    {upper} (3 matches) sequence {number}"

    def special(self, line: str) -> str | None:
        return self.invalid()

    def configure(self, line: str) -> str | None:
        if found := re.fullmatch(r"(?:ip access-list(?: extended)?|ipv6 access-list) (\S+)", line):
            self.config.lists.setdefault(found[1], {})
            self.at = ["list", found[1]]
            self.mode = "config-s-acl" if self.eos else "config-ext-nacl"
            return None
        if found := re.fullmatch(r"interface (\S+)", line):
            self.at = ["port", found[1]]
            return None
        if found := re.fullmatch(r"(no )?((?:ip|ipv6) route \S+(?: [\d.]+)? Null0 tag 666)", line):
            if found[1]:
                self.config.routes.remove(found[2])
            else:
                self.config.routes.append(found[2])
            return None
        if self.at[:1] == ["port"] and line in {"shutdown", "no shutdown"}:
            port = self.config.ports[self.at[1]]
            port[:] = [each for each in port if each != "shutdown"] + (["shutdown"] if line == "shutdown" else [])
            return None
        if self.at[:1] == ["list"] and (found := re.fullmatch(r"(no )?(?:sequence )?(\d+)(?: (.*))?", line)):
            rules = self.config.lists[self.at[1]]
            if found[1]:
                return None if rules.pop(int(found[2]), None) else "% Sequence number not found"
            if int(found[2]) in rules:
                return "% Duplicate sequence number"
            if not _RULE.fullmatch(found[3] or ""):
                return self.invalid()
            rules[int(found[2])] = found[3]
            return None
        return self.leave(line)

    def leave(self, line: str) -> str | None:
        return self.invalid()


class EosShell(CiscoShell):
    eos = True

    def special(self, line: str) -> str | None:
        device = self.device
        if line == "show configuration sessions detail":
            waiting = ["  b  pendingCommitTimer  admin  00:01:40"] if device.waiting else []
            return "\n".join(["Maximum number of completed sessions: 1", "  Name  State  User  Timer", *waiting])
        if found := re.fullmatch(r"configure session (\S+)( commit)?", line):
            if found[2]:
                if device.confirm():
                    return None
                return "% Cannot commit session that is not pending"
            self.session = found[1]
            device.sessions[self.session] = copy.deepcopy(device.config)
            self.mode = f"config-s-{self.session[:6]}"
            return None
        return self.invalid()

    def leave(self, line: str) -> str | None:
        device = self.device
        assert self.session
        if line == "abort":
            del device.sessions[self.session]
        elif line == "commit" or line.startswith("commit timer "):
            before = device.config
            if line != "commit":
                hours, minutes, seconds = (int(part) for part in line.split()[2].split(":"))
                device.set_timer(hours * 60 + minutes + seconds / 60, lambda: device.go_back_to(before))
            device.config = device.sessions.pop(self.session)
        else:
            return self.invalid()
        self.mode, self.session, self.at = "", None, []
        return None


class IosShell(CiscoShell):
    def special(self, line: str) -> str | None:
        device = self.device
        if found := re.fullmatch(r"configure terminal(?: revert timer (\d+))?", line):
            if found[1]:
                if not device.archive:
                    return "%Archive feature not enabled. Rollback cannot be done"
                before = copy.deepcopy(device.config)
                device.before = before  # type: ignore[attr-defined]
                device.set_timer(float(found[1]), lambda: device.go_back_to(before))
            self.mode = "config"
            backing = "Rollback Confirmed Change: Backing up current running config to flash:archive-1\n\n"
            return (backing if found[1] else "") + "Enter configuration commands, one per line.  End with CNTL/Z."
        if line == "configure confirm":
            return None if device.confirm() else "%No Rollback Confirmed Change pending"
        if line == "configure revert now":
            if not device.confirm():
                return "%No Rollback Confirmed Change pending"
            device.go_back_to(device.before)  # type: ignore[attr-defined]
            return "Rollback Confirmed Change: rolling to: flash:archive-1\nTotal number of passes: 1\nRollback Done"
        if line == "show archive config rollback timer":
            if not device.waiting:
                return "%No Rollback Confirmed Change pending"
            return "Time configured(or reconfigured): 06:00:00 UTC Sun Nov 29 2026\nTimer value: 2 min\nUser: admin"
        if line == "show archive":
            if not device.archive:
                return "Archive feature not enabled"
            return "The maximum archive configurations allowed is 10.\n Archive #  Name\n   1        flash:archive-1"
        return self.invalid()

    def leave(self, line: str) -> str | None:
        if line != "end":
            return self.invalid()
        self.mode, self.at = "", []
        return None


class Eos(Cisco):
    port_name = "Ethernet7"
    version = "Arista vEOS-lab\nHardware version:\nSoftware image version: 4.30.1F"

    def login(self) -> EosShell:
        return EosShell(self)


class Ios(Cisco):
    version = "Cisco IOS XE Software, Version 17.09.04a\nCisco IOS Software [Cupertino], Catalyst L3 Switch Software"

    def login(self) -> IosShell:
        return IosShell(self)
