"""A duration has its unit written, wherever it stands."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopgap.orchestrator.duration import format_duration, parse_duration, read_duration
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.source import Unfit

MS, DAY = timedelta(milliseconds=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "hours"), [("72h", 72), ("3d", 72), ("1w", 168), ("1d12h", 36), ("60m", 1), ("3600s", 1), ("PT72H", 72),
                        ("P3D", 72), ("P1W", 168), ("P1DT12H", 36)],
)  # fmt: skip
def test_a_duration_is_read_with_its_units(text: str, hours: int) -> None:
    assert parse_duration(text) == timedelta(hours=hours)


@given(st.integers(min_value=1, max_value=3660 * DAY // MS))
def test_what_is_written_is_read_again(milliseconds: int) -> None:
    duration = milliseconds * MS
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("number", [72, 0, -1, 1.5, "72", "0", "1.5", "-72"])
def test_a_bare_number_is_refused(number: object) -> None:
    with pytest.raises(Unfit, match="has no unit"):
        read_duration(number)


def test_the_message_says_which_units_there_are() -> None:
    with pytest.raises(Unfit) as refused:
        read_duration(72)
    assert refused.value.hint == "write 72s for seconds or 72m for minutes or 72h for hours or 72d for days"


@pytest.mark.parametrize(
    ("text", "hint"),
    [("72 h", "72h"), ("72H", "72h"), ("72 hours", "72h"), ("1 day 2 hours", "1d2h"), ("７２ｈ", "72h"),
     ("72時間", "72h"), ("３０分", "30m"), ("5 min", "5m")],
)  # fmt: skip
def test_other_spellings_are_refused_with_what_was_meant(text: str, hint: str) -> None:
    with pytest.raises(Unfit) as refused:
        parse_duration(text)
    assert refused.value.hint == f"did you mean {hint}?"


@pytest.mark.parametrize(
    "text", ["", "h", "1x", "1m1h", "P", "PT", "P1M", "P1Y", "PT1.5H", "72h\n", "1h 2", "9999999w", "0h", "999999w",
             "soon", "72:00:00", "3 days, 1:00", "٧٢h"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Unfit):
        parse_duration(text)


@pytest.mark.parametrize("value", [True, None, [], {}, b"72h"])
def test_no_other_value_is_a_duration(value: object) -> None:
    with pytest.raises(Unfit):
        read_duration(value)


@pytest.mark.parametrize("name", sorted(tasks()))
def test_no_task_leaves_the_unit_of_a_duration_to_pydantic_or_to_its_description(name: str) -> None:
    schema = tasks()[name].Params.model_json_schema()
    assert '"format": "duration"' not in json.dumps(schema)
    for field, about in schema.get("properties", {}).items():
        assert about.get("type") != "number" or "second" not in about.get("description", "").lower(), field
