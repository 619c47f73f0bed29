"""The page of `stopgap serve` without a socket: a browser's requests, over journals that a test writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from starlette.testclient import TestClient

from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import AnyRecord, RunStarted
from stopgap.orchestrator.serve.app import application
from stopgap.orchestrator.serve.login import Login, ProxyLogin, TokenLogin
from stopgap.orchestrator.serve.permission import Allowed, May
from stopgap.orchestrator.serve.settings import Settings

from .story import started

HERE = "http://localhost:8617"
ANSWERING = Allowed(frozenset({"answer"}))
FROM_HERE = {"sec-fetch-site": "same-origin"}
"""What a browser adds to a form of the page itself."""


@dataclass
class Page:
    """The page of one state folder, as one person's browser has it."""

    home: Path
    client: TestClient

    def get(self, path: str, lang: str = "en") -> str:
        """Open an address, which has to answer with a page."""
        got = self.client.get(path, headers={"accept-language": lang})
        assert got.status_code == 200, got.text
        return got.text

    def mark(self, path: str = "/questions") -> str:
        """Return what the forms of this session carry."""
        found = re.search(r'name="mark" value="([0-9a-f]+)"', self.get(path))
        assert found
        return found[1]

    def questions(self) -> list[str]:
        """Return the names of the open questions with a form."""
        return re.findall(r'name="question" value="([0-9a-f]+)"', self.get("/questions"))

    def answer(self, run: str, question: str, mark: str, **fields: str) -> tuple[int, str]:
        """Send a form; give the status and the text of the page that follows."""
        form = {"mark": mark, "run": run, "question": question, **fields}
        got = self.client.post("/questions", data=form, headers=FROM_HERE)
        return got.status_code, got.text


def page(home: Path, may: May = ANSWERING, login: Login | None = None, **settings: object) -> Page:
    """Serve a state folder to one person, who is logged in."""
    login = login or TokenLogin("kei@noc1")
    given = {"login": login, "may": may, "zone": UTC} | settings
    client = TestClient(application(Settings(**given)), base_url=HERE)  # type: ignore[arg-type]
    if isinstance(login, TokenLogin):
        assert client.get(f"/login?token={login.token}").status_code == 200
    return Page(home, client)


def behind_proxy(home: Path, name: str, may: May = ANSWERING, login: ProxyLogin | None = None) -> Page:
    """Serve a state folder to a person whose name a proxy gives."""
    served = page(home, may, login or ProxyLogin("X-Remote-User", "noc@desk"))
    served.client.headers["x-remote-user"] = name
    return served


def wrote(home: Path, records: Iterable[AnyRecord], first: RunStarted | None = None) -> str:
    """Write a whole run to the journal; give its id."""
    with Journal.open(home) as journal:
        run = journal.begin(first or started())
        journal.append(run, *records)
    return run
