"""What stands before every answer: names, peers, sizes, the origin of forms, and the rules for the browser."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stopgap.orchestrator.language import rendered
from stopgap.orchestrator.serve.settings import LOOPBACK
from stopgap.orchestrator.serve.visit import language_of
from stopgap.orchestrator.text import Text, tr

LARGEST = 256 << 10
"""Bytes of a form: the longest answer, a decision on each of many findings, fits."""
LONGEST = 4096
"""Bytes of a path with its query."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Refuses a request before the pages see it, and has a browser hold what it gets to itself."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = (), proxies: Collection[str] = ()) -> None:
        """`hosts`: names beside those of loopback. `proxies`: the only peers over TCP; empty for every peer."""
        self._app = app
        self._hosts = LOOPBACK | {host.lower() for host in hosts}
        self._proxies = frozenset(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return
        if refusal := self._refusal(scope):
            status, text = refusal
            words = rendered(text, language_of(scope)) + "\n"
            await PlainTextResponse(words, status)(scope, receive, _with_headers(send))
            return
        await self._app(scope, _bounded(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, Text] | None:
        headers = Headers(scope=scope)
        client = scope.get("client")
        if self._proxies and client is not None and client[0] not in self._proxies:
            return 403, tr("only the proxy may connect here")
        named = headers.getlist("host")
        if len(named) != 1 or _name(named[0]) not in self._hosts:
            return 400, tr("the page is not served under this name; `stopgap serve --host NAME` adds one")
        if len(scope["raw_path"] or b"") + len(scope["query_string"]) > LONGEST:
            return 414, tr("the address is too long")
        try:
            if int(headers.get("content-length", "0")) > LARGEST:
                return 413, tr("the form is too large")
        except ValueError:
            return 400, tr("the length of the form is no number")
        if scope["method"] not in {"GET", "HEAD"} and not _is_from_here(headers):
            return 403, tr("the form comes from another site, or from a browser that does not tell")
        return None


def _name(host: str) -> str:
    """Return the name of a Host header without the port; empty where there is none.

    >>> _name("[::1]:8617")
    '::1'
    """
    try:
        return (urlsplit(f"//{host}").hostname or "").lower() if "/" not in host and "@" not in host else ""
    except ValueError:
        return ""


def _is_from_here(headers: Headers) -> bool:
    """Return True if the browser says that a form comes from this page.

    A browser that sends no referrer gives `null` for Origin (Fetch Standard, "append a request Origin header"), and
    tells by Sec-Fetch-Site, which no script can set.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None and origin != "null":
        return urlsplit(origin).netloc.lower() == headers["host"].lower()
    return site is not None


def _bounded(receive: Receive) -> Receive:
    """Count what a request sends without telling its length."""
    left = LARGEST

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return counted


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent
