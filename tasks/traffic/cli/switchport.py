"""A switch: shut the port of the host's cable, the closest equivalent to pulling the cable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from stopgap.orchestrator.change import DeviceChange, Entry, Witness
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Reader, Shown, ShownFact
from stopgap.orchestrator.host import CheckVantage, Cli, Scene
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.task import Note, Planned, Refused, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.cli.presence import Standing
from stopgap.tasks.traffic.cli.procedure import once
from stopgap.tasks.traffic.cli.slot import Placed, doubt, refuse_part
from stopgap.tasks.traffic.driver import Block, DeviceFacts, Driver


class SwitchPort(Driver):
    """EOS, IOS or Junos, by the switch's `cli`; the port is the target's `switchport`."""

    name: ClassVar[str] = "switchport"
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(self, cli: Cli = "ios", port: str = "") -> None:
        self._cli: Cli = cli
        self._port = port

    def at(self, scene: Scene) -> Driver:
        """Take command line and port from the inventory."""
        if scene.on.cli not in {"eos", "ios", "junos"}:
            raise Refused(
                tr("{host}: `driver: switchport` needs a `cli`, one of eos, ios, junos", host=scene.on.name)
            )
        if not scene.target.switchport:
            raise Refused(
                tr(
                    "{target} has no `switchport`: the port of {host} that its cable is in",
                    target=scene.target.name,
                    host=scene.on.name,
                )
            )
        return SwitchPort(scene.on.cli, scene.target.switchport)

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Look at the port."""
        return {"shown": Shown((self._show,))} if self._port else {}

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Shut the port, after a person has said yes."""
        refuse_part(self, block)
        shown, placed = facts.shown or ShownFact(), self._placed()
        if why := doubt(self._witnesses(), shown):
            raise Unplannable(
                tr("the switch shows no port {port} with a configuration of its own: {why}", port=self._port, why=why)
            )
        if placed.stands(shown):
            yield Note(text=tr("port {port} is shut already", port=self._port))
            return
        yield Question(
            text=tr("Shut port {port}?", port=self._port),
            reason=tr(
                "It cuts everything, on every address: your own way to the host, its management and evidence "
                "with it. Whatever else is behind the port is cut too."
            ),
        )
        within = (placed.within,) if placed.within else ()
        yield DeviceChange(
            about=tr("shut port {port}", port=self._port),
            do=once(self._cli, block.label, [*within, placed.put], back=[*within, placed.take]),
            undo=once(self._cli, block.label, [*within, placed.take], back=[*within, placed.put]),
            added=(placed.taken,),
            witnesses=self._witnesses(),
            looked=shown,
        )

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Yield a check of the port's state."""
        yield Standing(
            vantage=vantage, commands=(self._show,), entries=(self._placed().entry,), witnesses=self._witnesses()
        )

    @property
    def _show(self) -> str:
        return {
            "eos": f"show running-config interfaces {self._port}",
            "ios": f"show running-config interface {self._port}",
        }.get(self._cli, f"show configuration interfaces {self._port} | display set")

    def _witnesses(self) -> tuple[Witness, ...]:
        """Return witnesses: port configuration beside the shutdown; on IOS also the end of the output."""
        if self._cli == "junos":
            always: tuple[str, ...] = (rf"set interfaces {re.escape(self._port)} (?!disable$).+",)
        else:
            always = ("interface .+", "end") if self._cli == "ios" else ("interface .+",)
        return (Witness(show=self._show, always=always),)

    def _placed(self) -> Placed:
        if self._cli == "junos":
            line = f"set interfaces {self._port} disable"
            return Placed(
                Entry(show=self._show, line=line, seen=re.escape(line)),
                line,
                f"delete interfaces {self._port} disable",
            )
        entry = Entry(show=self._show, line=" shutdown", seen="shutdown")
        return Placed(entry, "shutdown", "no shutdown", within=f"interface {self._port}")
