"""RouterOS 7: lists whose entries time out, no configuration mode."""

from __future__ import annotations

import re
import time

from .device import Device, Shell

_RAW = "chain=prerouting action=drop {side}-address-list=stopgap comment=stopgap"


class RouterOsShell(Shell):
    banner = "\n  MikroTik RouterOS 7.15\n\n"
    device: RouterOs

    def __init__(self, device: RouterOs) -> None:
        self.device = device

    @property
    def prompt(self) -> str:
        return f"\n[admin@{self.device.name}] > "

    def answer(self, line: str) -> str:
        device = self.device
        with device.lock:
            if device.refuse and line.startswith(device.refuse):
                return "expected end of command (line 1 column 40)"
            device.expire()
            if line == "quit":
                self.over = True
                return ""
            if found := re.fullmatch(r"/(ip|ipv6) firewall address-list (.*)", line):
                return self._list(found[1], found[2])
            if found := re.fullmatch(r"/(ip|ipv6) firewall raw print terse where comment=stopgap", line):
                return "\n".join(f" {n}    {rule}" for n, rule in enumerate(device.raw[found[1]]))
            if re.fullmatch(r'/(ip|ipv6) firewall connection remove \[find (src|dst)-address~"[^"]*"\]', line):
                return ""
            return "bad command name " + line.split(maxsplit=1)[0] + " (line 1 column 1)"

    def _list(self, ip: str, words: str) -> str:
        device = self.device
        entries = device.lists[ip]
        if found := re.fullmatch(r"print terse where list=(\S+)", words):
            lines = [
                f" {n} D list={name} address={address} timeout={device.left(until)} creation-time=2026-11-23"
                for n, ((name, address), until) in enumerate(entries.items())
                if name == found[1]
            ]
            return "\n".join(lines) + device.hostile
        if found := re.fullmatch(r"add list=(\S+) address=(\S+) timeout=(\d+)s", words):
            if (found[1], found[2]) in entries:
                return "failure: already have such entry"
            entries[found[1], found[2]] = device.until(int(found[3]))
            return ""
        if found := re.fullmatch(r"remove \[find list=(\S+) address=(\S+)\]", words):
            entries.pop((found[1], found[2]), None)
            return ""
        if found := re.fullmatch(r"set \[find list=(\S+) address=(\S+)\] timeout=(\d+)s", words):
            if (found[1], found[2]) in entries:
                entries[found[1], found[2]] = device.until(int(found[3]))
            return ""
        return "syntax error (line 1 column 30)"


class RouterOs(Device):
    """With raw rules, as docs/routers.md asks."""

    crlf = True

    def __init__(self, minute: float = 60.0) -> None:
        super().__init__(minute)
        self.lists: dict[str, dict[tuple[str, str], float]] = {"ip": {}, "ipv6": {}}
        self.raw = {ip: [_RAW.format(side=side) for side in ("src", "dst")] for ip in ("ip", "ipv6")}

    def login(self) -> RouterOsShell:
        return RouterOsShell(self)

    def until(self, seconds: int) -> float:
        return time.monotonic() + seconds * self.minute / 60

    def left(self, until: float) -> str:
        seconds = int((until - time.monotonic()) * 60 / self.minute)
        parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
        return "".join(f"{n}{unit}" for n, unit in parts if n) or "0s"

    def expire(self) -> None:
        now = time.monotonic()
        for entries in self.lists.values():
            for key in [key for key, until in entries.items() if until <= now]:
                del entries[key]

    def dump(self) -> str:
        with self.lock:
            self.expire()
            lines = [f"{ip} {name} {address}" for ip, each in self.lists.items() for name, address in sorted(each)]
            return "\n".join([*lines, *(f"{ip} {rule}" for ip, rules in self.raw.items() for rule in rules)])
