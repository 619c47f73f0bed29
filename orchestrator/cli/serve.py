"""serve: the page, on a Unix socket or on loopback."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.run.papers import time_zone
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.cli.screen import Screen
    from stopgap.orchestrator.serve.login import Login
    from stopgap.orchestrator.serve.settings import Place


@dataclass(frozen=True)
class ServeOptions:
    """The options of `stopgap serve`."""

    listen: str | None = None
    """ADDRESS:PORT; None: 127.0.0.1:8617, or what systemd has opened."""
    socket: Path | None = None
    allow: frozenset[str] = frozenset()
    """Actions beside a look: `answer`."""
    trust_header: str | None = None
    proxies: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    timezone: str | None = None
    metrics: bool = False
    """Serve `/metrics` to whoever reaches the place."""


DEFAULT = "127.0.0.1:8617"
_EXTRA = frozenset({"anyio", "click", "h11", "starlette", "uvicorn"})
"""Packages of the extra `serve`."""


def serve(options: ServeOptions) -> int:
    """Serve the page until Ctrl-C. Raises UsageError for options that do not go together, Error for a taken place."""
    try:
        from stopgap.orchestrator.serve.app import application
        from stopgap.orchestrator.serve.listening import inherits, listen, open_socket, place_of_socket
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise UsageError(tr("for the page, install Starlette and uvicorn: pip install 'stopgap[serve]'")) from None
    from stopgap.orchestrator.roles import roles_here, signer_here
    from stopgap.orchestrator.serve.by_roles import ByRoles
    from stopgap.orchestrator.serve.login import ProxyLogin, TokenLogin
    from stopgap.orchestrator.serve.permission import Allowed
    from stopgap.orchestrator.serve.settings import (
        InheritedPlace,
        Settings,
        UnixPlace,
        place_of,
        see_that_it_is_guarded,
    )

    if options.listen and options.socket:
        raise UsageError(tr("where to listen? Give --listen or --socket"))
    place: Place = UnixPlace(options.socket.absolute()) if options.socket else place_of(options.listen or DEFAULT)
    if inherits() and not options.listen and not options.socket:
        place = InheritedPlace()
    header, proxies = options.trust_header, options.proxies
    see_that_it_is_guarded(place, header=header, proxies=proxies)
    login: Login = ProxyLogin(header, operator()) if header else TokenLogin(operator())
    roles = roles_here()
    signer = signer_here(roles).person if roles and not header else None
    settings = Settings(
        login=login,
        may=ByRoles(Allowed(frozenset({"answer"} if "answer" in options.allow else ())), signer),
        hosts=options.hosts,
        proxies=proxies,
        zone=time_zone(options.timezone),
        metrics=options.metrics,
    )
    opened = open_socket(place)
    try:
        listens = place_of_socket(opened)
        see_that_it_is_guarded(listens, header=header, proxies=proxies)
        app = application(settings)
    except BaseException:
        opened.close()
        raise
    _tell(screens.out(), listens, login)
    listen(app, opened)
    return 0


def _tell(screen: Screen, place: Place, login: Login) -> None:
    """Say where the page is, and how to get in."""
    from stopgap.orchestrator.serve.login import TokenLogin
    from stopgap.orchestrator.serve.settings import TcpPlace, UnixPlace

    entrance = f"/login?token={login.token}" if isinstance(login, TokenLogin) else "/"
    match place:
        case TcpPlace(address=address, port=port):
            name = f"[{address}]" if ":" in address else address
            screen.line(f"http://{name}:{port}{entrance}")
        case UnixPlace(path=path):
            screen.line(tr("Listening on {path}; through SSH: ssh -L 8617:{path} HOST, then", path=path))
            screen.line(f"http://localhost:8617{entrance}")
    if isinstance(login, TokenLogin):
        screen.line(tr("The address lets one person in, once. Ctrl-C ends the page."), "quiet")
    else:
        screen.line(
            tr("Persons are known by the header {header}. Ctrl-C ends the page.", header=login.header), "quiet"
        )
