"""The manual of an incident: one for all runs, whose blocks are shell, and that names people and no accounts."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from html import unescape

import pytest

from stopgap.orchestrator.journal.details import IncidentDetails
from stopgap.orchestrator.report.guide import guide_text

from .bench import Bench, file
from .story import Lang
from .weeks import incident

INCIDENT, HISTORIES = incident()
OWN = {
    "Kei", "Tanaka", "Example", "Hosting", "Aoi", "Sato", "deputy", "sealed", "envelope", "safe", "shop", "edge",
    "mail", "page", "other", "stopgap", "spare", "nftables", "Stopgap", "root", "known", "hosts", "resume", "detach",
    "from", "gone", "accepted", "open", "rest", "unknown", "unreachable", "refused", "Ctrl", "describe", "phone",
    "call", "drop", "both", "ways", "stop", "postfix", "keep", "starting", "delete", "table", "inet", "unmask",
    "enable", "start", "test", "configuration", "reload", "apache", "Tell", "customers", "runs", "incident",
}  # fmt: skip
"""Words of people, hosts and commands, and those that a change of the story brings."""
RECOVERS = [False, False, True]


def page(lang: Lang = "en", details: IncidentDetails | None = None) -> str:
    shown = INCIDENT if details is None else type(INCIDENT)("bare", INCIDENT.opened, (), None, INCIDENT.runs, details)
    return guide_text(shown, HISTORIES, RECOVERS, lang=lang)


def blocks(text: str) -> list[tuple[str, str, str]]:
    """Give host, kind and lines of each block."""
    found = re.findall(r'<pre class="shell" data-host="(.*?)" data-kind="(.*?)">(.*?)</pre>', text, re.DOTALL)
    return [(host, kind, unescape(lines)) for host, kind, lines in found]


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_block_is_shell(lang: Lang) -> None:
    found = blocks(page(lang))
    assert {kind for _, kind, _ in found} == {"do", "by-hand", "undo"}
    assert {host for host, kind, _ in found if kind != "do"} == {"edge", "web", "spare"}
    for _, _, lines in found:
        checked = subprocess.run(["sh", "-n"], input=lines, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, ""), lines


def test_what_is_fed_to_nft_is_accepted_by_nft() -> None:
    if not (nft := shutil.which("nft")):
        pytest.skip("nft is not installed")
    found = [lines for _, kind, lines in blocks(page()) if kind == "by-hand" and lines.startswith("nft -f - <<")]
    assert found
    for lines in found:
        ruleset = "\n".join(lines.splitlines()[1:-1]) + "\n"
        checked = subprocess.run([nft, "-c", "-f", "-"], input=ruleset, capture_output=True, text=True, check=False)
        if "Operation not permitted" in checked.stderr:
            pytest.skip("nft -c needs root")
        assert checked.returncode == 0, checked.stderr


def test_it_names_real_people_where_keys_are_kept_and_never_the_last_run() -> None:
    text = unescape(page())
    for said in ("Kei Tanaka", "+81 3 0000 0000", "Example Hosting NOC", "+81 3 1111 1111", "Aoi Sato", "safe 3"):
        assert said in text, said
    people = text.partition("1. Whom to call")[2].partition("2. What you need")[0]
    assert "kei@noc1" not in people
    assert "undo last" not in text
    assert "stopgap undo RUN --step cut-off" in text


def test_last_times_incident_is_in_no_command() -> None:
    commands = "".join(lines for host, _, lines in blocks(page()) if not host)
    assert "shop-2026-11" not in commands
    assert "20261102" not in commands
    assert 'runs="$INCIDENT"' in commands
    (checked,) = (line for line in commands.splitlines() if line.startswith("stopgap check"))
    assert "-p contact=noc@example.jp" in checked
    assert commands.count("-p contact=noc@example.jp") == 1, "the incident gives it to a run"
    assert "--set contact=noc@example.jp" in commands
    assert "scans" not in commands, "what was seen the last time"


def test_what_nobody_gave_is_blank_and_not_invented() -> None:
    text = page(details=IncidentDetails())
    people = text.partition("Whom to call")[2].partition("What you need")[0]
    assert people.count("____") >= 4
    assert "noc1" not in people


def test_it_is_japanese_throughout() -> None:
    text = unescape(re.sub(r"<pre.*?</pre>|<style>.*?</style>|<[^>]+>", " ", page("ja"), flags=re.DOTALL))
    said = re.sub(r"stopgap [a-z-]+( [a-z-]+)*( RUN| --[a-z-]+| [A-Z]+)*|[\w./-]*/[\w./-]+|\S+@\S+", " ", text)
    english = set(re.findall(r"[A-Za-z]{4,}", said))
    assert english <= OWN, english - OWN


def test_over_a_damaged_journal_it_says_so_at_its_head_and_exits_1(bench: Bench) -> None:
    assert bench.stopgap("incident", "open", "shop")[0] == 0
    assert bench.run(bench.runbook(file(bench, "one")), "--yes", "--incident", "shop")[0] == 0
    assert bench.stopgap("report", "--incident", "shop", "--manual")[0] == 0
    with sqlite3.connect(bench.top / "home" / "journal.sqlite") as database:
        database.execute("DROP TRIGGER no_update")
        database.execute("UPDATE records SET at = replace(at, '2026-', '2027-') WHERE kind = 'step-finished'")
    head = {"md": 500, "html": 6000, "json": 100_000}
    for words in (("--incident", "shop", "--manual"), ("--incident", "shop"), ("last",), ("last", "--manual")):
        for form in ("html", "md", *(() if "--manual" in words else ("json",))):
            status, out, err = bench.stopgap("report", *words, "--format", form)
            assert (status, "damaged: run" in err) == (1, True), (words, form)
            assert "damage" in out[: head[form]] if form == "json" else "The journal is damaged" in out, (words, form)
    status, out, err = bench.stopgap("show", "last")
    assert (status, "damaged: run" in out + err) == (1, True)
