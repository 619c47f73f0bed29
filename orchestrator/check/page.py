"""A page of a web server, as delivered to a visitor."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from stopgap.orchestrator.check.base import Check, Judgement
from stopgap.orchestrator.facts import HttpFact, HttpGet, Reader
from stopgap.orchestrator.text import tr


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
        return tr("{url} answers {status}", url=self._get().url, status=self.status)

    def reader(self) -> Reader[HttpFact]:
        """Return the reader of the page."""
        return self._get()

    def judge(self, fact: HttpFact) -> Judgement:
        """Compare the status, and search for the text."""
        if fact.status == 0:
            return Judgement(False, tr("no answer"))
        if self.contains is not None and self.contains not in fact.body:
            return Judgement(False, tr("{status}, but another page", status=fact.status))
        return Judgement(fact.status == self.status, str(fact.status))

    def _get(self) -> HttpGet:
        return HttpGet(self.address, self.path, self.host)
