"""What all tables need of a collection is read once, and each of them is told what was not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from stopgap.orchestrator.evidence.meter import Meter
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.tables.body import _numbers, _odd_numbers

from .collection import collected

DIGEST = "d41d8cd98f00b204e9800998ecf8427e  usr/bin/true\n"


def test_each_reader_hears_of_damage_though_one_alone_reads(tmp_path: Path) -> None:
    found = collected(tmp_path, {"package-digests": DIGEST})
    read: list[CollectionReader] = []

    def lines(of: CollectionReader) -> int:
        read.append(of)
        of.meter.damage("a block")
        of.meter.leave_out("a line")
        return len(list(of.lines("package-digests")))

    meters = [Meter(), Meter()]
    assert [found.metered(meter).once("mine", lines) for meter in meters] == [1, 1]
    assert len(read) == 1
    assert [(meter.damaged, meter.left_out) for meter in meters] == [(("a block",), ("a line",))] * 2


def test_a_reading_that_ended_early_is_made_again(tmp_path: Path) -> None:
    found = collected(tmp_path, {"package-digests": DIGEST})

    def over() -> None:
        raise TimeoutError

    def lines(of: CollectionReader) -> int:
        of.meter.read(1 << 20)
        return len(list(of.lines("package-digests")))

    with pytest.raises(TimeoutError):
        found.metered(Meter(over)).once("mine", lines)
    assert found.metered(Meter()).once("mine", lines) == 1


@pytest.mark.parametrize(
    "numbers",
    [
        "0|0|12|1795400090.25|1795400090|0|0",
        "1000|50|999999999999999999|99999999999.999999999|1.5|2|3",
        "-1|0|12|1795400090.25|1|0|0",
        "0|0|12|1e5|nan|-1|0",
        "0|0|12|253402300800|99999999999999|+7|7.",
        "0|0||1|1|1|1",
        "٣|0|1|1|1|1|1",
    ],
)
def test_numbers_read_in_one_go_are_those_read_one_by_one(numbers: str) -> None:
    text = f"0|/etc/x|-rw-r--r--|{numbers}"
    plain = _numbers(text, len(text) - len(numbers))
    assert plain in {None, _odd_numbers(numbers.split("|"))}


def test_a_line_as_stat_writes_it_is_read_in_one_go() -> None:
    text = "0|/etc/x|-rw-r--r--|0|0|12|1795400090.250000000|1795400090.0|1795400090.5|0"
    assert _numbers(text, text.index("|0|0|12|") + 1) is not None
