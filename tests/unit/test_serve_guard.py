"""Who is let in to the page, under which names, and what a browser is told to do with it."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from stopgap.orchestrator.errors import Error, UsageError
from stopgap.orchestrator.serve.app import application
from stopgap.orchestrator.serve.guard import LARGEST
from stopgap.orchestrator.serve.listening import open_socket
from stopgap.orchestrator.serve.login import LASTS, ProxyLogin, TokenLogin
from stopgap.orchestrator.serve.settings import (
    Place,
    Settings,
    TcpPlace,
    UnixPlace,
    place_of,
    see_that_it_is_guarded,
)

from .bench import Bench
from .page import FROM_HERE, HERE, behind_proxy, page

PATHS = (
    "/",
    "/runs",
    "/runs/last",
    "/incidents",
    "/questions",
    "/timeline",
    "/search?q=a",
    "/live/overview",
    "/nope",
)


@pytest.fixture
def home(bench: Bench) -> Path:
    return bench.top / "home"


def test_nobody_sees_anything_without_the_token_and_the_token_lets_in_once(home: Path) -> None:
    login = TokenLogin("kei@noc1")
    client = TestClient(application(Settings(login=login)), base_url=HERE)
    assert {client.get(path).status_code for path in PATHS} == {401}
    assert client.get("/login?token=").status_code == 403
    assert client.get(f"/login?token={login.token}x").status_code == 403
    got = client.get(f"/login?token={login.token}")
    cookie = got.headers["set-cookie"].lower()
    assert ("httponly" in cookie, "samesite=strict" in cookie, "secure" in cookie) == (True, True, False)
    assert client.get("/").status_code == 200
    other = TestClient(application(Settings(login=login)), base_url=HERE)
    assert other.get(f"/login?token={login.token}").status_code == 403


def test_a_session_ends_by_itself_and_by_its_person() -> None:
    now = 0.0
    login = TokenLogin("kei@noc1", clock=lambda: now)
    session = login.enter(login.token) or ""
    now += LASTS
    assert login.person(session) == "kei@noc1"
    now += LASTS + 1
    assert login.person(session) is None
    assert login.enter(login.token) is None


def test_whoever_leaves_is_out(home: Path) -> None:
    served = page(home)
    mark = served.mark("/")
    assert served.client.post("/logout", data={"mark": "x"}, headers=FROM_HERE).status_code == 403
    assert served.client.post("/logout", data={"mark": mark}, headers=FROM_HERE).status_code == 401
    assert served.client.get("/").status_code == 401


def test_a_cookie_of_a_page_under_another_name_is_for_https_alone(home: Path) -> None:
    login = TokenLogin("kei@noc1")
    settings = Settings(login=login, hosts=("noc.example.jp",))
    client = TestClient(application(settings), base_url="https://noc.example.jp")
    assert "secure" in client.get(f"/login?token={login.token}").headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("names", "person"),
    [(["kei"], "kei"), (["kei", "root"], None), ([], None), (["kei, root"], None), (["a\nb"], None),
     (["<b>"], None), (["x" * 200], None), ([""], None)],
)  # fmt: skip
def test_a_proxy_gives_exactly_one_fit_name(names: list[str], person: str | None) -> None:
    assert ProxyLogin("X-Remote-User", "noc@desk").person(names) == person


def test_the_name_that_the_proxy_gives_is_the_person(home: Path) -> None:
    assert "You are kei" in behind_proxy(home, "kei").get("/")
    nobody = TestClient(application(Settings(login=ProxyLogin("X-Remote-User", "noc@desk"))), base_url=HERE)
    assert {nobody.get(path).status_code for path in PATHS} == {401}
    assert nobody.get("/login?token=x").status_code == 401


def test_a_page_under_a_strange_name_is_refused_as_dns_rebinding_needs_one(home: Path) -> None:
    client = page(home).client
    for name in ("evil.example", "evil.example:8617", "localhost.evil.example", "127.0.0.1@evil.example", "", "[::1"):
        assert client.get("/", headers={"host": name}).status_code == 400, name
    for name in ("localhost", "127.0.0.1:8617", "[::1]:8617", "LOCALHOST:1"):
        assert client.get("/", headers={"host": name}).status_code == 200, name


def test_over_tcp_the_proxy_alone_may_connect(home: Path) -> None:
    settings = Settings(login=ProxyLogin("X-Remote-User", "noc@desk"), proxies=("192.0.2.7",))
    app, name = application(settings), {"x-remote-user": "kei"}
    assert TestClient(app, base_url=HERE, client=("192.0.2.8", 1)).get("/", headers=name).status_code == 403
    assert TestClient(app, base_url=HERE, client=("192.0.2.7", 1)).get("/", headers=name).status_code == 200


def test_a_form_counts_only_from_the_page_itself(home: Path) -> None:
    served = page(home)
    form = {"mark": served.mark("/"), "run": "x", "question": "y"}
    sent = [
        ({}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://localhost:1"}, 403),
        ({"origin": HERE, "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://evil.example", "sec-fetch-site": "same-origin"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": HERE}, 404),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, 404),
    ]
    for headers, status in sent:
        assert served.client.post("/questions", data=form, headers=headers).status_code == status, headers
    without = {"run": "x", "question": "y"}
    assert served.client.post("/questions", data=without, headers=FROM_HERE).status_code == 403
    other = page(home)
    assert other.client.post("/questions", data=form, headers=FROM_HERE).status_code == 403


def test_sizes_and_methods_are_bounded(home: Path) -> None:
    client = page(home).client
    assert client.get("/search?q=" + "a" * 5000).status_code == 414
    assert client.post("/questions", content=b"a" * (LARGEST + 1), headers=FROM_HERE).status_code == 413
    drip = (b"a" * 65536 for _ in range(6))
    assert client.post("/questions", content=drip, headers=FROM_HERE).status_code == 413
    many = "&".join(f"f{n}=" for n in range(5000))
    assert client.post("/questions", content=many, headers=FROM_HERE).status_code == 403
    assert client.put("/", headers=FROM_HERE).status_code == 405
    assert client.request("TRACE", "/", headers=FROM_HERE).status_code == 405


@pytest.mark.parametrize("path", ["/", "/questions", "/static/style.css", "/static/live.js", "/nope", "/login"])
def test_a_browser_keeps_every_answer_to_itself(home: Path, path: str) -> None:
    headers = page(home).client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_no_page_has_a_script_or_a_style_in_it_or_asks_another_machine(home: Path) -> None:
    served = page(home)
    for path in ("/", "/questions", "/runs", "/incidents", "/timeline", "/search?q=a"):
        text = served.get(path)
        assert (
            re.findall(r"<script(?! src=\"/static/live.js\" defer></script>)|<style| style=| on[a-z]+=", text) == []
        )
        assert re.findall(r"(?:src|href|action)=\"(?!/|#)", text) == []


@pytest.mark.parametrize(
    ("place", "header", "proxies", "refused"),
    [
        (TcpPlace("127.0.0.1", 0), None, (), ""),
        (TcpPlace("::1", 0), None, (), ""),
        (TcpPlace("0.0.0.0", 0), None, (), "--proxy ADDRESS"),
        (TcpPlace("192.0.2.1", 80), None, ("192.0.2.7",), ""),
        (TcpPlace("127.0.0.1", 0), "X-Remote-User", (), "could send it"),
        (TcpPlace("127.0.0.1", 0), "X-Remote-User", ("127.0.0.1",), ""),
        (UnixPlace(Path("/run/x")), "X-Remote-User", (), ""),
        (UnixPlace(Path("/run/x")), None, ("proxy.example",), "expected an IP address"),
    ],
)
def test_a_place_that_strangers_reach_is_refused(
    place: Place, header: str | None, proxies: tuple[str, ...], refused: str
) -> None:
    if not refused:
        see_that_it_is_guarded(place, header=header, proxies=proxies)
        return
    with pytest.raises(UsageError, match=refused):
        see_that_it_is_guarded(place, header=header, proxies=proxies)


@pytest.mark.parametrize("listen", ["8617", "localhost", "example.jp:80", "127.0.0.1:x", "127.0.0.1:70000", ""])
def test_a_place_that_is_none_is_refused(listen: str) -> None:
    with pytest.raises(UsageError, match="ADDRESS:PORT"):
        place_of(listen)


def test_the_socket_is_the_owners_alone_and_one_that_is_left_over_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "page.socket"
    with open_socket(UnixPlace(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(Error, match="another page"):
            open_socket(UnixPlace(path))
    with open_socket(UnixPlace(path)):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(Error, match="is no socket"):
        open_socket(UnixPlace(tmp_path / "file"))


def test_a_port_in_use_is_told_in_one_line_with_what_to_do(bench: Bench) -> None:
    with open_socket(TcpPlace("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, out, err = bench.stopgap("serve", "--listen", f"127.0.0.1:{port}")
    assert (status, out) == (1, "")
    assert err.splitlines() == [f"stopgap: 127.0.0.1:{port} is in use; give another port: --listen 127.0.0.1:0"]


def test_without_the_extra_the_command_says_what_to_install(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.startswith("stopgap.orchestrator.serve")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    monkeypatch.setitem(sys.modules, "starlette", None)
    status, _, err = bench.stopgap("serve")
    assert (status, err.splitlines()) == (
        2, ["stopgap: for the page, install Starlette and uvicorn: pip install 'stopgap[serve]'"]
    )  # fmt: skip
