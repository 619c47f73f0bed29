"""A person at the page of `stopgap serve`: in headless Chromium, or by its HTML and forms where there is none."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO, Protocol

from serve_play.browser import Browser, Tab, chromium

from drill_play.stage import PATIENCE, Failed

SIZES = {"wide": (1280, 900), "phone": (390, 844)}
"""Width and height of the two screens, in pixels."""
LANGUAGES = ("ja", "en")


class Desk(Protocol):
    """One person's view of the page; paths begin at its root."""

    def open(self, path: str) -> None:
        """Open a path, and wait for the page."""

    def path(self) -> str:
        """Return the path that is open."""

    def text(self) -> str:
        """Return the text of the open page, each run of white space as one space."""

    def wait(self, words: str) -> None:
        """Wait until the open page shows words; raises Failed."""

    def send(self, action: str, **fields: str) -> None:
        """Fill in the form of an action on the open page, and send it; what comes of it is waited for by `wait`."""

    def pictures(self, folder: Path, name: str, sizes: Sequence[str] = tuple(SIZES)) -> int:
        """Take pictures of the open page in each language and size; return how many, 0 without a browser."""

    def picture(self, path: Path, size: str) -> None:
        """Take one picture of what is shown now, which cannot be opened again; none without a browser."""


@contextmanager
def desks(addresses: Sequence[tuple[str, str]]) -> Iterator[tuple[Desk, ...]]:
    """Let each person in by the address that `stopgap serve` printed, on a screen of a size; yield the desks."""
    program = chromium()
    if program is None:
        yield tuple(Reader(address) for address, _ in addresses)
        return
    with Browser(program) as browser:
        yield tuple(Chromium(browser.tab(fresh=True), address, size) for address, size in addresses)


class Chromium:
    """A tab of a person's own in headless Chromium."""

    def __init__(self, tab: Tab, address: str, size: str) -> None:
        self._tab, self._size = tab, size
        self._base = address.partition("/login")[0]
        tab.look(*SIZES[size])
        tab.open(address)
        tab.wait("location.pathname === '/' && document.readyState === 'complete'")

    def open(self, path: str) -> None:
        """Open a path, and wait for the page."""
        self._tab.open(self._base + path)

    def path(self) -> str:
        """Return the path that is open."""
        return str(self._tab.value("location.pathname"))

    def text(self) -> str:
        """Return the text of the open page, each run of white space as one space."""
        return " ".join(self._tab.text().split())

    def wait(self, words: str) -> None:
        """Wait until the open page shows words; raises Failed."""
        end = time.monotonic() + PATIENCE
        while not self._shows(words):
            if time.monotonic() > end:
                raise Failed(f"the page never showed {words!r}:\n{self.text()[:2000]}")
            time.sleep(0.05)

    def send(self, action: str, **fields: str) -> None:
        """Fill in the form of an action on the open page, and send it."""
        form = f"form[action='{action}']"
        for name, words in fields.items():
            self._tab.fill(f"{form} [name='{name}']", words)
        self._tab.click(f"{form} button")

    def pictures(self, folder: Path, name: str, sizes: Sequence[str] = tuple(SIZES)) -> int:
        """Take pictures of the open page in each language and size."""
        folder.mkdir(exist_ok=True)
        path = self.path()
        for language in LANGUAGES:
            for size in sizes:
                self._tab.look(*SIZES[size])
                self.open(f"{path}?lang={language}")
                width = self._tab.value("document.documentElement.scrollWidth")
                if width > SIZES[size][0]:
                    raise Failed(f"{path} in {language} is {width} px wide on a screen of {SIZES[size][0]}")
                self._tab.picture(folder / f"{name}.{language}.{size}.png", whole=True)
        self._tab.look(*SIZES[self._size])
        self.open(path)
        return len(LANGUAGES) * len(sizes)

    def picture(self, path: Path, size: str) -> None:
        """Take one picture of what is shown now."""
        self._tab.look(*SIZES[size])
        self._tab.picture(path, whole=True)
        self._tab.look(*SIZES[self._size])

    def _shows(self, words: str) -> bool:
        try:
            return words in self.text()
        except RuntimeError:  # between two pages there is no text
            return False


class Reader:
    """Reads the pages' HTML, and sends their forms as a browser does."""

    def __init__(self, address: str) -> None:
        self._base = address.partition("/login")[0]
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()), _Pages())
        self._path = self._html = ""
        self._ask(address)
        self.open("/")

    def open(self, path: str) -> None:
        """Open a path, and read the page."""
        self._ask(self._base + path)

    def path(self) -> str:
        """Return the path that is open."""
        return self._path

    def text(self) -> str:
        """Return the text of the open page, each run of white space as one space."""
        shown = re.sub(r"<(script|style|head)\b.*?</\1>|<[^>]*>", " ", self._html, flags=re.DOTALL)
        return " ".join(unescape(shown).split())

    def wait(self, words: str) -> None:
        """Read the page again until it shows words; raises Failed."""
        end = time.monotonic() + PATIENCE
        while words not in self.text():
            if not self._path or time.monotonic() > end:
                raise Failed(f"the page does not show {words!r}:\n{self.text()[:2000]}")
            time.sleep(0.2)
            self.open(self._path)

    def send(self, action: str, **fields: str) -> None:
        """Send the form of an action on the open page."""
        form = re.search(rf'<form method="post" action="{action}".*?</form>', self._html, re.DOTALL)
        if form is None:
            raise Failed(f"there is no form {action} on {self._path}:\n{self.text()[:2000]}")
        given = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0])) | fields
        self._ask(self._base + action, urllib.parse.urlencode(given).encode())

    def pictures(self, folder: Path, name: str, sizes: Sequence[str] = ()) -> int:
        """Take none."""
        return 0

    def picture(self, path: Path, size: str) -> None:
        """Take none."""

    def _ask(self, address: str, body: bytes | None = None) -> None:
        headers = {"Accept-Language": "en", **({"Origin": self._base} if body is not None else {})}
        with self._opener.open(urllib.request.Request(address, body, headers), timeout=PATIENCE) as answer:
            self._html = answer.read().decode()
            reached = urllib.parse.urlsplit(answer.geturl())
            # What answers a form that was refused is no page that can be opened again.
            self._path = reached.path if body is None or answer.geturl() != address else ""


class _Pages(urllib.request.HTTPErrorProcessor):
    """Takes the page of a refusal for what it is: a page."""

    def http_response(self, request: urllib.request.Request, response: IO[bytes]) -> IO[bytes]:
        status = getattr(response, "status", 200)
        return super().http_response(request, response) if 300 <= status < 400 else response  # type: ignore[arg-type,return-value]
