"""Where the drill plays: commands in the lab's namespaces, people who answer from a file, a list of what was seen."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from stopgap.orchestrator.journal import History, Journal
from stopgap.orchestrator.journal.records import Answered, Asked

ROOT = Path(__file__).resolve().parents[2]
PLAY = Path(__file__).parent
INVENTORY = "inventories/lab.yaml"
PATIENCE = 180.0
"""Seconds that a question, or the end of a run, may take."""


class Failed(Exception):  # noqa: N818
    """The drill did not go as it should; the message says what."""


@dataclass
class Stage:
    """The lab is up; everything that is left behind lies below `out`."""

    out: Path
    answers: Mapping[str, str]
    seen: list[tuple[str, bool]] = field(default_factory=list)
    person: str = ""
    """Who is at the terminal; empty: the account that plays."""
    key: Path | None = None
    """The SSH key of that person."""

    def of(self, person: str, key: Path) -> Stage:
        """Return the same stage, at the terminal of a person with a key."""
        return replace(self, person=person, key=key)

    @property
    def environ(self) -> dict[str, str]:
        """Return the variables of the person's terminal."""
        own = {"LOGNAME": self.person, "STOPGAP_KEY": str(self.key)} if self.key else {}
        return {"STOPGAP_HOME": str(self.home), "PYTHONPATH": str(PLAY.parent), **own}

    @property
    def home(self) -> Path:
        """State folder of the drill's operator."""
        return self.out / "state"

    @property
    def box(self) -> Path:
        """Where mail arrives."""
        return self.out / "mail"

    def note(self, what: str, holds: bool) -> None:
        """Put down what was seen, and say it."""
        self.seen.append((what, holds))
        print(f"  {'yes' if holds else 'NO '}  {what}", flush=True)

    def command(self, namespace: str, *argv: str) -> list[str]:
        """Give the words that run a program in a namespace."""
        environ = [f"{name}={value}" for name, value in self.environ.items()]
        return [str(ROOT / "scripts" / "lab"), "exec", namespace, "env", *environ, *argv]

    def stopgap(self, *argv: str) -> str:
        """Run a command of the operator to its end; raises Failed with what it said."""
        done = subprocess.run(self.command("operator", "stopgap", *argv), cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"stopgap {' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def tried(self, *argv: str) -> tuple[int, str]:
        """Run a command of the operator to its end; give exit status and what it said."""
        done = subprocess.run(self.command("operator", "stopgap", *argv), cwd=ROOT, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """Begin a command of the operator; its output goes to a file."""
        with (self.out / "runs.log").open("a") as log:
            return subprocess.Popen(
                self.command("operator", "stopgap", *argv), cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, text=True,
            )  # fmt: skip

    def run(self, runbook: Path | str, *argv: str) -> str:
        """Run a runbook, with people who answer from the file; gives the run's id, raises Failed."""
        before = self.latest()
        words = ("run", str(runbook), "-i", INVENTORY, "-t", "web", *argv, "--incident", "drill", "--wait")
        self.answer_until_over(self.start(*words), before)
        return self.latest()

    def answer_until_over(self, process: subprocess.Popen[str], before: str = "") -> None:
        """Answer what the run asks until it ends well; raises Failed."""
        end = time.monotonic() + PATIENCE
        while process.poll() is None:
            if time.monotonic() > end:
                process.kill()
                raise Failed("the run did not end")
            for history, asked in self.waiting():
                if history.run != before:
                    self.answer(history.run, asked)
                    end = time.monotonic() + PATIENCE
            time.sleep(0.2)
        if process.returncode:
            raise Failed(f"a run ended with status {process.returncode}; see {self.out / 'runs.log'}")

    def waiting(self) -> list[tuple[History, Asked]]:
        """Give the questions that the latest run waits with."""
        if not (latest := self.latest()):
            return []
        with Journal.open(self.home) as journal:
            history = journal.history(latest)
        return [(history, asked) for asked in history.waiting]

    def latest(self) -> str:
        """Give the latest run's id; nothing where there is none."""
        with Journal.open(self.home) as journal:
            runs = journal.runs()
        return runs[0].id if runs else ""

    def mails(self) -> list[EmailMessage]:
        """Give the mails that have arrived, in their order."""
        found = sorted(self.box.glob("*.eml"))
        return [email.message_from_bytes(path.read_bytes(), policy=default) for path in found]  # type: ignore[misc]

    def visit(self, url: str, *headers: str) -> tuple[int, str]:
        """Ask for a page as a visitor on the internet does; gives status and body."""
        words = [word for header in headers for word in ("-H", header)]
        argv = self.command("internet", "curl", "-gsm", "5", "-w", "\n%{http_code}", *words, url)
        body, _, status = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True).stdout.rpartition("\n")
        return int(status or 0), body

    def reaches(self, address: str, port: int) -> bool:
        """Return whether a connection from the internet comes about within 2 s."""
        connect = f"import socket; socket.create_connection(({address!r}, {port}), 2)"
        argv = self.command("internet", "python3", "-c", connect)
        return subprocess.run(argv, cwd=ROOT, capture_output=True).returncode == 0

    @contextmanager
    def mail_server(self) -> Iterator[None]:
        """Let a mail server take mail on the internet."""
        self.box.mkdir(parents=True)
        argv = self.command(
            "internet", sys.executable, "-m", "drill_play.mailbox", "198.51.100.2", "25", str(self.box)
        )
        process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise Failed("the mail server did not start")
            yield
        finally:
            process.terminate()
            process.wait(10)

    def answer(self, run: str, asked: Asked) -> None:
        usual = {"yes-no": "yes"}
        says = self.answers.get(asked.step) or usual.get(asked.question.type)
        if says is None:
            raise Failed(f"the answers say nothing of step {asked.step}: {asked.question.text}")
        place = {"step": asked.step, "target": asked.target, "question": asked.question.text}
        with Journal.open(self.home) as journal:
            journal.append(run, Answered(**place, answer=asked.question.read(says), by="drill@lab"))
        print(f"  asked  {asked.question.text}  {says}", flush=True)


def fresh(path: Path, answers: Mapping[str, str]) -> Stage:
    """Give a stage whose folder is empty; raises Failed for one that holds something else than a drill."""
    if path.exists():
        if any(path.iterdir()) and not (path / "runs.log").exists():
            raise Failed(f"{path} is no folder of a drill; give another with --out")
        subprocess.run(["rm", "-rf", "--", str(path)], check=True)
    path.mkdir(parents=True)
    (path / "runs.log").touch()
    os.environ["STOPGAP_HOME"] = str(path / "state")
    return Stage(path, answers)
