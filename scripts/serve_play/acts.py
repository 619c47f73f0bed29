"""What is played: a run goes on while the page looks on, and its question is answered in the browser."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from serve_play import second_person
from serve_play.browser import Browser, Tab, chromium

STOPGAP = Path(sys.executable).with_name("stopgap")
EVIL = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


def play(shots: Path | None) -> int:
    """Play the page; return the exit status."""
    program = chromium()
    if program is None:
        print("Not played: chromium-headless-shell is not installed.")
        return 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        top = Path(scratch)
        os.environ |= {"STOPGAP_HOME": str(top / "home"), "STOPGAP_LANG": "en"}
        _write(top)
        words = (STOPGAP, "serve", "--allow", "answer", "--listen", "127.0.0.1:0")
        served = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        running: list[subprocess.Popen[str]] = []
        try:
            with Browser(program) as browser:
                status = _acts(browser, top, served, running, shots)
                second_person.play(
                    browser, top, STOPGAP, lambda tab, at, name: _pictures(tab, at, name, shots), _seen
                )
                return status
        finally:
            for process in (served, *running):
                process.kill()
                process.wait()


def _write(top: Path) -> None:
    host = {"address": "127.0.0.1", "connection": "local"}
    (top / "hosts.yaml").write_text(json.dumps({"hosts": {"web": host}}))
    write = {"task": "host.file", "on": "target"}
    steps = [
        {"id": "first", "name": "Write the first", **write, "with": {"path": str(top / "one"), "content": "1\n"}},
        {"id": "ask", "name": "Ask", "task": "checkpoint",
         "with": {"ask": "Go on?", "ask_ja": "続けますか。", "reason": EVIL}},
        {"id": "second", "name": EVIL, **write, "with": {"path": str(top / "two"), "content": "2\n"}},
    ]  # fmt: skip
    (top / "runbook.yaml").write_text(json.dumps({"name": "Play the page", "steps": steps}))


def _acts(
    browser: Browser,
    top: Path,
    served: subprocess.Popen[str],
    running: list[subprocess.Popen[str]],
    shots: Path | None,
) -> int:
    address = (served.stdout.readline() if served.stdout else "").strip()
    base = address.partition("/login")[0]
    tab = browser.tab()
    tab.look(*SIZES["desktop"])
    tab.open(address)
    tab.wait("location.pathname === '/' && document.readyState === 'complete'")
    _seen("the token lets in, once", "There is no run yet" in tab.text())
    other = browser.tab(fresh=True)
    other.open(address)
    _seen("a second person is not let in by it", "This address was used before" in other.text())

    run = ("run", str(top / "runbook.yaml"), "-i", str(top / "hosts.yaml"), "-t", "web", "--wait")
    running.append(
        subprocess.Popen(
            (STOPGAP, *run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
        )
    )
    tab.wait("document.body.innerText.includes('Go on?')")
    _seen("the first page moves by itself: the run's question stands there", True)
    tab.click("a[href^='/questions#']")
    tab.wait("!!document.querySelector('form[action=\"/questions\"] [type=radio]')")
    _pictures(tab, base + "/questions", "questions", shots)
    tab.open(base + "/")
    tab.value("document.querySelector('[data-part=going] a').click()")
    tab.wait("location.pathname.startsWith('/runs/') && document.readyState === 'complete'")
    path = str(tab.value("location.pathname"))
    _pictures(tab, base + path, "run", shots)
    second = browser.tab()
    second.open(base + "/questions")
    tab.value("document.querySelector('[type=radio][value=yes]').click()")
    tab.click("form[action='/questions'] button")
    tab.wait("document.body.innerText.includes('Your answer is recorded')")
    _seen("the answer of the browser is recorded", True)
    second.value("document.querySelector('[type=radio][value=no]').click()")
    second.click("form[action='/questions'] button")
    told = "['decides nothing', 'nothing was recorded'].some(words => document.body.innerText.includes(words))"
    second.wait(told)
    _seen("who answers second is told", True)
    tab.wait("document.querySelector('[data-part=facts]').innerText.includes('ok')")
    _seen(
        "the run's page moves to its end without a reload",
        tab.value("performance.getEntriesByType('navigation').length") == 1,
    )
    _seen("the run heard the answer and ended well", running[0].wait(60) == 0 and (top / "two").exists())
    _seen("what a hostile text would do is not done", tab.value("document.title") != "taken" and EVIL in tab.text())
    _seen(
        "no request left the page",
        tab.value(f"performance.getEntriesByType('resource').every(e => e.name.startsWith('{base}'))"),
    )
    tab.press("Tab", 9)
    tab.open(base + path)
    tab.press("Tab", 9)
    _seen("the first stop of the keyboard is the skip link", tab.value("document.activeElement.className") == "skip")
    for width, height in SIZES.values():
        tab.look(width, height)
        _seen(
            f"nothing stands beside the page at {width} px",
            tab.value("document.documentElement.scrollWidth") <= width,
        )
    _pictures(tab, base + "/", "overview", shots)
    tab.open(base + "/")
    served.send_signal(signal.SIGINT)
    _seen("Ctrl-C ends the page at once with 130", served.wait(20) == 130)
    tab.wait("!document.getElementById('lost').hidden")
    _seen("a page whose server is gone says so", "The connection is lost" in tab.text())
    return 0


def _pictures(tab: Tab, address: str, name: str, shots: Path | None) -> None:
    if shots is None:
        return
    shots.mkdir(parents=True, exist_ok=True)
    for language in ("ja", "en"):
        for size, (width, height) in SIZES.items():
            for dark in (False, True):
                tab.look(width, height, dark=dark)
                tab.open(f"{address}?lang={language}")
                tab.picture(shots / f"{name}.{language}.{size}.{'dark' if dark else 'light'}.png", whole=True)
    tab.look(*SIZES["desktop"])


def _seen(what: str, holds: object) -> None:
    print(f"{'yes' if holds else 'NO '}  {what}", flush=True)
    if not holds:
        raise SystemExit(1)
