"""What is played with roles: Kei's run waits, and Aki reads its plan in the browser and approves it there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from serve_play.browser import Browser, Tab

Pictures = Callable[[Tab, str, str], None]


def play(browser: Browser, top: Path, stopgap: Path, pictures: Pictures, seen: Callable[[str, object], None]) -> None:
    """Play it in a state folder of its own; raises SystemExit where something does not hold."""
    home = top / "shift"
    home.mkdir(mode=0o700)
    keys = {name: _key(top / name) for name in ("kei", "aki")}
    roles = {
        "people": {name: {"keys": [key]} for name, key in keys.items()},
        "roles": {
            "shift": {"people": ["kei", "aki"], "may": ["view", "answer", "run", "undo"], "approve": 2},
            "lead": {"people": ["aki"], "may": ["approve"]},
        },
    }
    (home / "roles.yaml").write_text(json.dumps(roles))
    for written in ("one", "two"):
        (top / written).unlink(missing_ok=True)
    words = ("run", str(top / "runbook.yaml"), "-i", str(top / "hosts.yaml"), "-t", "web", "--yes")
    begun = subprocess.run((stopgap, *words), env=_as(home, top / "kei"), capture_output=True, text=True)
    seen("a run that takes two people waits for the second", begun.returncode == 4)
    served = subprocess.Popen(
        (stopgap, "serve", "--listen", "127.0.0.1:0", "--metrics"),
        env=_as(home, top / "aki"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = (served.stdout.readline() if served.stdout else "").strip()
        base = address.partition("/login")[0]
        tab = browser.tab(fresh=True)
        tab.look(1280, 900)
        tab.open(address)
        tab.wait("!!document.querySelector('[data-part=approvals] a')")
        seen("the first page names the run that waits for an approval", True)
        tab.click("[data-part=approvals] a")
        tab.wait("!!document.querySelector('form[action=\"/approvals\"] button')")
        path = str(tab.value("location.pathname"))
        seen("the approver reads each change with its undo", str(top / "one") in tab.text())
        pictures(tab, base + path, "approval")
        tab.open(base + path)
        tab.click("form[action='/approvals'] button")
        tab.wait("document.body.innerText.includes('Your approval is recorded')")
        seen("the approval is recorded, and no form is left", not tab.value("document.forms.length > 1"))
        tab.open(base + "/metrics")
        seen("/metrics counts the run", 'stopgap_runs{state="waiting"} 1' in tab.text())
    finally:
        served.kill()
        served.wait()


def _key(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", path], check=True)
    return path.with_suffix(".pub").read_text().strip()


def _as(home: Path, key: Path) -> dict[str, str]:
    left = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
    return {**left, "STOPGAP_HOME": str(home), "STOPGAP_KEY": str(key)}
