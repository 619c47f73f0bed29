"""What `stopgap evidence wire` shows of a capture, to a reader of either language and to a program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stopgap.orchestrator.cli import main
from stopgap.testing.collections import collected

SHOWN = {
    "en": [
        ("198.51.100.7  ", "443: every 12", "% off, 8 times"),
        ("203.0.113.10  ", "22: 3 addresses, since "),
        ("example.net  ", "9 questions, 1 names"),
        ("192.0.2.9  ", "port 22 ", "12 tries"),
    ],
    "ja": [
        ("198.51.100.7　", "443：12", "秒ごと", "8 回"),
        ("203.0.113.10　", "22：3 アドレスに応答"),
        ("example.net　", "問い合わせ 9 回"),
        ("192.0.2.9　", "ポート 22 ", "試行 12 回"),
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    packets = [
        "@-60 +12 x8 tcp 203.0.113.10:40000+ > 198.51.100.7:443 S",
        "@-50 +1 x9 udp 203.0.113.10:41000+ > 203.0.113.53:53 dns www.example.net",
        *(f"@-{40 - n} tcp 198.51.100.{20 + n}:50000 > 203.0.113.10:22 S" for n in range(3)),
        *(f"@-{39.9 - n} tcp 203.0.113.10:22 > 198.51.100.{20 + n}:50000 SA" for n in range(3)),
        "@-30 +1 x12 tcp 203.0.113.10:42000+ > 192.0.2.9:22 S",
    ]
    collected(tmp_path, {"packets": {"packets": packets}, "capture-scope": "target 203.0.113.10\n"})
    return tmp_path


@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_part_is_told_in_the_language_of_the_reader(
    folder: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    assert main(["evidence", "wire", str(folder), "--lang", language]) == 0
    lines = capsys.readouterr().out.splitlines()
    for words in SHOWN[language]:
        assert any(all(word in line for word in words) for line in lines), (words, lines)


def test_a_program_gets_a_row_a_line_and_a_letter_the_addresses_that_were_attacked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "wire", str(folder), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"wire-beacons", "wire-flows", "wire-victims", "wire-domains"} <= {row["of"] for row in rows}
    assert main(["evidence", "wire", str(folder), "--attacked"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["192.0.2.9"]
