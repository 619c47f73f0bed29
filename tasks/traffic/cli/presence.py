"""The check of a block's entries on a device with a command line."""

from __future__ import annotations

from typing import Literal

from stopgap.orchestrator.change import Entry, Witness
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Reader, Shown, ShownFact
from stopgap.orchestrator.text import tr


class Standing(Check):
    """Every entry of a block stands in the device."""

    kind: Literal["standing"] = "standing"
    commands: tuple[str, ...]
    entries: tuple[Entry, ...]
    witnesses: tuple[Witness, ...] = ()

    def describe(self) -> str:
        """Count the entries."""
        return tr("the router shows {count} entries of the block", count=len(self.entries))

    def reader(self) -> Reader[ShownFact]:
        """Return one reader for all commands."""
        return Shown(self.commands)

    def judge(self, fact: ShownFact) -> Judgement:
        """Name the first missing entry."""
        missing = [entry for entry in self.entries if not entry.stands_in(fact.shown.get(entry.show, ""))]
        doubts = [why for w in self.witnesses if (why := w.lacks(fact.shown.get(w.show, "")))]
        if missing and doubts:
            return Judgement(None, doubts[0])
        if missing:
            return Judgement(
                False, tr("{count} missing, among them {line}", count=len(missing), line=missing[0].line.strip())
            )
        return Judgement(True, tr("all there"))
