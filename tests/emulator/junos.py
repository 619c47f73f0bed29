"""Junos."""

from __future__ import annotations

from .set_lines import SetLines, SetShell


class JunosShell(SetShell):
    banner = "--- JUNOS 21.4R3 Kernel 64-bit\n"

    def outside(self, user: str) -> str:
        return f"{user}> "

    def error(self, line: str) -> str:
        return f"{' ' * (len(line) - 4)}^\nsyntax error, expecting <data>."

    def missing(self) -> str:
        return "warning: statement not found"

    def answer(self, line: str) -> str:
        with self.device.lock:
            return self._answer(line)

    def _answer(self, line: str) -> str:
        device = self.device
        if self.candidate is None:
            if line == "configure exclusive":
                if device.exclusive not in (None, self):
                    return "error: configuration database locked by:\n  other terminal p0 (pid 1) exclusive [edit]"
                device.exclusive, self.candidate = self, list(device.config)
                return "warning: uncommitted changes will be discarded on exit\nEntering configuration mode"
            if line.startswith("show configuration ") and " | display set" in line:
                path = line.removeprefix("show configuration ").partition(" | ")[0]
                shown = [f"set {each}" for each in device.config if each.startswith(f"{path} ")]
                return self.show(sorted(shown, key=lambda each: each.split()[:4]))
            if line == "show system commit":
                pending = " commit confirmed, rollback in 2mins" if device.waiting else ""
                return f"0   2026-11-29 06:00:00 UTC by admin via cli{pending}\n1   2026-11-01 09:00:00 UTC by root"
            if line == "exit":
                self.over = True
            elif not line.startswith("set cli "):
                return f"{' ' * 10}^\nunknown command."
            return {
                "set cli screen-length 0": "Screen length set to 0",
                "set cli screen-width 511": "Screen width set to 511",
            }.get(line, "")
        if line.startswith(("set ", "delete ")):
            return self.edit(line)
        if line == "commit" or line.startswith("commit confirmed "):
            device.confirm()
            minutes = float(line.split()[2]) if "confirmed" in line else None
            self.commit(minutes)
            note = f"commit confirmed will be automatically rolled back in {minutes:g} minutes\n" if minutes else ""
            return f"{note}commit complete"
        if line == "rollback 0":
            self.candidate = list(device.config)
            return "load complete"
        if line == "exit":
            self.candidate = device.exclusive = None
            return "Exiting configuration mode"
        return f"{' ' * 10}^\nunknown command."


class Junos(SetLines):
    """With prefix lists that hold a placeholder, and filters, as docs/routers.md asks."""

    start = (
        "system host-name edge",
        "interfaces ge-0/0/7 description web",
        *(
            line
            for family, name, empty in (("inet", "STOPGAP", "192.0.2.255/32"), ("inet6", "STOPGAP6", "100::1/128"))
            for line in (
                f"policy-options prefix-list {name} {empty}",
                f"policy-options prefix-list {name}-ALLOW {empty}",
                f"firewall family {family} filter CUSTOMER term stopgap-from from source-prefix-list {name}",
                f"firewall family {family} filter CUSTOMER term stopgap-from then discard",
                f"firewall family {family} filter CUSTOMER term stopgap-to from destination-prefix-list {name}",
                f"firewall family {family} filter CUSTOMER term stopgap-to then discard",
            )
        ),
    )

    def login(self) -> JunosShell:
        return JunosShell(self)
