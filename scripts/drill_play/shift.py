"""Two people and the page: Kei acts at a terminal, Aki looks on, approves and answers on a telephone's screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drill_play.desk import SIZES, Desk, desks
from drill_play.stage import INVENTORY, PATIENCE, PLAY, Failed, Stage
from stopgap.orchestrator.journal import History, Journal

PEOPLE = ("kei", "aki")
WEB = "http://203.0.113.10/"
REASON = "It attacks other networks, and nobody else answers the telephone"
TICKETS = {"kei": "T-4711", "aki": "T-4712"}
"""What each of the two has heard on the telephone."""


@dataclass(frozen=True)
class Shift:
    """The two people: each with a key, a terminal and a page of one's own, over one journal."""

    stage: Stage
    kei: Stage
    aki: Stage
    desk: Desk
    """Kei's screen."""
    phone: Desk
    """Aki's screen."""
    shots: Path | None
    """Folder of the pictures; None: no picture is taken."""

    def history(self, run: str) -> History:
        """Return a run as the journal has it."""
        with Journal.open(self.stage.home) as journal:
            return journal.history(run)

    def picture(self, desk: Desk, name: str, *sizes: str) -> int:
        """Take pictures of what a desk shows."""
        return desk.pictures(self.shots, name, *([sizes] if sizes else [])) if self.shots else 0


def play(stage: Stage, *, brief: bool = False) -> None:
    """Play it on the lab that is up; `brief`: without pictures. Raises Failed."""
    people = {name: _with_key(stage, name) for name in PEOPLE}
    _write_roles(stage, people)
    people["kei"].stopgap("incident", "open", "drill")
    shots = None if brief else stage.out / "screenshots"
    with (
        _served(people["kei"]) as first,
        _served(people["aki"]) as second,
        desks(((first, "wide"), (second, "phone"))) as (desk, phone),
    ):
        shift = Shift(stage, people["kei"], people["aki"], desk, phone, shots)
        print("An emergency: the cut goes first", flush=True)
        cut = emergency(shift)
        print("The plan of the containment waits for the second person", flush=True)
        run, process = approval(shift)
        print("Both answer one question", flush=True)
        question(shift, run, process)
        print("What is in force", flush=True)
        in_force(shift, cut, run)
        print("All of it is taken back", flush=True)
        back(shift, cut, run)


def emergency(shift: Shift) -> str:
    """Kei cuts the host off at once; Aki approves after. Returns the run's id."""
    stage = shift.stage
    words = ("run", str(PLAY / "cut.yaml"), "-i", INVENTORY, "-t", "web", "--incident", "drill", "--yes")
    refused, said = shift.aki.tried(*words, "--emergency", REASON)
    stage.note("an emergency is refused to whom no role gives it", refused == 4 and "kei may" in said)
    before = stage.reaches("203.0.113.10", 22)
    shift.kei.stopgap(*words, "--emergency", REASON)
    run = stage.latest()
    stage.note("the cut goes before anybody has approved it", before and not stage.reaches("203.0.113.10", 22))
    shift.phone.wait("drop 203.0.113.10")
    stage.note("the telephone shows by itself what is in force", " left · until " in shift.phone.text())
    shift.phone.open(f"/runs/{run}")
    stage.note("the run is marked as one that went first", f"an emergency: {REASON}" in shift.phone.text())
    shift.picture(shift.phone, "emergency")
    shift.phone.send("/approvals")
    shift.phone.wait("Your approval is recorded")
    history = shift.history(run)
    stage.note("aki has approved it after", (history.approvers, history.approvals_lacking) == (("aki",), 0))
    return run


def approval(shift: Shift) -> tuple[str, subprocess.Popen[str]]:
    """Kei begins the containment; Aki reads its plan and approves it. Returns the run's id and its process."""
    stage, before = shift.stage, shift.stage.latest()
    shift.phone.open("/")
    words = ("run", str(PLAY / "containment.yaml"), "-i", INVENTORY, "-t", "web", "-p", "contact=noc@example.jp")
    process = shift.kei.start(*words, "--incident", "drill", "--wait")
    shift.phone.wait("Waiting for another person's approval")
    run = stage.latest()
    if run == before:
        raise Failed("the containment did not begin")
    asked = shift.history(run).approval
    stage.note("the telephone shows by itself that a plan waits", asked is not None)
    stage.note("until then no mail goes out", not stage.mails())
    shift.desk.open(f"/runs/{run}")
    stage.note("who began the run is told that another person approves", "You began this run" in shift.desk.text())
    shift.phone.open(f"/runs/{run}")
    text = shift.phone.text()
    digest = asked.plan if asked else "none"
    stage.note(
        "the approver reads the steps, their undo and the digest", "noc@provider.example" in text and digest in text
    )
    shift.picture(shift.phone, "approval")
    shift.phone.send("/approvals")
    shift.phone.wait("Your approval is recorded")
    given = [each for each in shift.history(run).authorized if each.action == "approve"]
    signed = [(each.person, json.loads(each.act).get("plan"), bool(each.signature)) for each in given]
    stage.note("the approval is signed by aki, for that digest", signed == [("aki", digest, True)])
    return run, process


def question(shift: Shift, run: str, process: subprocess.Popen[str]) -> None:
    """Both read the question, both answer; one counts, and the other is told so."""
    stage = shift.stage
    shift.desk.wait("Recorded as the answer of kei")
    stage.note("the run has gone on by itself", len(stage.mails()) == 1)
    shift.picture(shift.desk, "running")
    for desk in (shift.desk, shift.phone):
        desk.open("/questions")
        desk.wait("Recorded as the answer of")
    shift.picture(shift.phone, "question", "phone")
    both = {"kei": shift.desk, "aki": shift.phone}
    for name, desk in both.items():
        desk.send("/questions", answer=TICKETS[name])
    shift.desk.wait("T-471")
    shift.phone.wait("T-471")
    answers = shift.history(run).answers
    first = answers[0].by.partition("@")[0]
    late = next(name for name in both if name != first)
    stage.note("one answer counts", [each.answer for each in answers] == [TICKETS[first]])
    stage.note(f"the other is told so, and who was first ({first})", "answered first" in both[late].text())
    if shift.shots:
        for size in SIZES:
            both[late].picture(shift.shots / f"too-late.en.{size}.png", size)
    stage.note("the run heard the answer and ended well", _ended(process) == 0)


def in_force(shift: Shift, cut: str, run: str) -> None:
    """The page shows what `stopgap status` shows."""
    stage = shift.stage
    stage.note("visitors read the page of the spare", stage.visit(WEB)[0] == 503)
    standing = [str(each.change.describe()) for name in (cut, run) for each in shift.history(name).in_force()]
    for name, desk in (("kei's screen", shift.desk), ("aki's", shift.phone)):
        desk.open("/")
        text = desk.text()
        shown = [words for words in standing if " ".join(words.split()) in text]
        stage.note(f"{len(shown)} of {len(standing)} changes in force are on {name}", shown == standing != [])
    shift.picture(shift.desk, "overview")
    shift.desk.open(f"/runs/{run}")
    stage.note("the run's page says contained", "web: was contained" in shift.desk.text())
    shift.picture(shift.desk, "run")
    shift.desk.open("/incidents/drill")
    shift.picture(shift.desk, "incident")
    for name in (cut, run):
        stage.note(f"the journal and the signatures of {name} hold", shift.kei.tried("verify", name)[0] == 0)


def back(shift: Shift, cut: str, run: str) -> None:
    """Kei takes both runs back; nothing is in force any more."""
    stage = shift.stage
    shift.desk.open("/")
    for name in (run, cut):
        shift.kei.stopgap("undo", name, "--yes")
    shift.desk.wait("Nothing is in force")
    stage.note("the page shows by itself that nothing is in force", True)
    stage.note("the site serves everybody again", stage.visit(WEB)[0] == 200)
    shift.kei.stopgap("incident", "close")
    if shift.shots:
        taken = len(list(shift.shots.glob("*.png")))
        print(f"  {taken} pictures are in {shift.shots}" if taken else "  There is no chromium here: no pictures")


def _with_key(stage: Stage, name: str) -> Stage:
    """Make a person's key, and return the stage of that person's terminal."""
    path = stage.out / f"key-{name}"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
    return stage.of(name, path)


def _write_roles(stage: Stage, people: dict[str, Stage]) -> None:
    """Give both the shift's role, Kei emergencies, and Aki approvals."""
    keys = {name: person.key.with_suffix(".pub").read_text().strip() for name, person in people.items() if person.key}
    roles = {
        "people": {name: {"keys": [key]} for name, key in keys.items()},
        "roles": {
            "shift": {"people": list(keys), "may": ["view", "answer", "run", "undo"], "approve": 2},
            "night": {"people": ["kei"], "may": ["emergency"], "runbooks": ["cut", "contain"]},
            "lead": {"people": ["aki"], "may": ["approve"]},
        },
    }
    stage.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (stage.home / "roles.yaml").write_text(json.dumps(roles))


@contextmanager
def _served(person: Stage) -> Iterator[str]:
    """Serve a person's page, outside the lab's networks: it contacts no host. Yields the address that it prints."""
    program = Path(sys.executable).with_name("stopgap")
    environ = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"} | person.environ
    with (person.out / "runs.log").open("a") as log:
        served = subprocess.Popen(
            [program, "serve", "--listen", "127.0.0.1:0"], env=environ, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        address = (served.stdout.readline() if served.stdout else "").strip()
        if not address.startswith("http"):
            raise Failed(f"stopgap serve did not start: {address}; see {person.out / 'runs.log'}")
        yield address
    finally:
        served.kill()
        served.wait()


def _ended(process: subprocess.Popen[str]) -> int:
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Failed("the run did not end") from None
