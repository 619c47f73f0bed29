"""The acts of the drill, in the letter's order; each notes what was seen."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

from drill_play.stage import INVENTORY, PLAY, Failed, Stage
from stopgap.orchestrator.journal import Journal

CONTACT = ("-p", "contact=noc@example.jp")
CUSTOMERS = 12
WEB = "http://203.0.113.10/"
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}


def alarm(stage: Stage) -> str:
    """Somebody reports the host; the provider is told, the host is cut off. Gives the run's id."""
    stage.stopgap("incident", "open", "drill")
    stage.stopgap("incident", "note", "Another network's administrator reports attacks from 203.0.113.10")
    stage.note("before: the site serves everybody", stage.visit(WEB)[0] == 200)
    run = stage.run(PLAY / "alarm.yaml", *CONTACT)
    mails = stage.mails()
    stage.note("one mail reached the provider's server", [m["X-Drill-To"] for m in mails] == ["noc@provider.example"])
    if mails:
        text = mails[0].get_content()
        (stage.out / "provider.txt").write_text(f"Subject: {mails[0]['Subject']}\n\n{text}")
        for line in [f"Subject: {mails[0]['Subject']}", "", *text.splitlines()[:24]]:
            print(f"  | {line}")
        stage.note("it says what is asked, in both languages", "WHAT WE ASK" in text and "お願い" in text)
    stage.stopgap("incident", "note", "The provider has called back, ticket T-4711")
    return run


def visitors(stage: Stage) -> None:
    """What visitors see, each in his language, and what a program gets."""
    for language, headers in (("en", ("Accept-Language: en",)), ("ja", ("Accept-Language: ja",))):
        status, body = stage.visit(WEB, *headers)
        (stage.out / f"page.{language}.html").write_text(body)
        stage.note(
            f"visitors get 503 and a page in {language}", status == 503 and f'<html lang="{language}">' in body
        )
    status, body = stage.visit(WEB, "Accept: application/json")
    stage.note("a program gets plain text", status == 503 and "<html" not in body and "noc@example.jp" in body)


def customers(stage: Stage) -> None:
    """Each customer is told once, though the process is killed in the middle."""
    people = [f"customer{n}@example.org" for n in range(1, CUSTOMERS + 1)]
    csv = stage.out / "customers.csv"
    rows = [f"{mail},Customer {n},{'ja' if n % 2 else 'en'}" for n, mail in enumerate(people)]
    csv.write_text("email,name,language\n" + "\n".join(rows) + "\n")
    before, told = stage.latest(), len(stage.mails())
    words = ("run", str(PLAY / "customers.yaml"), "-i", INVENTORY, "-t", "web", "-p", f"csv={csv}")
    process = stage.start(*words, "--incident", "drill", "--wait")
    end = time.monotonic() + 60
    while len(stage.mails()) < told + 4:
        if time.monotonic() > end or process.poll() is not None:
            raise Failed("the customers' mails did not begin to arrive")
        for history, asked in stage.waiting():
            if history.run != before:
                stage.answer(history.run, asked)
        time.sleep(0.02)
    process.kill()
    process.wait()
    print(f"  killed after {len(stage.mails()) - told} of {CUSTOMERS} mails", flush=True)
    stage.answer_until_over(stage.start("resume", "last", "--wait"))
    time.sleep(0.2)
    got = Counter(m["X-Drill-To"] for m in stage.mails()[told:])
    with Journal.open(stage.home) as journal:
        unknown = {m.to for m in journal.history(stage.latest()).messages if m.state == "unknown"}
    stage.note("nobody was told twice", set(got.values()) == {1})
    stage.note("everybody was told, or is named as not certain", set(got) | unknown == set(people))


def new_words(stage: Stage) -> None:
    """The page's words change in seconds."""
    began = time.monotonic()
    words = (
        "-p",
        "en=Orders of the weekend are safe.",
        "-p",
        "ja=週末のご注文は安全です。",
        "-p",
        "site=Example Shop",
    )
    stage.run("runbooks/update-page.yaml", *CONTACT, *words)
    english, japanese = stage.visit(WEB)[1], stage.visit(WEB, "Accept-Language: ja")[1]
    stage.note("visitors read the new words", "Orders of the weekend" in english and "週末のご注文" in japanese)
    print(f"  after {time.monotonic() - began:.1f} s")


def recovery(stage: Stage) -> None:
    """The way back, in order, of all that the incident's runs have changed."""
    words = ("-p", "runs=drill", "-p", "watch=2s", "-p", "after=2s", "-p", "least=critical")
    stage.run("runbooks/recover.yaml", *words)
    stage.note("the site serves everybody again", stage.visit(WEB)[0] == 200)
    stage.note("nothing is in force any more", "nothing" in stage.stopgap("status").lower())


def papers(stage: Stage, run: str, *, brief: bool = False) -> None:
    """Reports and manual in both languages, as files; `brief`: each language in one form alone."""
    pairs = [("en", "md"), ("ja", "html")] + ([] if brief else [("en", "html"), ("ja", "md")])
    for language, form in pairs:
        words = ("--lang", language, "--format", form, "-o")
        stage.stopgap("report", run, *words, str(stage.out / f"report.{language}.{form}"))
        stage.stopgap("report", run, "--manual", *words, str(stage.out / f"manual.{language}.{form}"))
        stage.stopgap("report", "--incident", "drill", *words, str(stage.out / f"incident.{language}.{form}"))
        following = str(stage.out / f"next-time.{language}.{form}")
        stage.stopgap("report", "--incident", "drill", "--manual", *words, following)
    told = json.loads(stage.stopgap("report", "--incident", "drill", "--format", "json"))
    texts = [event["text"] for event in told["timeline"] if event["kind"] == "note"]
    stage.note("the incident's report has every run and note", len(told["runs"]) >= 2 and len(texts) >= 2)
    written = [path for kind in ("report", "manual", "incident", "next-time") for path in stage.out.glob(f"{kind}.*")]
    stage.note(f"papers are written: {len(written)} files", len(written) == 4 * len(pairs))
    stage.stopgap("incident", "close")


def screenshots(stage: Stage) -> None:
    """Pictures of every page, taken without a network; without Chromium, none."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("  There is no chromium here (Debian's package): no screenshots are taken.")
        return
    shots = stage.out / "screenshots"
    shots.mkdir()
    for page in sorted(stage.out.glob("*.html")):
        for name, (width, height) in SIZES.items():
            _shoot(chromium, page, shots / f"{page.stem}.{name}.png", width, height)
    taken = list(shots.glob("*.png"))
    pages = len(list(stage.out.glob("*.html")))
    stage.note(f"{len(taken)} screenshots are in {shots}", len(taken) == pages * len(SIZES))


def _shoot(chromium: str, page: Path, picture: Path, width: int, height: int) -> None:
    argv = ["unshare", "--net", chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    argv += [f"--user-data-dir={picture.parent}/.profile", f"--window-size={width},{height}"]
    subprocess.run(
        [*argv, f"--screenshot={picture}", page.resolve().as_uri()], capture_output=True, timeout=90, check=False
    )
