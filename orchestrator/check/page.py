"""A page of a web server, as delivered to a visitor."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from stopgap.orchestrator.check.base import Check, Judgement
from stopgap.orchestrator.facts import HttpFact, HttpGet, Reader


class Page(Check):
    """A page, requested as by a visitor."""

    kind: Literal["page"] = "page"
    address: IPv4Address | IPv6Address
    path: str = "/"
    host: str | None = None
    status: int
    contains: str | None = None

    def describe(self) -> str:
        """Return the expected state, with URL and status."""
        return f"{self._get().url} answers {self.status}"

    def reader(self) -> Reader[HttpFact]:
        """Return the reader of the page."""
        return self._get()

    def judge(self, fact: HttpFact) -> Judgement:
        """Compare the status, and search for the text."""
        if fact.status == 0:
            return Judgement(False, "no answer")
        if self.contains is not None and self.contains not in fact.body:
            return Judgement(False, f"{fact.status}, but another page")
        return Judgement(fact.status == self.status, str(fact.status))

    def _get(self) -> HttpGet:
        return HttpGet(self.address, self.path, self.host)
