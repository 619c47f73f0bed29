"""The way back with people as they are: one who types yes to everything, two at once, and one who takes care."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable

from drill_play.stage import INVENTORY, PATIENCE, ROOT, Failed, Stage
from stopgap.orchestrator.journal import History, Journal

WEB = "http://203.0.113.10/"
WORDS = ("-p", "runs=drill", "-p", "watch=2s", "-p", "after=2s", "-p", "least=critical")
STUBBORN = 25.0
"""Seconds for which the careless operator goes on typing yes at a question that yes does not answer."""


def recovery(stage: Stage) -> None:
    """Bring the host back; each of the three does what such people do."""
    careless(stage)
    two_at_once(stage)
    cautious(stage)
    stage.note("the site serves everybody again", stage.visit(WEB)[0] == 200)
    status, said = stage.tried("recover")
    stage.note(
        "recover says that web is back, with findings that were accepted", status == 0 and "back in service" in said
    )
    for words in (
        ("describe", "--set", "reporter=Kei Tanaka", "--set", "phone=+81 3 0000 0000", "--set", "severity=critical"),
        ("describe", "--set", "service=the shop", "--set", "service_ja=ネットショップ", "--set", "tlp=amber"),
        ("action", "add", "Replace the upload form", "--owner", "Aoi Sato", "--due", "2099-12-10"),
        ("action", "done", "1", "in production"),
        ("action", "add", "Pay for a second router?", "--owner", "Mio Ito", "--due", "2099-12-20", "--decision"),
        ("note", "--went-well", "The spare page was ready before the first caller"),
    ):
        stage.stopgap("incident", *words)


def careless(stage: Stage) -> None:
    """At the terminal, yes to everything, typed before it is asked too; then Ctrl-C."""
    words = ("run", "runbooks/recover.yaml", "-i", INVENTORY, "-t", "web", *WORDS, "--incident", "drill")
    pid, file = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        argv = stage.command("operator", "stopgap", *words)
        os.execv(argv[0], argv)
    said, asked_since, end = "", 0.0, time.monotonic() + 2 * PATIENCE
    while time.monotonic() < end and not (asked_since and time.monotonic() - asked_since > STUBBORN):
        os.write(file, b"yes\n")
        if select.select([file], [], [], 0.3)[0]:
            try:
                said += os.read(file, 65536).decode("utf-8", "replace")
            except OSError:
                break
        if not asked_since and "step 3 of" in said:
            asked_since = time.monotonic()
    os.write(file, b"\x03")
    _drain(file)
    os.waitpid(pid, 0)
    (stage.out / "careless.txt").write_text(said.replace("\r\n", "\n"))
    history = _history(stage)
    lifted = [a for a in history.answers if a.step == "lift"]
    stage.note(
        "yes to everything lifts nothing: the block and the page stand", not lifted and stage.visit(WEB)[0] == 503
    )
    stage.note("every question said its step", "step 2 of" in said and "step 3 of" in said)


def two_at_once(stage: Stage) -> None:
    """Two people answer one question; the second is told that it was too late. The answer is then taken back."""
    process = stage.start("resume", "last", "--wait")
    _until_asked(stage, process, "way")
    first, _ = stage.tried("answer", "last", "way", "rebuilt")
    second, said = stage.tried("answer", "last", "way", "cleaned")
    stage.note("the first answer counts", first == 0)
    stage.note("the second is told so, and decides nothing", second == 4)
    print(f"  | {said.strip().splitlines()[-1] if said.strip() else ''}")
    _until_asked(stage, process, "cause")
    process.send_signal(signal.SIGINT)
    _ended(process)
    again, said = stage.tried("resume", "last", "--from", "nothing")
    stage.note("going back to a step that is not there is refused", again == 2)
    process = stage.start("resume", "last", "--from", "way", "--wait")
    _until_asked(stage, process, "way")
    stage.note("going back a step asks again", stage.tried("answer", "last", "way", "cleaned")[0] == 0)
    _until_asked(stage, process, "cause")
    stage.tried("answer", "last", "cause", "An upload form of the shop; removed, and the shop updated")
    _until_asked(stage, process, "findings")
    stage.tried("answer", "last", "findings", "1 open; rest accepted: planted by the drill")
    stage.note("a finding left open ends the recovery", _ended(process) == 4)
    status, said = stage.tried("recover")
    stage.note("recover names the step where it stopped, and how to go on", "stopgap resume" in said and status == 0)
    (stage.out / "stopped.txt").write_text(said)


def cautious(stage: Stage) -> None:
    """Says no until it is true, and yes is not enough to lift the block."""
    accepted = "all accepted: planted by the drill"
    process = stage.start("resume", "last", "--wait")
    _until_asked(stage, process, "findings")
    stage.tried("answer", "last", "findings", accepted)
    _until_asked(stage, process, "credentials")
    stage.tried("answer", "last", "credentials", "no")
    stage.note("a no about credentials ends it", _ended(process) == 4)
    process = stage.start("resume", "last", "--wait")
    usual = {"credentials": "yes", "fresh": accepted, "queue": "yes"}
    _until_asked(stage, process, "lift", usual)
    stage.note("yes is no answer where something opens", stage.tried("answer", "last", "lift", "yes")[0] == 2)
    stage.tried("answer", "last", "lift", "no")
    stage.note("a no keeps everything but the web cut off", _ended(process) == 4 and stage.visit(WEB)[0] == 200)
    process = stage.start("resume", "last", "--wait")
    _until_asked(stage, process, "lift", usual)
    stage.note("the words lift it", stage.tried("answer", "last", "lift", "lift web")[0] == 0)
    _until_over(stage, process, {"last-findings": accepted})
    stage.note("the recovery ended well", _ended(process) == 0)


def _until_asked(
    stage: Stage, process: subprocess.Popen[str], step: str, usual: dict[str, str] | None = None
) -> None:
    """Wait for a step's question, and answer others before it. Raises Failed."""
    _go_on(stage, process, usual or {}, lambda steps: step in steps)


def _until_over(stage: Stage, process: subprocess.Popen[str], usual: dict[str, str]) -> None:
    """Answer what is asked until the run ends. Raises Failed."""
    _go_on(stage, process, usual, lambda _: process.poll() is not None)


def _go_on(
    stage: Stage, process: subprocess.Popen[str], usual: dict[str, str], reached: Callable[[set[str]], bool]
) -> None:
    end = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < end:
        waiting = {asked.step for _, asked in stage.waiting()}
        if reached(waiting):
            return
        if process.poll() is not None:
            raise Failed(f"the run ended with status {process.returncode}; see {stage.out / 'runs.log'}")
        for step in waiting & set(usual):
            stage.tried("answer", "last", step, usual[step])
        time.sleep(0.3)
    raise Failed("the run did not come to the question")


def _ended(process: subprocess.Popen[str]) -> int:
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Failed("the run did not end") from None


def _history(stage: Stage) -> History:
    with Journal.open(stage.home) as journal:
        return journal.history(stage.latest())


def _drain(file: int) -> None:
    """Read until the terminal is closed."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if select.select([file], [], [], 1)[0] and not os.read(file, 65536):
                return
        except OSError:
            return
