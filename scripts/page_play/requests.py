"""Kinds of requests, and what each answer has to be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Ask = Callable[..., str]
"""curl in the server's network, with headers in the output."""
V4, V6 = "203.0.113.1", "[2001:db8:113::1]"


@dataclass(frozen=True)
class Kind:
    """One kind of request."""

    name: str
    words: tuple[str, ...]
    wants: str
    """Part of the answer's Content-Type."""
    https: bool = False


KINDS = (
    Kind("page", (f"http://{V4}/index.html",), "text/html"),
    Kind("missing", (f"http://{V4}/no/such/page",), "text/html"),
    Kind("static", (f"http://{V4}/logo.png", "-H", "Accept: image/png,*/*;q=0.8"), "text/html"),
    Kind("virtual host", (f"http://{V4}/", "-H", "Host: other.example"), "text/html"),
    Kind("IPv6", (f"http://{V6}/",), "text/html"),
    Kind("POST", (f"http://{V4}/order", "-d", "item=1"), "text/html"),
    Kind("https", (f"https://{V4}/", "--http1.1"), "text/html", https=True),
    Kind("https, IPv6", (f"https://{V6}/", "--http1.1"), "text/html", https=True),
    Kind("API", (f"http://{V4}/api/orders", "-H", "Accept: application/json"), "application/problem+json"),
    Kind("feed", (f"http://{V4}/feed.xml", "-H", "Accept: application/rss+xml"), "text/plain"),
    Kind("robots.txt", (f"http://{V4}/robots.txt",), "text/html"),
)


def answers(ask: Ask, *, https: bool) -> Mapping[str, str]:
    """Return `yes`, or what is otherwise, for each kind: 503 with Retry-After and no-store, in the form asked for."""
    return {kind.name: _judged(ask(*kind.words), kind) if https or not kind.https else "–" for kind in KINDS}


def _judged(answer: str, kind: Kind) -> str:
    head, _, body = answer.partition("\n\n")
    said = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.splitlines())}
    status = re.match(r"HTTP/\S+ (\d+)", head)
    if not status or status[1] != "503":
        return f"**{status[1] if status else 'no answer'}**"
    if "retry-after" not in said or said.get("cache-control") != "no-store":
        return "**may be cached**"
    if "noc@example.jp" not in body:
        return "**another page**"
    form = said.get("content-type", "").partition(";")[0]
    return "yes" if form == kind.wants else form.rpartition("/")[2]
