"""A page of a web server, as a visitor gets it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from stopgap.orchestrator.check.base import Check, Judgement
from stopgap.orchestrator.facts import HttpFact, HttpGet, Reader


class Page(Check):
    """A page, asked for as a visitor would."""

    kind: Literal["page"] = "page"
    address: IPv4Address | IPv6Address
    path: str = "/"
    host: str | None = None
    status: int
    contains: str | None = None

    def describe(self) -> str:
        """Name the URL and the status."""
        return f"{self._get().url} answers {self.status}"

    def reader(self) -> Reader[HttpFact]:
        """Get the page."""
        return self._get()

    def judge(self, fact: HttpFact) -> Judgement:
        """Compare the status, and look for the text."""
        if fact.status == 0:
            return Judgement(False, "no answer")
        if self.contains is not None and self.contains not in fact.body:
            return Judgement(False, f"{fact.status}, but another page")
        return Judgement(fact.status == self.status, str(fact.status))

    def _get(self) -> HttpGet:
        return HttpGet(self.address, self.path, self.host)
