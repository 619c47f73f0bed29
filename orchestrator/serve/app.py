"""The application: addresses, who may open them, and what becomes of an error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from stopgap.orchestrator.errors import Error, RefusedError, UsageError
from stopgap.orchestrator.journal import JournalError, UnknownRunError
from stopgap.orchestrator.journal.error_files import keep_details
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.serve.guard import Guard
from stopgap.orchestrator.serve.live import Part
from stopgap.orchestrator.serve.login import SESSION, Forms, ProxyLogin, TokenLogin
from stopgap.orchestrator.serve.pages import ForbiddenError, Pages
from stopgap.orchestrator.serve.settings import LOOPBACK, Settings
from stopgap.orchestrator.serve.showing import Frame, show
from stopgap.orchestrator.serve.visit import LANG, Visit, chosen_language, language_of
from stopgap.orchestrator.sinks.metrics import CONTENT_TYPE
from stopgap.orchestrator.text import tr

Page: TypeAlias = Callable[[Visit], Response]
Form: TypeAlias = Callable[[Visit, dict[str, str]], Response]
Endpoint: TypeAlias = Callable[[Request], Response] | Callable[[Request], Awaitable[Response]]

_STATIC = {
    "style.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_FIELDS = 2000
"""Fields of a form."""


def application(settings: Settings) -> ASGIApp:
    """Return the page as an ASGI application, with its guard."""
    return Guard(_Door(settings).routes(), settings.hosts, settings.proxies)


class _Door:
    """Asks who is there before a page is shown, and turns errors into pages."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._login = settings.login
        self._forms = Forms()
        self._pages = Pages(settings, self._frame)

    def routes(self) -> Starlette:
        """Return the addresses."""
        pages = self._pages
        shown: dict[str, Page] = {
            "/": pages.overview,
            "/runs": pages.runs,
            "/runs/{run}": pages.run,
            "/runs/{run}/findings": pages.findings,
            "/runs/{run}/report": pages.run_report,
            "/incidents": pages.incidents,
            "/incidents/{incident}": pages.incident,
            "/incidents/{incident}/report": pages.incident_report,
            "/questions": pages.questions,
            "/timeline": pages.timeline,
            "/search": pages.search,
        }
        live: dict[str, Callable[[Visit], Callable[[], Part]]] = {
            "/live/overview": pages.live_overview,
            "/live/runs/{run}": pages.live_run,
        }
        routes = [Route(path, self._page(page), methods=["GET"]) for path, page in shown.items()]
        routes += [Route(path, self._live(look), methods=["GET"]) for path, look in live.items()]
        routes.append(Route("/questions", self._form(pages.answer), methods=["POST"]))
        routes.append(Route("/approvals", self._form(pages.approve), methods=["POST"]))
        if self._settings.metrics:
            routes.append(Route("/metrics", self._metrics, methods=["GET"]))
        routes += [Route(f"/static/{name}", _static(name, kind), methods=["GET"]) for name, kind in _STATIC.items()]
        if isinstance(self._login, TokenLogin):
            routes.append(Route("/login", self._entrance(self._login), methods=["GET"]))
            routes.append(Route("/logout", self._form(_exit(self._login)), methods=["POST"]))
        return Starlette(routes=routes, exception_handlers={HTTPException: self._no_such_page})

    def _page(self, page: Page) -> Endpoint:
        def answer(request: Request) -> Response:
            visit = self._visit(request)
            if visit is None:
                return self._turned_away(request)
            return _keeping_language(request, self._told(visit, lambda: page(visit)))

        return answer

    def _live(self, look: Callable[[Visit], Callable[[], Part]]) -> Endpoint:
        async def answer(request: Request) -> Response:
            visit = self._visit(request)
            if visit is None:
                return PlainTextResponse("", 401)
            try:
                return self._pages.streams.answer(await run_in_threadpool(look, visit))
            except Error as error:
                return PlainTextResponse("", _status(error))

        return answer

    def _form(self, form: Form) -> Endpoint:
        async def answer(request: Request) -> Response:
            visit = self._visit(request)
            if visit is None:
                return await run_in_threadpool(self._turned_away, request)
            body = (await request.body()).decode("utf-8", "replace")
            try:
                fields = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_FIELDS))
            except ValueError:
                fields = {}
            if not self._forms.fits(self._whose(request, visit.person), fields.get("mark", "")):
                return await run_in_threadpool(self._refused_form, visit)
            return await run_in_threadpool(self._told, visit, lambda: form(visit, fields))

        return answer

    async def _metrics(self, _: Request) -> Response:
        try:
            return PlainTextResponse(await run_in_threadpool(self._pages.metrics), media_type=CONTENT_TYPE)
        except JournalError as error:
            return PlainTextResponse(f"{error}\n", 503)

    def _visit(self, request: Request) -> Visit | None:
        match self._login:
            case TokenLogin() as login:
                person = login.person(request.cookies.get(SESSION, ""))
            case ProxyLogin() as login:
                person = login.person(request.headers.getlist(login.header))
        if person is None:
            return None
        mark = self._forms.mark(self._whose(request, person))
        return Visit(request, language_of(request.scope), person, mark)

    def _whose(self, request: Request, person: str) -> str:
        return request.cookies.get(SESSION, "") if isinstance(self._login, TokenLogin) else person

    def _frame(self, visit: Visit) -> Frame:
        request = visit.request
        query = {name: value for name, value in request.query_params.items() if name != "lang"}
        return Frame(
            lang=visit.lang,
            zone=self._settings.zone,
            now=datetime.now(UTC),
            person=visit.person,
            mark=visit.mark,
            path=request.scope["path"] if request.method in {"GET", "HEAD"} else "/questions",
            query=query,
            damage=self._pages.damage(),
            may_log_out=isinstance(self._login, TokenLogin),
        )

    def _told(self, visit: Visit, answer: Callable[[], Response]) -> Response:
        """Return the answer, or a page that says why there is none."""
        try:
            return answer()
        except Error as error:
            return self._message(visit.request, str(error), _status(error), visit)
        except Exception as error:  # the page goes on for everybody else
            kept = keep_details(error)
            name = type(error).__name__
            text = tr("stopgap: an error of its own: {name}: {error}", name=name, error=error)
            return self._message(visit.request, f"{text} {kept or ''}".strip(), 500, visit)

    def _message(self, request: Request, text: str, status: int, visit: Visit | None = None) -> Response:
        """Return a page with one sentence; without a visit, nothing else is told."""
        frame = (
            Frame(
                lang=visit.lang,
                zone=self._settings.zone,
                now=datetime.now(UTC),
                person=visit.person,
                mark=visit.mark,
                may_log_out=isinstance(self._login, TokenLogin),
            )
            if visit
            else Frame(lang=language_of(request.scope), zone=self._settings.zone, now=datetime.now(UTC))
        )
        return HTMLResponse(show("message", frame, text=text, status=status), status)

    def _turned_away(self, request: Request) -> Response:
        match self._login:
            case TokenLogin():
                text = tr("Open the address that `stopgap serve` printed; it lets one person in, once.")
            case ProxyLogin(header=header):
                text = tr("The proxy gave no name of a person in {header}.", header=header)
        return self._message(request, text, 401)

    def _refused_form(self, visit: Visit) -> Response:
        text = tr("The form was made for another session; nothing was recorded. Open the page again.")
        return self._message(visit.request, text, 403, visit)

    def _entrance(self, login: TokenLogin) -> Endpoint:
        """Return what lets the person in who has the token."""

        def answer(request: Request) -> Response:
            session = login.enter(request.query_params.get("token", ""))
            if session is None:
                text = tr(
                    "This address was used before, or is another page's. Start `stopgap serve` again for a new one."
                )
                return self._message(request, text, 403)
            frame = Frame(lang=language_of(request.scope), zone=self._settings.zone, now=datetime.now(UTC))
            response = HTMLResponse(show("entered", frame))
            response.set_cookie(
                SESSION, session, httponly=True, samesite="strict", secure=request.url.hostname not in LOOPBACK
            )
            return response

        return answer

    async def _no_such_page(self, request: Request, error: Exception) -> Response:
        visit = self._visit(request)
        if isinstance(error, HTTPException) and error.status_code != 404:
            return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
        if visit is None:
            return await run_in_threadpool(self._turned_away, request)
        return await run_in_threadpool(self._message, request, tr("There is no such page."), 404, visit)


def _exit(login: TokenLogin) -> Form:
    def answer(visit: Visit, _: dict[str, str]) -> Response:
        login.leave(visit.request.cookies.get(SESSION, ""))
        response = RedirectResponse("/", 303)
        response.delete_cookie(SESSION, httponly=True, samesite="strict")
        return response

    return answer


def _status(error: Error) -> int:
    match error:
        case ForbiddenError():
            return 403
        case UnknownRunError():
            return 404
        case UsageError():
            return 422
        case RefusedError():
            return 409
        case JournalError():
            return 503
        case _:
            return 500


def _keeping_language(request: Request, response: Response) -> Response:
    """Have the browser keep a language that was chosen by the address."""
    if lang := chosen_language(request):
        response.set_cookie(
            LANG,
            lang,
            max_age=365 * 86400,
            httponly=True,
            samesite="strict",
            secure=request.url.hostname not in LOOPBACK,
        )
    return response


def _static(name: str, kind: str) -> Endpoint:
    async def answer(_: Request) -> Response:
        content = await run_in_threadpool((folder("templates") / "serve" / name).read_bytes)
        return Response(content, media_type=kind)

    return answer
