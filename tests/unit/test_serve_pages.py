"""What the pages show: of good runs, damaged journals, hostile hosts, and many findings, in both languages."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings

from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.incidents import close_incident, find_incident, note, open_incident
from stopgap.orchestrator.journal.records import EvidenceKept, FindingNoted, FindingsMade, RunFinished
from stopgap.orchestrator.serve.login import TokenLogin

from .bench import Bench
from .forging import edit
from .page import ANSWERING, Page, page, wrote
from .story import CONTAINED, CUT, FAILED, FOUND, KEPT, OK, hostile_records, started
from .test_printed import HIDDEN, STORED

VOID = {"meta", "link", "input", "br", "img", "path", "rect"}


class Elements(HTMLParser):
    """The elements of a page, closed in order; ids, labels and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.names: list[str] = []
        self.levels: list[int] = []
        self.unlabelled = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.names.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag in {"input", "select"} and given.get("type") != "hidden" and "label" not in self.open:
            self.unlabelled += 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture
def home(bench: Bench) -> Path:
    return bench.top / "home"


@pytest.fixture
def told(home: Path) -> tuple[Page, str, str]:
    """A journal with an incident, a good run and a failed one; the page, and the ids of the runs."""
    with Journal.open(home) as journal:
        open_incident(journal, "shop", "kei@noc1")
        note(journal, find_incident(journal, "shop"), "The provider called back", "kei@noc1")
    good = wrote(home, [*CONTAINED[:-1], OK], started(incident="shop"))
    return page(home), good, wrote(home, FAILED)


ADDRESSES = (
    "/", "/runs", "/questions", "/incidents", "/incidents/shop", "/timeline", "/timeline?incident=shop",
    "/search?q=drop", "/runs/GOOD", "/runs/BAD", "/runs/GOOD/findings", "/timeline?run=BAD",
)  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_page_can_be_walked_by_headings_landmarks_and_labels(told: tuple[Page, str, str], lang: str) -> None:
    served, good, bad = told
    for address in ADDRESSES:
        text = served.get(address.replace("GOOD", good).replace("BAD", bad), lang)
        seen = Elements(text)
        assert seen.open == [], address
        assert len(seen.ids) == len(set(seen.ids)), address
        assert {"header", "nav", "main", "footer"} <= set(seen.names), address
        assert seen.levels[0] == seen.levels.count(1) == 1, address
        assert all(later <= level + 1 for level, later in zip(seen.levels, seen.levels[1:], strict=False)), address
        assert seen.unlabelled == 0, address
        assert f'<html lang="{lang}">' in text
        assert '<a class="skip" href="#main">' in text


def test_the_first_page_tells_what_is_in_force_and_until_when(told: tuple[Page, str, str]) -> None:
    served, good, bad = told
    text = served.get("/")
    assert "drop 203.0.113.10 both ways" in text
    assert re.search("(2 d 23 h|3 d) left", text)
    assert text.index("drop 203.0.113.10") < text.index("stop postfix")
    assert "No router was asked" in text
    assert (f'href="/runs/{good}"' in text, f'href="/runs/{bad}"' in text) == (True, True)
    assert 'href="/incidents/shop"' in text
    assert "現在有効な変更" in served.get("/", "ja")


def test_a_run_tells_verdict_proof_steps_and_undo(told: tuple[Page, str, str]) -> None:
    served, good, bad = told
    text = served.get(f"/runs/{good}")
    assert "web: was contained" in text
    assert "not looked at since" in text
    assert "3 of 3 checks passed" in text
    assert "Stop the mail server" in text
    assert f"stopgap undo {good} --step cut-off" in text
    assert "203.0.113.30 shares web&#39;s segment" in text
    failed = served.get(f"/runs/{bad}")
    assert "only partly contained" in failed
    assert "postfix would not stop" in failed
    assert "timeout after 10 s" in failed
    assert f"stopgap resume {bad}" in failed
    assert "遮断を確認済み" in served.get(f"/runs/{good}", "ja")


def test_an_incident_tells_notes_runs_and_what_comes_next(told: tuple[Page, str, str], home: Path) -> None:
    served, good, _ = told
    text = served.get("/incidents/shop")
    assert "The provider called back" in text
    assert good in text
    assert "stopgap run recover" in text
    with Journal.open(home) as journal:
        close_incident(journal, find_incident(journal, "shop"), "kei@noc1")
    assert "No incident is open." in served.get("/")
    assert "closed 20" in served.get("/incidents")


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("address", ["/runs/GOOD/report", "/incidents/shop/report"])
def test_the_report_is_the_known_one_shut_in_by_its_policy(
    told: tuple[Page, str, str], address: str, lang: str
) -> None:
    served, good, _ = told
    got = served.client.get(address.replace("GOOD", good), headers={"accept-language": lang})
    assert got.status_code == 200
    assert f'<html lang="{lang}">' in got.text
    policy = got.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")
    assert "script" not in policy


def test_the_timeline_and_the_search_find_what_happened(told: tuple[Page, str, str]) -> None:
    served, good, bad = told
    text = served.get("/timeline")
    assert (good in text, bad in text, "The provider called back" in text) == (True, True, True)
    assert bad not in served.get("/timeline?incident=shop")
    assert "stop postfix" not in served.get("/timeline?host=edge")
    assert "The provider called back" in served.get("/search?q=CALLED+back")
    assert good in served.get("/search?q=noc1+shop+contain") or good in served.get("/search?q=contain")
    assert "postfix would not stop" in served.get("/search?q=would+not")
    assert "Nothing was found." in served.get("/search?q=nowhere-at-all")


def test_the_language_is_the_addresss_the_cookies_or_the_browsers(told: tuple[Page, str, str]) -> None:
    served = told[0]
    assert '<html lang="en">' in served.get("/", "de, ja;q=0.1, en;q=0.9")
    assert '<html lang="ja">' in served.get("/", "ja;q=0.9, en;q=0.1")
    assert '<html lang="ja">' in served.get("/?lang=ja", "en")
    assert '<html lang="ja">' in served.get("/runs", "en")
    assert '<html lang="ja">' in served.get("/?lang=xx", "en")
    assert 'href="/runs?page=2&amp;lang=en"' in served.get("/runs?page=2", "en")


def test_a_damaged_journal_is_told_at_the_head_of_every_page(home: Path) -> None:
    good, bad = wrote(home, [OK]), wrote(home, CONTAINED)
    edit(home, bad, lambda record: record.replace("203.0.113.10", "203.0.113.66"))
    served = page(home)
    for address in ("/", "/runs", f"/runs/{good}", f"/runs/{bad}", "/questions", "/search?q=x"):
        text = served.get(address)
        head = text[: text.index("<main")]
        assert "The journal is damaged" in head, address
        assert f"run {bad}: record" in head, address
    assert "ジャーナルが破損しています" in served.get("/", "ja")


def test_a_run_that_cannot_be_read_is_no_page_and_the_first_page_says_that_it_lacks_it(home: Path) -> None:
    bad = wrote(home, CONTAINED)
    edit(home, bad, lambda record: record.replace('"kind":"run-started"', '"kind":"run-begun"'))
    served = page(home)
    assert "1 run cannot be read" in served.get("/")
    got = served.client.get(f"/runs/{bad}")
    assert (got.status_code, bad in got.text) == (503, True)
    assert served.client.get("/runs/nonsense").status_code == 404


def test_a_journal_that_cannot_be_opened_is_a_page_that_says_so(home: Path) -> None:
    served = page(home)
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "journal.sqlite").write_bytes(b"no database" * 100)
    got = served.client.get("/")
    assert (got.status_code, "no journal" in got.text) == (503, True), got.text


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\u202e\u2066\x1b[2J{{7*7}}\"'&\u200b"


def test_nothing_that_a_host_says_becomes_markup_or_moves_what_is_read(home: Path) -> None:
    first, records = hostile_records(HOSTILE)
    run = wrote(home, records, first)
    served = page(home)
    for lang in ("en", "ja"):
        for address in ("/", "/runs", f"/runs/{run}", f"/runs/{run}/findings", "/timeline", "/search?q=script"):
            text = served.get(address, lang)
            assert not re.search(r"<script(?! src=\"/static/live.js\" defer>)|<img", text), address
            assert {c for c in text if unicodedata.category(c) in HIDDEN} <= {"\n", "\t"}, address
            assert Elements(text).open == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in served.get(f"/runs/{run}")
    assert "&lt;script&gt;" in served.get("/search?q=<script>")


@settings(max_examples=5, deadline=None)
@given(text=STORED)
def test_no_page_shows_what_is_not_seen(bench: Bench, text: str) -> None:
    first, records = hostile_records(text)
    run = wrote(bench.top / "home", records, first)
    served = page(bench.top / "home")
    for address in (f"/runs/{run}", f"/timeline?run={run}"):
        assert {c for c in served.get(address) if unicodedata.category(c) in HIDDEN} <= {"\n", "\t"}


def judged(home: Path, count: int, spoil: bool = False) -> str:
    """Write a run with so many findings, each about a file of its own."""
    severities = ("critical", "high", "medium", "low")
    findings = [
        {
            "id": f"rule-{n % 50}", "severity": severities[n % 4], "title": f"A file of kind {n % 50}", "count": 1,
            "why": "It starts by itself.", "confidence": "medium", "falsepositives": ["The owner put it there."],
            "response": "Ask the owner.",
            "seen": [{"what": f"{n:05}.php holds eval", "file": "001-files.tar", "about": f"/srv/www/{n:05}.php"}],
        }
        for n in range(count)
    ]  # fmt: skip
    found = {
        "format": "stopgap-findings", "version": 2, "run": "r", "step": "volatile", "target": "web", "host": "web",
        "profile": "volatile", "manifest_sha256": "0" * 64, "rules_sha256": "0" * 64, "findings": findings,
        "no_discrepancy_seen": [], "not_looked": [],
    }  # fmt: skip
    content = json.dumps(found).encode()
    with Journal.open(home) as journal:
        run = journal.begin(started())
        folder = journal.run_folder(run) / KEPT.folder
        folder.mkdir(parents=True)
        (folder / "findings.json").write_bytes(content + (b" " if spoil else b""))
        made = FOUND.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
        journal.append(run, *CUT, KEPT, made, RunFinished(outcome="ok", exit_code=0))
    return run


def test_ten_thousand_findings_are_cards_a_page_at_a_time_the_worst_first(home: Path) -> None:
    run = judged(home, 10_000)
    served = page(home)
    first = served.get(f"/runs/{run}/findings")
    assert len(first) < 60_000
    assert first.count('<article class="card finding critical"') == 25
    assert "1 to 25 of 10000" in first
    assert "Page 1 of 400" in first
    assert f"stopgap evidence grep {run} -F /srv/www/00000.php" in first
    last = served.get(f"/runs/{run}/findings?page=999999999")
    assert ("9976 to 10000 of 10000" in last, last.count("card finding low")) == (True, 25)
    high = served.get(f"/runs/{run}/findings?severity=high&page=2")
    assert "26 to 50 of 2500" in high
    assert "10000 件中 1〜25 件目" in served.get(f"/runs/{run}/findings", "ja")


def test_findings_that_are_not_as_recorded_are_not_shown_but_what_the_journal_has(home: Path) -> None:
    run = judged(home, 8, spoil=True)
    text = page(home).get(f"/runs/{run}/findings")
    assert "not as the journal has it" in text
    assert "/srv/www/" not in text
    assert "A process hides" in text


def test_findings_of_a_journal_without_its_evidence_are_told_in_short(home: Path) -> None:
    noted = tuple(
        FindingNoted(id=f"r{n}", severity="high", title=f"Title {n}", count=2, first=f"/x/{n}") for n in range(3)
    )
    made = FindingsMade(**{**FOUND.model_dump(exclude={"kind"}), "findings": noted})
    kept = EvidenceKept(**KEPT.model_dump(exclude={"kind"}))
    run = wrote(home, [*CUT, kept, made, OK])
    text = page(home).get(f"/runs/{run}/findings")
    assert ("No such file" in text, text.count("seen 2 times")) == (True, 3)


def events(text: str) -> list[dict[str, str]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]


def test_the_stream_of_a_run_tells_its_parts_and_ends_with_the_run(told: tuple[Page, str, str]) -> None:
    served, good, _ = told
    got = served.client.get(f"/live/runs/{good}")
    assert got.headers["content-type"].startswith("text/event-stream")
    (told_once,) = events(got.text)
    assert "Stop the mail server" in told_once["html"]
    assert told_once["said"] == "The run has ended: ok"
    assert got.text.endswith("event: over\ndata: \n\n")
    assert served.client.get("/live/runs/nonsense").status_code == 404


def test_a_stream_moves_with_the_run(bench: Bench) -> None:
    home = bench.top / "home"
    journal = Journal.open(home)
    run = journal.begin(started())
    served = page(home, ANSWERING, TokenLogin("kei@noc1"))
    assert f'data-live="/live/runs/{run}"' in served.get(f"/runs/{run}")
    journal.append(run, *CUT, OK)
    journal.close()
    (last,) = events(served.client.get(f"/live/runs/{run}").text)
    assert "Drop its packets upstream" in last["html"]
    assert "data-live" not in served.get(f"/runs/{run}")
