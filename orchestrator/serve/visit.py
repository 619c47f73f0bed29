"""A request to the page: the language of the answer and the person who asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.types import Scope

from stopgap.orchestrator.language import LANGUAGES, Language

LANG = "stopgap_lang"
"""Name of the cookie that keeps the language."""
_MOST = 40
"""Ranges of Accept-Language that are read."""


@dataclass(frozen=True)
class Visit:
    """A request of a person who was let in."""

    request: Request
    lang: Language
    person: str
    mark: str
    """What every form of this person carries."""

    def query(self, name: str, most: int = 200) -> str:
        """Return a parameter of the query, cut at `most` characters; empty without one."""
        return self.request.query_params.get(name, "")[:most]

    def number(self, name: str) -> int:
        """Return a parameter that counts from 1; 1 for anything else."""
        text = self.query(name, 9)
        return max(1, int(text)) if text.isascii() and text.isdigit() else 1


def language_of(scope: Scope) -> Language:
    """Return the language of `?lang`, of the cookie, or of Accept-Language (RFC 9110, 12.5.4); else English."""
    headers = Headers(scope=scope)
    query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    cookies = cookie_parser(headers.get("cookie", ""))
    wanted = [query.get("lang", ""), cookies.get(LANG, ""), *_accepted(headers.get("accept-language", ""))]
    return next((lang for name in wanted for lang in LANGUAGES if lang == name), "en")


def chosen_language(request: Request) -> Language | None:
    """Return the language named by the address of the page; None for an address without a language."""
    named = request.query_params.get("lang")
    return next((lang for lang in LANGUAGES if lang == named), None)


def _accepted(header: str) -> Iterator[str]:
    """Yield the primary languages of Accept-Language, the best first."""
    ranked: list[tuple[float, str]] = []
    for part in header.split(",")[:_MOST]:
        name, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            weight = 0.0
        if weight > 0:
            ranked.append((weight, name.strip().partition("-")[0].lower()))
    yield from (name for _, name in sorted(ranked, key=lambda each: -each[0]))
