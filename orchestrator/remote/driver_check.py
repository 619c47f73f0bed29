"""A test of a provider's program against the protocol of docs/drivers.md: a host is blocked and given back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.provider_script import (
    DoneAnswer,
    PlanAnswer,
    ProbeAnswer,
    ProviderRequest,
    StatusAnswer,
    canonical,
)
from stopgap.orchestrator.remote.provider import Ended, ProgramError, ProviderSession, parsed_answer

_ELSEWHERE = {"stopgap-driver-check": "a state that no provider shows"}
_SETTLED = 120.0
"""Seconds for a change to be in force."""


@dataclass(frozen=True)
class Checked:
    """One point of the protocol."""

    name: str
    holds: bool
    seen: str = ""


class Departed(Exception):  # noqa: N818
    """The program departs from the protocol so far that no further point can be tested."""


class DriverCheck:
    """Tests one program on one host; `request` names host and block."""

    def __init__(self, session: ProviderSession, request: ProviderRequest, timeout: float) -> None:
        self._session = session
        self._request = request
        self._timeout = timeout
        self.probe: ProbeAnswer | None = None

    def reading(self) -> Iterator[Checked]:
        """Test what writes nothing: versions, probe, plan, status. Raises Departed."""
        other = self._send("probe", stopgap=99)
        yield Checked("another version is refused (exit status 2)", other.status == 2, f"exit status {other.status}")
        self.probe = self._answer("probe", ProbeAnswer)
        yield Checked("probe names what the block would change", bool(self.probe.ids), f"{len(self.probe.ids)} ids")
        plan, again = self._answer("plan", PlanAnswer), self._answer("plan", PlanAnswer)
        same = canonical([plan.before, plan.wanted]) == canonical([again.before, again.wanted])
        yield Checked("plan gives the same snapshots each time", same)
        self._request = self._request.model_copy(update={"before": plan.before, "wanted": plan.wanted})
        yield Checked("plan wants another state than there is", canonical(plan.before) != canonical(plan.wanted))
        yield Checked("status shows what plan has seen, and plan has written nothing", self._shows(plan.before))

    def writing(self) -> Iterator[Checked]:
        """Block twice, give back twice; the state before is put back in any case. Raises Departed."""
        before, wanted = self._request.before, self._request.wanted
        try:
            conflict = self._send("apply", before=_ELSEWHERE)
            kept = self._shows(before)
            yield Checked(
                "apply from another state is a conflict (3), and writes nothing", conflict.status == 3 and kept
            )
            for name in ("apply makes the state that plan wants", "apply is as good twice"):
                self._answer("apply", DoneAnswer)
                yield Checked(name, self._settles(wanted))
            conflict = self._send("undo", wanted=_ELSEWHERE, before=_ELSEWHERE | {"other": True})
            kept = self._shows(wanted)
            yield Checked(
                "undo from another state is a conflict (3), and writes nothing", conflict.status == 3 and kept
            )
            for name in ("undo puts the state before back", "undo is as good twice"):
                self._answer("undo", DoneAnswer)
                yield Checked(name, self._settles(before))
        finally:
            if not self._shows(before):
                self._send("undo", force=True)
        yield Checked("nothing is left of the block", self._settles(before))

    def _send(self, operation: str, **other: Any) -> Ended:  # noqa: ANN401
        words = self._request.model_dump(mode="json") | {"op": operation, "deadline": int(self._timeout)} | other
        try:
            return self._session.answer_to(words, self._timeout)
        except ProgramError as error:
            raise Departed(str(error)) from None

    def _answer(self, operation: Any, model: Any) -> Any:  # noqa: ANN401
        ended = self._send(operation)
        if ended.status != 0:
            said = ended.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise Departed(f"{operation}: exit status {ended.status}: {said}")
        try:
            return parsed_answer(ended.stdout, model, self._session.host.name, operation)
        except ProgramError as error:
            raise Departed(str(error)) from None

    def _shows(self, state: Any) -> bool:  # noqa: ANN401
        shown: StatusAnswer = self._answer("status", StatusAnswer)
        return canonical(shown.state) == canonical(state)

    def _settles(self, state: Any) -> bool:  # noqa: ANN401
        end = time.monotonic() + _SETTLED
        while True:
            shown: StatusAnswer = self._answer("status", StatusAnswer)
            if not shown.pending or time.monotonic() > end:
                return not shown.pending and canonical(shown.state) == canonical(state)
            time.sleep(0.5)
