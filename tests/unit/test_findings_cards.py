"""Findings joined by object: no object twice, nothing cut off, each with the command that shows it."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from pathlib import Path

import pytest
from rich.cells import cell_len

from stopgap.orchestrator.cli.cards import FIRST
from stopgap.orchestrator.findings import judge, shipped_rules
from stopgap.orchestrator.findings.cards import cards
from tests import forkserver

from .collection import collected

DIGESTS = "d41d8cd98f00b204e9800998ecf8427e  usr/bin/true\n"
RULES = shipped_rules()
PLANTED = {
    "package-digests": DIGESTS,
    "configuration": {"/etc/passwd": "root:x:0:0::/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\n"},
    "cron": {"/etc/cron.d/a": "1 2 * * * root /usr/lib/cache\n"},
    "units": {"/etc/systemd/system/a.service": "[Service]\nExecStart=/usr/lib/cache\n"},
    "bodyfile": "0|/usr/lib/cache|1|-rwxr-xr-x|0|0|9|1.0|1.0|1795000000.0|0.0\n",
    "web-code": {f"/var/www/html/{n}.php": "<?php eval($_POST[1]);\n" for n in range(40)},
}


def test_what_starts_a_program_stands_on_the_programs_card_and_no_object_twice(tmp_path: Path) -> None:
    found = cards([judge(collected(tmp_path, PLANTED), RULES)])
    (cache,) = [card for card in found if card.about == "/usr/lib/cache"]
    assert {"mechanism-scheduled", "mechanism-service", "program-foreign"} <= set(cache.rules)
    assert len({card.about for card in found}) == len(found)


def test_a_count_that_an_intruder_can_fill_hides_nothing(tmp_path: Path) -> None:
    found = cards([judge(collected(tmp_path, PLANTED), RULES)])
    assert sum(card.about.endswith(".php") for card in found) == 40
    assert any(card.about == "account toor" and card.severity == "critical" for card in found)


def test_cards_are_narrowed_by_severity_and_time(tmp_path: Path) -> None:
    judged = [judge(collected(tmp_path, PLANTED), RULES)]
    assert {card.severity for card in cards(judged, at_least="critical")} == {"critical"}
    late = cards(judged, since="2099-01-01T00:00:00Z")
    assert "/usr/lib/cache" not in {card.about for card in late if "program-foreign" in card.rules}


def stopgap(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([forkserver.stopgap(), *words], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    collected(tmp_path / "web" / "s", PLANTED)
    return tmp_path / "web"


def test_the_first_screen_has_the_ten_worst_and_says_how_to_see_the_others(evidence: Path) -> None:
    said = stopgap(evidence, "evidence", "findings", ".").stdout
    first, _, rest = said.partition("\n\n")
    assert first.splitlines()[0].startswith("42 things to look at: 41 critical")
    assert first.count("stopgap evidence cat ") == FIRST
    assert f"… {42 - FIRST} more; --all shows each" in first
    assert "web/s: " in rest


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("deep", [1, 9])
def test_the_first_screen_fits_into_24_lines_of_80_columns_and_cuts_no_command(
    tmp_path: Path, language: str, deep: int
) -> None:
    site = "/var/www/html" + "/a-directory-of-some-length" * deep
    planted = PLANTED | {"web-code": {f"{site}/{n}.php": "<?php eval($_POST[1]);\n" for n in range(40)}}
    collected(tmp_path / "web" / "s", planted)
    said = stopgap(tmp_path, "--lang", language, "evidence", "findings", "web").stdout
    first = said.partition("\n\n")[0].splitlines()
    assert sum(-(-cell_len(line) // 80) for line in first) <= 23
    assert all(cell_len(line) <= 80 for line in first if "stopgap evidence" not in line)
    commands = [line.strip() for line in first if "stopgap evidence" in line]
    assert len(commands) >= 4
    assert sum(line.endswith(".php") for line in commands) >= 3


def test_the_command_of_a_card_shows_the_thing(evidence: Path) -> None:
    said = stopgap(evidence, "evidence", "findings", str(evidence), "--severity", "critical").stdout
    commands = [
        shlex.split(line)[1:] for line in said.splitlines() if line.strip().startswith("stopgap evidence cat")
    ]
    shown = {stopgap(evidence, *words).stdout for words in commands}
    assert "<?php eval($_POST[1]);\n" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [(("--host", "mail"), "holds no evidence of mail; it does of web"), (("--since", "noon"), "noon")],
)
def test_a_host_or_time_that_is_none_is_refused(evidence: Path, words: tuple[str, str], says: str) -> None:
    done = stopgap(evidence, "evidence", "findings", str(evidence), *words)
    assert done.returncode == 2
    assert says in done.stderr


def test_what_a_list_of_checksums_or_a_clean_twin_knows_raises_nothing(evidence: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.md5"
    known.write_text(f"{hashlib.md5(b'<?php eval($_POST[1]);' + bytes([10])).hexdigest()}  any/name.php\n")
    collected(tmp_path / "twin" / "s", {"cron": PLANTED["cron"], "units": PLANTED["units"]})
    without = stopgap(evidence, "evidence", "findings", str(evidence), "--baseline", str(known)).stdout
    assert without.splitlines()[0].startswith("2 things to look at: 1 critical")
    twin = stopgap(evidence, "evidence", "findings", str(evidence), "--baseline", str(tmp_path / "twin")).stdout
    assert "mechanism-scheduled" not in twin
    assert "program-foreign" in twin


def test_a_baseline_that_holds_nothing_is_refused(evidence: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("no sums\n")
    for given in (str(tmp_path / "empty"), "mail"):
        done = stopgap(evidence, "evidence", "findings", str(evidence), "--baseline", given)
        assert (done.returncode, "one of web" in done.stderr) == (2, True)
