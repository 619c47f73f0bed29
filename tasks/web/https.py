"""What answers visitors by https: the page, another program, or nothing; and what they see without the page."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from stopgap.orchestrator.check import caches_in
from stopgap.orchestrator.facts import HttpFact, PlacedProcess
from stopgap.orchestrator.text import tr
from stopgap.tasks.host.place import place_of
from stopgap.tasks.web.layout import Facts
from stopgap.tasks.web.params import Params
from stopgap.tasks.web.replaced import Replaced
from stopgap.tasks.web.service import describe, owner_of_port_80, owners

By: TypeAlias = "Replaced | Literal['Apache', 'Stopgap']"
"""What shows the page."""


class Https(NamedTuple):
    """What answers on port 443 once the page is shown."""

    by: Literal["page", "other", "nothing"]
    owner: str = ""
    """Program of `other`; may be unknown."""


def https(by: By, params: Params, facts: Facts) -> Https:
    """Return what will answer on port 443."""
    if params.certificate or (isinstance(by, Replaced) and list(by.sites(params, facts.texts))):
        return Https("page")
    owner = next(iter(owners(facts, 443)), None)
    listens = owner is not None or any(each.port == 443 for each in facts.listeners)
    if not listens:
        return Https("nothing")
    plain = owner_of_port_80(facts)
    if by == "Apache" and (owner is None or plain is None or _together(owner, plain, facts)):
        return Https("page")
    if owner and plain and _together(owner, plain, facts):
        return Https("nothing")
    return Https("other", describe(owner, facts) if owner else "")


def without_it(seen: HttpFact | None, plain: HttpFact | None) -> str:
    """Return what visitors see whose https gets no answer, by what the site said from outside before."""
    if seen and "strict-transport-security" in seen.headers:
        return tr(
            "The site asks for https alone (HSTS, {age}): a browser that has been there shows a connection error, "
            "for http addresses too, and offers no way past it",
            age=seen.headers["strict-transport-security"].partition(";")[0].strip()[:40],
        )
    if plain and plain.status in {301, 302, 307, 308} and plain.headers.get("location", "").startswith("https://"):
        return tr(
            "The site sends http on to https, so that links, bookmarks and many a browser's memory lead there: a "
            "connection error; who types a plain address sees the page"
        )
    if seen and seen.status:
        return tr(
            "The site answers by https: links and bookmarks to https end in a connection error, plain addresses show "
            "the page"
        )
    return tr("A browser that knows the site by https (HSTS) tries nothing else")


def cache_before(*seen: HttpFact | None) -> str:
    """Return the headers of a cache or delivery network with which the site answered; empty without any."""
    return next((said for fact in seen if fact and (said := caches_in(fact.headers))), "")


def _together(one: PlacedProcess, other: PlacedProcess, facts: Facts) -> bool:
    """Return True if both belong to one unit or container, or are one program where neither is known."""
    first, second = place_of(one, facts.placed), place_of(other, facts.placed)
    if first == second and (first.unit or first.container):
        return True
    return first == second and (one.exe, one.name) == (other.exe, other.name)
