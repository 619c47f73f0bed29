"""Stopgap's own small web server, as a process of its own: 503 with the page, whatever a visitor does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.tasks.web import page_server
from stopgap.tasks.web.page import pages
from stopgap.tasks.web.params import Params
from tests.unit.namespace import Namespace, namespace, needs_namespaces

pytestmark = needs_namespaces
SERVER = str(Path(page_server.__file__))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """A namespace in which the server answers on the ports of the web, by http and https."""
    folder = tmp_path_factory.mktemp("pages")
    for path, text in pages(Params(contact="noc@example.jp")).files.items():
        (folder / Path(path).name).write_text(text)
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout"]
    subprocess.run([*made, str(folder / "key"), "-out", str(folder / "certificate")], check=True, capture_output=True)
    with namespace() as it:
        words = ["nsenter", "-t", str(it.pid), "-n", sys.executable, "-I", "-S", SERVER, str(folder), "en,ja", "3600"]
        with subprocess.Popen(words, env={**os.environ, "CREDENTIALS_DIRECTORY": str(folder)}) as server:
            deadline = time.monotonic() + 60
            while (
                it.status("curl -sk https://127.0.0.1/ && curl -s http://127.0.0.1/") and time.monotonic() < deadline
            ):
                time.sleep(0.05)
            yield it
            server.kill()


def ask(place: Namespace, *curl: str) -> str:
    return place.run("curl", "-gksi", "-m", "30", *curl).stdout.replace("\r", "")


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::1]/a?b", "https://127.0.0.1/x.css"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "NONSENSE"])
def test_every_request_gets_503_with_the_page(place: Namespace, url: str, method: str) -> None:
    said = ask(place, "-X", method, "-d" if method == "POST" else "-HX: y", "x=y" if method == "POST" else url, url)
    assert "HTTP/1.1 503 Service Unavailable\n" in said, said
    assert "Retry-After: 3600\n" in said
    assert "Cache-Control: no-store\n" in said
    assert "noc@example.jp" in said


def test_a_visitor_gets_the_language_and_the_form_that_the_request_names(place: Namespace) -> None:
    assert '<html lang="ja">' in ask(place, "http://127.0.0.1/", "-H", "Accept-Language: ja,en;q=0.5")
    assert '<html lang="en">' in ask(place, "http://127.0.0.1/", "-H", "Accept-Language: de")
    assert '"status": 503' in ask(place, "http://127.0.0.1/", "-H", "Accept: application/json")
    assert "Content-Type: text/plain" in ask(place, "http://127.0.0.1/", "-H", "Accept: text/css")
    assert ask(place, "-I", "http://127.0.0.1/").endswith("Connection: close\n\n")


def test_a_visitor_who_says_nothing_or_nonsense_keeps_nobody_from_the_page(place: Namespace) -> None:
    script = (
        "import socket\n"
        "silent = [socket.create_connection(('127.0.0.1', 80)) for _ in range(50)]\n"
        "loud = socket.create_connection(('127.0.0.1', 80)); loud.sendall(bytes(200_000))\n"
        "s = socket.create_connection(('127.0.0.1', 80)); s.sendall(b'\\n\\n'); print(s.recv(12))"
    )
    assert "503" in place.run(sys.executable, "-c", script).stdout
    assert " 503 " in ask(place, "http://127.0.0.1/")
