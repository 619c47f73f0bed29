"""The controller: room for evidence, and the ways of messages."""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from stopgap.orchestrator.host import CONTROLLER
from stopgap.orchestrator.message import FileRoute, Route, SmtpRoute, WebhookRoute
from stopgap.orchestrator.ready.item import Item
from stopgap.orchestrator.runbook import load_runbook
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import Deadline
from stopgap.orchestrator.wire.peer import connect_peer

LEAST = 2 << 30
"""Fewest free bytes: a host's evidence takes some 60 MB, and a memory image gigabytes."""
_SECONDS = 5.0
_GREETING = 4 << 10
_ROUTE: TypeAdapter[Any] = TypeAdapter(Route)


def look_at_room(home: Path, least: int = LEAST) -> Iterator[Item]:
    """Yield the room below the state folder, `least` bytes at least, and whether the folder can be written."""
    folder = next(each for each in (home, *home.parents) if each.exists())
    free = shutil.disk_usage(folder).free
    room = tr("{free} GiB free in {home}", free=f"{free / (1 << 30):.1f}", home=home)
    enough = free >= least and os.access(folder, os.W_OK)
    text = (
        room
        if enough
        else tr("{room}, or it cannot be written: make room, or name another with $STOPGAP_HOME", room=room)
    )
    yield Item(CONTROLLER.name, "room", "ready" if enough else "lacks", text)


def look_at_routes(runbooks: Iterable[Path]) -> Iterator[Item]:
    """Yield each mail server and webhook of the runbooks' steps, greeted; nothing is sent. Templates are left out."""
    routes: dict[str, SmtpRoute | WebhookRoute] = {}
    for path in runbooks:
        try:
            runbook = load_runbook(path)
        except InvalidInput as error:
            yield Item(
                CONTROLLER.name,
                "mail",
                "lacks",
                tr("{path} is not valid: {message}", path=path, message=error.problems[0].message),
            )
            continue
        for route in (found for step in runbook.steps for found in _routes(step.with_)):
            routes[route.host if isinstance(route, SmtpRoute) else route.url] = route
    for route in routes.values():
        yield _greeted(route)


def _routes(values: Mapping[str, Any]) -> Iterator[SmtpRoute | WebhookRoute]:
    for value in values.values():
        if not isinstance(value, Mapping) or value.get("kind") not in {"smtp", "webhook"}:
            continue
        try:
            route = _ROUTE.validate_python(dict(value))
        except ValidationError:
            continue  # a template, or what `check` names
        if not isinstance(route, FileRoute):
            yield route


def _greeted(route: SmtpRoute | WebhookRoute) -> Item:
    name = route.describe()
    try:
        said = _greeting(route)
    except OSError as error:
        return Item(CONTROLLER.name, "mail", "lacks", f"{name}: {error.strerror or error}")
    ready = not isinstance(route, SmtpRoute) or said.startswith("220")
    return Item(CONTROLLER.name, "mail", "ready" if ready else "lacks", f"{name}: {said or 'connected'}")


def _greeting(route: SmtpRoute | WebhookRoute) -> str:
    """Connect, and return the first line of a mail server; raises OSError."""
    deadline = Deadline(_SECONDS)
    if isinstance(route, WebhookRoute):
        url = urlsplit(route.url)
        secure = url.scheme == "https"
        with connect_peer(url.hostname or "", url.port or (443 if secure else 80), deadline, _GREETING) as peer:
            if secure:
                peer.secure(ssl.create_default_context(cafile=route.ca), url.hostname or "")
        return ""
    with connect_peer(route.host, route.port, deadline, _GREETING) as peer:
        if route.security == "tls":
            peer.secure(ssl.create_default_context(cafile=route.ca), route.host)
        line = peer.makefile().readline()
    return line.decode("utf-8", "replace").strip()[:80]
