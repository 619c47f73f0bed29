"""A page of a web server, as delivered to a visitor."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from stopgap.orchestrator.check.base import Check, Judgement
from stopgap.orchestrator.facts import HttpFact, HttpGet, Reader
from stopgap.orchestrator.text import tr

_CACHES = (
    *("age", "via", "x-cache", "x-cache-status", "x-proxy-cache", "x-varnish", "x-served-by", "x-litespeed-cache"),
    *("cf-ray", "cf-cache-status", "x-amz-cf-id", "x-azure-ref", "x-akamai-request-id", "x-sucuri-id", "x-iinfo"),
    *("x-vercel-id", "x-nf-request-id", "fly-request-id", "cdn-cache", "x-bunny-server", "x-77-cache", "x-hw"),
)
"""Headers of caches and delivery networks, in lower case (RFC 9110, Via; RFC 9111, Age; the vendors' pages)."""


def caches_in(headers: Mapping[str, str]) -> str:
    """Return the headers of caches and delivery networks, as `via: 1.1 varnish, age: 3`; empty without any."""
    return ", ".join(f"{name}: {headers[name][:60]}" for name in _CACHES if name in headers)


class Page(Check):
    """A page, requested as by a visitor."""

    kind: Literal["page"] = "page"
    address: IPv4Address | IPv6Address
    path: str = "/"
    host: str | None = None
    tls: bool = False
    status: int
    contains: str | None = None

    def describe(self) -> str:
        """Return the expected state, with URL, name of the site, and status."""
        url = self._get().url
        if self.host:
            return tr("{url} for {name} answers {status}", url=url, name=self.host, status=self.status)
        return tr("{url} answers {status}", url=url, status=self.status)

    def reader(self) -> Reader[HttpFact]:
        """Return the reader of the page."""
        return self._get()

    def judge(self, fact: HttpFact) -> Judgement:
        """Compare the status, search for the text, and name a cache on the way, or who answers instead."""
        if fact.status == 0:
            return Judgement(False, tr("no answer"))
        cache = caches_in(fact.headers)
        if self.contains is None or self._is_page(fact):
            seen: str = str(fact.status)
            if cache:
                seen = tr("{status} through a cache ({cache})", status=fact.status, cache=cache)
            if fact.untrusted:
                seen = tr(
                    "{seen}, but browsers warn: the certificate is not trusted for {name} here",
                    seen=seen,
                    name=self.host or "",
                )
            return Judgement(fact.status == self.status, seen)
        server = fact.headers.get("server", "")[:60]
        if cache:
            seen = tr("{status}, but another page, from a cache ({cache})", status=fact.status, cache=cache)
        elif server:
            seen = tr("{status}, but another page, by {server}", status=fact.status, server=server)
        else:
            seen = tr("{status}, but another page", status=fact.status)
        return Judgement(False, seen)

    def _is_page(self, fact: HttpFact) -> bool:
        return self.contains is not None and self.contains in (fact.body + fact.headers.get("location", ""))

    def _get(self) -> HttpGet:
        return HttpGet(self.address, self.path, self.host, self.tls)
