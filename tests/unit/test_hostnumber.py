"""Numbers, moments and JSON from hosts: read as they stand, or not at all, and never at a cost that the host sets."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopgap.orchestrator.hostnumber import (
    MOST_DIGITS,
    MOST_NESTED,
    MOST_SECONDS,
    parse_decimal,
    parse_int,
    parse_json,
    parse_moment,
    parse_timestamp,
    to_moment,
)

NO_NUMBERS = ("", " ", "²", "٣", "1_000", " 7", "7 ", "7\n", "0x7", "-", "--1", "1e5", "nan", "inf", "9" * 5000)


@given(st.integers(0, 2**64 - 1))
def test_a_number_of_64_bits_is_read(number: int):
    assert parse_int(str(number)) == parse_int(str(number).encode()) == number
    assert parse_int(f"{number:x}", base=16) == number
    assert parse_int(f"-{number}", signed=True) == -number


@pytest.mark.parametrize("text", [*NO_NUMBERS, "-1", "+1", "1.5", "9" * (MOST_DIGITS + 1)])
def test_what_is_no_whole_number_is_none(text: str):
    assert parse_int(text) is None
    assert parse_int(text.encode()) is None


def test_a_number_has_as_many_digits_as_its_reader_allows():
    assert parse_int("00017", 5) == 17
    assert parse_int("000017", 5) is None
    assert parse_int("+12345", 5, signed=True) == 12345
    assert parse_int("123456", 5, signed=True) is None


@given(st.text() | st.binary())
def test_no_text_can_make_a_reader_raise(text: str | bytes):
    for read in (parse_int, parse_decimal, parse_timestamp):
        assert read(text) is None or math.isfinite(read(text) or 0)
    if isinstance(text, str):
        parse_moment(text)


@pytest.mark.parametrize("text", [*NO_NUMBERS, ".5", "5.", "1.2.3", "-nan"])
def test_what_is_no_decimal_is_none(text: str):
    assert parse_decimal(text) is None


def test_a_decimal_is_read():
    assert [parse_decimal(text) for text in ("7", "-1", "1795400090.25")] == [7.0, -1.0, 1795400090.25]


@pytest.mark.parametrize("text", ["-1", str(MOST_SECONDS + 1), "9" * 30, "1e9"])
def test_a_timestamp_that_no_calendar_has_is_none(text: str):
    assert parse_timestamp(text) is None


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan"), 1e300, MOST_SECONDS + 1.0])
def test_seconds_that_no_calendar_has_are_no_moment(seconds: float):
    assert to_moment(seconds) is None


def test_seconds_are_a_moment_in_utc():
    assert to_moment(MOST_SECONDS) == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "x", "", "2026-13-01"])
def test_a_moment_outside_the_calendar_is_none(text: str):
    assert parse_moment(text) is None


def test_a_moment_is_read_in_utc():
    wanted = datetime(2026, 11, 23, 2, 14, 46, 500000, tzinfo=UTC)
    for text in ("2026-11-23T11:14:46,5+09:00", "2026-11-23T02:14:46.500Z", "2026-11-23 02:14:46.5"):
        assert parse_moment(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "9" * 5000,
        '{"asn": ' + "9" * (MOST_DIGITS + 1) + "}",
        "1e999",
        "NaN",
        "[-Infinity]",
        "1." + "0" * 5000,
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        "[" * (MOST_NESTED + 1) + "1" + "]" * (MOST_NESTED + 1),
        '{"a":' * (MOST_NESTED + 1) + "1" + "}" * (MOST_NESTED + 1),
        "²",
        "",
        "[1",
        '"' + "x" * 100 + '"',
    ],
)
@pytest.mark.parametrize("as_bytes", [False, True])
def test_json_that_is_none_or_too_much_is_a_value_error(text: str, as_bytes: bool):
    with pytest.raises(ValueError):
        parse_json(text.encode() if as_bytes else text, most=1 << 20 if len(text) > 102 else 101)


def test_json_that_is_no_utf8_is_a_value_error():
    with pytest.raises(ValueError):
        parse_json(b'"\xff\xfe"')


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)  # fmt: skip
def test_other_json_is_read_as_the_standard_library_reads_it(document: object):
    assert parse_json(json.dumps(document)) == document


def test_json_may_be_nested_as_deep_as_is_said():
    text = "[" * MOST_NESTED + "]" * MOST_NESTED
    assert parse_json(text) == json.loads(text)


def test_json_of_many_shallow_lists_is_read():
    document = [{"rule": [number]} for number in range(10_000)]
    assert parse_json(json.dumps(document)) == document
