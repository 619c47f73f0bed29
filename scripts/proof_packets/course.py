"""One driver through its course: before, blocked, undone, lapsed, rebooted with and without what survives that."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from lab_hosts.lab import ssh_command
from lab_hosts.state import ROOT
from lab_hosts.topology import BY_NAME

from proof_packets.declared import declared, open_way
from proof_packets.devices import Device
from proof_packets.eyes import Eyes, Outcome, steady
from proof_packets.inside import on
from proof_packets.missed import MISSED, Missed
from proof_packets.ways import FROM_BEFORE, INTERNET, WAYS, WEB, Way

Phase: TypeAlias = Literal["before", "blocked", "undone", "lapsed", "rebooted", "persisted"]
PHASES: tuple[Phase, ...] = ("before", "blocked", "undone", "lapsed", "rebooted", "persisted")
Part: TypeAlias = Literal["timed", "blocked", "lapsed", "rebooted", "persisted", "missed"]
CHOICES: tuple[Part, ...] = ("timed", "blocked", "lapsed", "rebooted", "persisted", "missed")
"""Parts that can be left out; what follows from one comes with it. `missed` is what the inventory does not tell."""
BARE = f"""table inet bare {{
    chain both {{
        type filter hook prerouting priority raw - 11;
        ip daddr {WEB.ipv4} drop
        ip saddr {WEB.ipv4} drop
    }}
}}
"""
"""What somebody in a hurry types."""
STANDING = frozenset({"blocked", "persisted"})
"""Phases in which the block is to be in force."""
Flow: TypeAlias = tuple[Way, int]
"""A way with an IP version."""
FLOWS: tuple[Flow, ...] = tuple((way, version) for way in WAYS for version in (4, 6))
SHORT = "8s"
SETTLED = 40.0
"""Seconds within which routes and daemons are back after a block, or a reboot."""
PAUSE = 0.3
REFUSED = 4
"""Exit status of a step that the driver cannot do."""


@dataclass
class Measured:
    """What one driver showed."""

    device: Device
    outcomes: dict[tuple[Phase, Flow], Outcome] = field(default_factory=dict)
    verdict: str = ""
    """Of the run that blocked."""
    missed: dict[str, tuple[str, list[Outcome]]] = field(default_factory=dict)
    """What the inventory does not tell → the verdict, and what became of each of its ways."""
    stops: float | None = None
    """Seconds from the start of `stopgap run` to the first datagram that is dropped."""
    bare: float | None = None
    """The same of `ssh ROUTER nft -f -`."""
    problems: list[str] = field(default_factory=list)
    """What is not as it has to be, besides packets."""

    def expected(self, phase: Phase, flow: Flow) -> Outcome:
        """Give what the driver declares of it."""
        way, version = flow
        return declared(way, self.device.can, version) if phase in STANDING else open_way(way)

    def against(self) -> list[str]:
        """Name what was measured otherwise than declared, and every other problem."""
        packets = [
            f"{phase}: {way.name}, IPv{version}: {outcome}, not {self.expected(phase, (way, version))}"
            for (phase, (way, version)), outcome in self.outcomes.items()
            if outcome != self.expected(phase, (way, version))
        ]
        return packets + self.problems + self._belied() + self._belied_where_missed()

    def _belied_where_missed(self) -> list[str]:
        """Hold each verdict against the packets of what the inventory does not tell: none is better than they are."""
        return [
            f"{name}: the verdict is {verdict}, and {outcomes.count('passes')} of {len(outcomes)} ways are open"
            for name, (verdict, outcomes) in self.missed.items()
            if verdict == "contained" and "passes" in outcomes
        ]

    def _belied(self) -> list[str]:
        """Hold the verdict against the packets: `contained` bears no leak of any way that crosses the router."""
        leaks = [
            f"{way.name}, IPv{version}"
            for (phase, (way, version)), outcome in self.outcomes.items()
            if phase == "blocked" and outcome == "passes" and way.counts
        ]
        if not self.verdict:
            return []
        right = {"contained"} if not leaks else {"partly"}
        right = {"unverified"} if not self.device.can.trusted else right
        return [f"the verdict is {self.verdict}, and {leaks or 'nothing'} leaks"] if {self.verdict} - right else []


class Course:
    """Blocks with one device, in one folder, before one pair of eyes."""

    def __init__(self, device: Device, vantages: Eyes, folder: Path, phases: Iterable[Part] = CHOICES) -> None:
        self._device, self._eyes, self._folder = device, vantages, folder
        self._phases = frozenset(phases)
        self._inventory = device.inventory(folder)
        self.measured = Measured(device)

    def run(self) -> Measured:
        """Go through the phases; the device is as before when it returns."""
        for name in self._device.moved:
            self._eyes.renew(name)
        self._trust()
        self._look("before")
        before = self._device.state()
        if "timed" in self._phases:
            self._time()
            self._compare(before, "what was timed")
        if "blocked" in self._phases:
            held = self._hold()
            self._block("1h")
            self._device.disturb()
            self._look("blocked", held)
            self._undo()
            self._look("undone")
            self._compare(before, "undo")
        if "lapsed" in self._phases and self._device.can.expiry != "none":
            self._block(SHORT)
            self._look("lapsed")
            self._undo()
            self._compare(before, "expiry and undo")
        if "rebooted" in self._phases:
            self._block("1h")
            self._reboot()
            self._look("rebooted")
            self._undo()
            self._compare(before, "reboot and undo")
        if "persisted" in self._phases:
            self._persist(before)
        if "missed" in self._phases:
            for missed in (each for each in MISSED if self._device.can.by_port or not each.ports):
                self._miss(missed)
                self._compare(before, missed.name)
        return self.measured

    def _time(self) -> None:
        """Have a stream of datagrams cut off by hand, then by the driver."""
        login = ssh_command(BY_NAME["edge"])[2:]
        exec_ = [str(ROOT / "scripts" / "lab"), "exec", "operator"]
        self.measured.bare = _stops_after(
            lambda: subprocess.run([*exec_, *login, "nft", "-f", "-"], input=BARE, text=True, check=True)
        )
        on("edge", "nft delete table inet bare")
        self.measured.stops = _stops_after(lambda: self._block("1h"))
        self._undo()

    def _miss(self, missed: Missed) -> None:
        """Block with an inventory that lacks something, and hold the verdict beside the packets of that."""
        self._inventory = self._device.inventory(self._folder, missed.addresses)
        self._trust()
        try:
            if missed.afterwards:
                verdict = self._run("1h", persist=missed.persists and self._device.can.persist)[1]
            with missed.arranged(self._device.port, self._device.host):
                verdict = self._verdict_now() if missed.afterwards else self._run("1h")[1]
                with ThreadPoolExecutor(len(missed.ways)) as pool:
                    outcomes = list(pool.map(lambda flow: self._eyes.look(*flow), missed.ways))
                self._undo()
        finally:
            self._inventory = self._device.inventory(self._folder)
        self.measured.missed[missed.name] = (verdict, outcomes)

    def _trust(self) -> None:
        """Agree to the program that the inventory names for a cloud."""
        if self._device.cloud:
            self._stopgap("trust", self._inventory, "--yes")

    def _verdict_now(self) -> str:
        """Give what `status` makes of the block now."""
        said = self._stopgap("status")[1]
        words = {"web is contained.": "contained", "not any more": "partly", "is partly contained": "partly"}
        return next((verdict for word, verdict in words.items() if word in said), "unverified")

    def _persist(self, before: str) -> None:
        if not self._device.can.persist:
            status = self._block("1h", persist=True)
            if (self._device.switch or self._device.containers) and not status:  # its end with a reboot is a gap
                self._undo()
            elif status != REFUSED:
                self.measured.problems.append(f"`persist` gave exit status {status}, not {REFUSED}")
            return
        held = self._hold()
        self._block("1h", persist=True)
        self._reboot()
        self._look("persisted", held)
        self._undo()
        self._look("undone")
        self._compare(before, "persist, reboot and undo")

    def _run(self, expires: str, *, persist: bool = False) -> tuple[int, str, str]:
        """Block; give exit status, verdict, and why the step ended as it did."""
        runbook = self._device.runbook(self._folder, expires, persist=persist)
        status, out = self._stopgap("run", runbook, "-i", self._inventory, "-t", "web", "--yes", "--json")
        last = json.loads((out.splitlines() or ["{}"])[-1])  # what is refused offline says so on standard error
        reason = next((step["reason"] for step in last.get("steps", ())), "")
        return status, last.get("containment", {}).get("web", "none"), reason

    def _block(self, expires: str, *, persist: bool = False) -> int:
        status, verdict, reason = self._run(expires, persist=persist)
        if persist and status == REFUSED:
            return status
        if expires != SHORT and status:  # a block that lapses while it is looked at is none of its faults
            self.measured.problems.append(f"stopgap run gave exit status {status}: {reason}")
        self.measured.verdict = self.measured.verdict or verdict
        return status

    def _undo(self) -> None:
        status, out = self._stopgap("undo", "last", "--yes")
        if status:
            self.measured.problems.append(f"stopgap undo gave exit status {status}: {out[-300:]}")

    def _stopgap(self, *words: object) -> tuple[int, str]:
        done = subprocess.run(
            [str(w) for w in (ROOT / "scripts" / "lab", "exec", "operator", "stopgap", *words)],
            env=os.environ | {"STOPGAP_HOME": str(self._folder / "home")},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + ("" if "--json" in words else done.stderr)

    def _reboot(self) -> None:
        self._device.reboot()
        for name in (self._device.host, *self._device.moved):
            self._eyes.renew(name)

    def _hold(self) -> dict[Flow, socket.socket]:
        held = {}
        for way, version in FLOWS:
            if way.kind in FROM_BEFORE:
                with suppress(OSError):
                    held[way, version] = self._eyes.hold(way, version)
        return held

    def _look(self, phase: Phase, held: Mapping[Flow, socket.socket] | None = None) -> None:
        """Look at every flow; while routes and daemons come and go, again at those that are not yet as expected."""
        expected = {flow: self.measured.expected(phase, flow) for flow in FLOWS}
        at_once = phase in STANDING and self._device.can.where == "device"
        if phase in STANDING:  # what is to pass shows that the network is whole: only then can silence mean a drop
            alive = [flow for flow in FLOWS if expected[flow] == "passes" and flow[0].kind not in FROM_BEFORE]
            self._settle(alive, expected, lambda flow: self._eyes.look(*flow))
        streams = held or {}
        forgotten = phase == "persisted"

        def look(flow: Flow) -> Outcome:
            return self._eyes.look(*flow, streams.get(flow), forgotten=forgotten)

        seen = self._settle(FLOWS, expected, look, at_once=at_once)
        self.measured.outcomes.update({(phase, flow): outcome for flow, outcome in seen.items()})
        for stream in streams.values():
            stream.close()

    def _settle(
        self,
        flows: Iterable[Flow],
        expected: Mapping[Flow, Outcome],
        look: Callable[[Flow], Outcome],
        *,
        at_once: bool = False,
    ) -> dict[Flow, Outcome]:
        """Look until all is as expected, or time is over; `at_once`: what is to be dropped has no second chance."""
        end, seen = time.monotonic() + SETTLED, dict[Flow, Outcome]()
        left = list(flows)
        while left:
            with ThreadPoolExecutor(len(left)) as pool:
                seen |= zip(left, pool.map(look, left), strict=True)
            wrong = [flow for flow in left if seen[flow] != expected[flow]]
            left = [flow for flow in wrong if not (at_once and expected[flow] == "dropped")]
            if not left or time.monotonic() > end:
                break
            time.sleep(PAUSE)
        return seen

    def _compare(self, before: str, what: str) -> None:
        """See that the device is as it was; lines of daemons come back in any order after a reboot."""
        end = time.monotonic() + SETTLED
        while True:
            gone, come = set(before.splitlines()), set(self._device.state().splitlines())
            if gone == come:
                return
            if time.monotonic() > end:
                lines = [*(f"- {line}" for line in gone - come), *(f"+ {line}" for line in come - gone)]
                self.measured.problems.append(f"not as before after {what}: {'; '.join(lines[:6])}")
                return
            time.sleep(PAUSE)


def _stops_after(act: Callable[[], object]) -> float | None:
    """Give the seconds from the start of an act to the first datagram from the world that does not arrive."""
    with steady(INTERNET, WEB) as arrived:
        began = time.monotonic()
        act()
        for _ in range(20):
            if (last := arrived()) is not None:
                return last - began
            time.sleep(PAUSE)
    return None
