"""Runs on a router: turns the FlowSpec rules that BIRD has received over BGP into a packet filter of the kernel.

A stand-in for a hardware router's own installer. Rules apply in the order of RFC 8955, section 5.1, and the first
that matches decides: a rate of nothing discards, a rule without an action accepts.
"""

from __future__ import annotations

import re
import subprocess
import time

RULE = re.compile(r"^flow[46] \{ (?:dst ([^ ;]+);)? ?(?:src ([^ ;]+);)? \}")
DISCARD = "(generic, 0x80060000, 0x0)"


def received() -> set[tuple[str, str, bool]]:
    """Destination, source, whether they are discarded."""
    rules: dict[tuple[str, str], bool] = {}
    for table in ("flowtab4", "flowtab6"):
        command = ["birdc", "-r", "show", "route", "all", "table", table]
        last = None
        for line in subprocess.run(command, capture_output=True, text=True).stdout.splitlines():
            if match := RULE.match(line):
                last = (match[1] or "", match[2] or "")
                rules[last] = False
            elif last and DISCARD in line:
                rules[last] = True
    return {(*rule, discards) for rule, discards in rules.items()}


def precedence(rule: tuple[str, str, bool]) -> tuple[bool, int, bool, int]:
    """A rule with a destination goes before one without, a longer prefix before a shorter, more before less."""
    destination, source = rule[0], rule[1]
    return not destination, -length(destination), not source, -length(source)


def length(prefix: str) -> int:
    return int(prefix.partition("/")[2] or 0)


def ruleset(rules: set[tuple[str, str, bool]]) -> str:
    lines = []
    for destination, source, discards in sorted(rules, key=precedence):
        ip = "ip6" if ":" in destination + source else "ip"
        words = [f"{ip} daddr {destination}"] if destination else []
        words += [f"{ip} saddr {source}"] if source else []
        lines.append(" ".join([*words, "counter", "drop" if discards else "accept"]))
    table = ["table inet flowspec {"]
    for hook in ("prerouting", "output"):
        table += [f"chain {hook} {{", f"type filter hook {hook} priority raw;", *lines, "}"]
    return EMPTY + "\n".join([*table, "}", ""])


EMPTY = "add table inet flowspec\ndelete table inet flowspec\n"

installed: set[tuple[str, str, bool]] = set()
while True:
    now = received()
    if now != installed:
        text = ruleset(now) if now else EMPTY
        subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
        installed = now
    time.sleep(0.2)
