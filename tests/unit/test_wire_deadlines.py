"""Servers that take messages and time-stamps: however they drip or flood, each costs its deadline and no memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.evidence import timestamp
from stopgap.orchestrator.message import Message, SmtpRoute, WebhookRoute
from stopgap.orchestrator.post import Posted, postman, smtp, webhook
from stopgap.orchestrator.secret.revealed import forget

from .letterbox import certificate
from .unkind_server import Unkind, unkind_server

DEADLINE = 0.6
"""Seconds that a message gets in these tests."""
TOO_LONG = 20.0
"""Seconds after which somebody waits without end."""
MEMORY = 64 << 20
FLOOD = "more than"
"""Said where the cap ended it, long before the deadline."""

GREETING = ("", b"220 mail\r\n")
HELLO = ("EHLO", b"250-mail\r\n250 STARTTLS\r\n")
HELLO_AUTH = ("EHLO", b"250-mail\r\n250 AUTH PLAIN\r\n")
TAKEN = [("MAIL", b"250 ok\r\n"), ("RCPT", b"250 ok\r\n"), ("DATA", b"354 go on\r\n")]

MESSAGE = Message(
    key="0" * 64,
    series="s",
    about="a letter",
    to="abuse@isp.example",
    reply_to="noc@example.jp",
    subject="s",
    text="t\n",
    route=SmtpRoute(host="127.0.0.1", security="none"),
)


@pytest.fixture(autouse=True)
def _soon_over(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    forget()
    monkeypatch.setenv("MAIL_PASSWORD", "correct horse")
    for module, name in ((smtp, "TIMEOUT"), (webhook, "TIMEOUT"), (timestamp, "_TIMEOUT")):
        assert getattr(module, name) == 60
        monkeypatch.setattr(module, name, DEADLINE)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    yield
    assert _status("VmHWM") - before < MEMORY


def _status(name: str) -> int:
    found = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(found.split()[1]) << 10


def by_mail(server: Unkind, security: str = "none", **more: Any) -> SmtpRoute:
    login = {"user": "noc", "secret": "env:MAIL_PASSWORD"} if security == "tls" else {}
    values = {"host": "127.0.0.1", "port": server.port, "security": security, "ca": server.ca or None}
    return SmtpRoute.model_validate({**values, **login, **more})


def posted(route: SmtpRoute | WebhookRoute, folder: Path, cancelled: threading.Event | None = None) -> Posted:
    began = time.monotonic()
    with postman(route, folder, cancelled) as by:
        came = by.post(MESSAGE)
    assert time.monotonic() - began < TOO_LONG
    return came


MAIL: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a greeting that drips": ({"said": [], "then": b"2", "drips": True}, "none", "failed", "within"),
    "a greeting without end": ({"said": [], "then": b"220-" + b"x" * 900 + b"\r\n"}, "none", "failed", FLOOD),
    "silence for a greeting": ({"said": []}, "none", "failed", "within"),
    "a greeting of one line without end": ({"said": [], "then": b"x" * 4096}, "none", "failed", ""),
    "an answer to EHLO without end": (
        {"said": [GREETING], "then": b"250-" + b"x" * 900 + b"\r\n"},
        "none",
        "failed",
        FLOOD,
    ),
    "an answer to STARTTLS that drips": (
        {"said": [GREETING, HELLO, ("STARTTLS", b"")], "then": b"2", "drips": True},
        "starttls",
        "failed",
        "within",
    ),
    "silence in the TLS handshake": (
        {"said": [GREETING, HELLO, ("STARTTLS", b"220 go on\r\n")]},
        "starttls",
        "failed",
        "within",
    ),
    "noise in the TLS handshake": (
        {"said": [GREETING, HELLO, ("STARTTLS", b"220 go on\r\n")], "then": b"\x16\x03\x03"},
        "starttls",
        "failed",
        "",
    ),
    "silence where TLS begins at once": ({"said": []}, "tls", "failed", "within"),
    "an answer to AUTH that drips over TLS": (
        {"said": [GREETING, HELLO_AUTH, ("AUTH", b"")], "then": b"2", "drips": True, "tls_from": 0},
        "tls",
        "failed",
        "within",
    ),
    "an answer to AUTH without end over TLS": (
        {"said": [GREETING, HELLO_AUTH, ("AUTH", b"")], "then": b"334-" + b"x" * 900 + b"\r\n", "tls_from": 0},
        "tls",
        "failed",
        FLOOD,
    ),
    "an answer to the text that drips": (
        {"said": [GREETING, HELLO, *TAKEN, ("\r\n.\r\n", b"")], "then": b"2", "drips": True},
        "none",
        "unknown",
        "within",
    ),
    "a text that nobody reads": ({"said": [GREETING, HELLO, *TAKEN]}, "none", "unknown", "within"),
    "an answer to QUIT without end": (
        {"said": [GREETING, HELLO, *TAKEN, ("\r\n.\r\n", b"250 ok\r\n")], "then": b"221-" + b"x" * 900 + b"\r\n"},
        "none",
        "sent",
        "",
    ),
}


@pytest.mark.parametrize("name", MAIL)
def test_a_mail_server_costs_its_deadline_and_no_more(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, security, outcome, said = MAIL[name]
    if said == FLOOD:
        monkeypatch.setattr(smtp, "TIMEOUT", 600)
    script = dict(told)
    answers = script.pop("said")
    with unkind_server(*answers, certified=certificate(tmp_path), **script) as server:
        came = posted(by_mail(server, security), tmp_path)
        assert server.reached.is_set()
    assert came.outcome == outcome, came
    assert said in came.detail


OK = b"HTTP/1.1 200 OK\r\n"
WEB: dict[str, tuple[dict[str, Any], str, str]] = {
    "a status line that drips": ({"then": b"HTTP/1.1 2"[:1], "drips": True}, "unknown", "within"),
    "interim answers without end": ({"then": b"HTTP/1.1 100 Continue\r\n\r\n"}, "unknown", FLOOD),
    "headers that drip": ({"say": OK, "then": b"A", "drips": True}, "unknown", "within"),
    "headers without end": ({"say": OK, "then": b"A: " + b"x" * 900 + b"\r\n"}, "unknown", ""),
    "silence": ({}, "unknown", "within"),
    "a body that drips": ({"say": OK + b"\r\n", "then": b"x", "drips": True}, "sent", ""),
    "a body without end": ({"say": OK + b"\r\n", "then": b"x" * 65536}, "sent", ""),
}


@pytest.mark.parametrize("name", WEB)
def test_a_webhook_costs_its_deadline_and_no_more(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, outcome, said = WEB[name]
    if outcome == "sent" or said == FLOOD:
        monkeypatch.setattr(webhook, "TIMEOUT", 600)
    script = dict(told)
    with unkind_server(("\r\n\r\n", script.pop("say", b"")), **script) as server:
        route = WebhookRoute(url=f"http://127.0.0.1:{server.port}/in", security="none")
        came = posted(route, tmp_path)
        assert server.reached.wait(60)
    assert came.outcome == outcome, came
    assert said in came.detail


def test_a_webhook_that_is_silent_where_tls_should_begin_was_sent_nothing(tmp_path: Path) -> None:
    with unkind_server() as server:
        came = posted(WebhookRoute(url=f"https://127.0.0.1:{server.port}/in"), tmp_path)
    assert came.outcome == "failed"
    assert "within" in came.detail


@pytest.mark.parametrize(
    ("said", "then"),
    [
        (b"", b"H"),
        (OK + b"\r\n", b"x"),
        (OK + b"Content-Length: 1000000000\r\n\r\n", b"x"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
)
@pytest.mark.parametrize("drips", [True, False])
def test_an_authority_for_time_stamps_costs_its_deadline_and_no_more(said: bytes, then: bytes, drips: bool) -> None:
    began = time.monotonic()
    then = then if drips else then * 4096
    with (
        unkind_server(("\r\n\r\n", said), then=then, drips=drips) as server,
        pytest.raises(timestamp.TimestampError),
    ):
        timestamp._post(f"http://127.0.0.1:{server.port}/", b"query")
    assert time.monotonic() - began < TOO_LONG


@pytest.mark.parametrize(
    ("route", "last_word", "outcome"),
    [
        (by_mail, "", "failed"),
        (lambda server: WebhookRoute(url=f"http://127.0.0.1:{server.port}/", security="none"), "}", "unknown"),
        (lambda server: WebhookRoute(url=f"https://127.0.0.1:{server.port}/"), "", "failed"),
    ],
)
def test_an_interruption_ends_the_wait_for_a_server(
    route: Callable[[Unkind], SmtpRoute | WebhookRoute],
    last_word: str,
    outcome: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (smtp, webhook):
        monkeypatch.setattr(module, "TIMEOUT", 600)
    cancelled = threading.Event()
    with unkind_server((last_word, b"")) as server:
        threading.Thread(target=lambda: server.reached.wait() and cancelled.set(), daemon=True).start()
        came = posted(route(server), tmp_path, cancelled)
    assert came.outcome == outcome
    assert "interrupted" in came.detail


def test_each_message_on_one_connection_has_a_deadline_of_its_own(tmp_path: Path) -> None:
    taken = [*TAKEN, ("\r\n.\r\n", b"250 ok\r\n")]
    with (
        unkind_server(GREETING, HELLO, *taken, *taken, ("MAIL", b""), then=b"2", drips=True) as server,
        postman(by_mail(server), tmp_path) as by,
    ):
        assert [by.post(MESSAGE).outcome for _ in range(3)] == ["sent", "sent", "failed"]
