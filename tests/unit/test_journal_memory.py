"""Records that were read share what they have in common, and remain as strict and as separate as before."""

from __future__ import annotations

import pytest

from stopgap.orchestrator.journal.chain import GENESIS, Row, canonical_record, chain_problems, entry, link
from stopgap.orchestrator.journal.records import CheckJudged

AT = "2026-11-20T00:00:00.000000Z"
LOOK = CheckJudged(step="cut", target="web", vantage="isp", about="port 80", holds=True, seen="no answer")


def row(text: str) -> Row:
    return Row(0, AT, text, link(GENESIS, "run", 0, AT, text))


def test_records_of_the_same_fields_share_names_and_texts_and_a_copy_has_its_own() -> None:
    one, other = (entry(row(canonical_record(LOOK))).record for _ in range(2))
    assert isinstance(one, CheckJudged)
    assert isinstance(other, CheckJudged)
    assert one == other == LOOK
    assert one.__pydantic_fields_set__ is other.__pydantic_fields_set__
    assert one.target is other.target
    before = set(other.model_fields_set)
    copied = one.model_copy(update={"seen": "an answer"})
    assert copied.model_fields_set == before | {"seen"}
    assert (other.seen, other.model_fields_set) == ("no answer", before)


@pytest.mark.parametrize("wrong", [" {}", "{} ", "{}{}", "{}\n", '{"a": 1}', '{"b":1,"a":2}', "", "{", '"\u00e9"'])
def test_text_that_is_not_canonical_is_told_whatever_its_hash(wrong: str) -> None:
    assert [str(problem) for problem in chain_problems("run", [row(wrong)])] == ["record 0: not as Stopgap writes it"]


@pytest.mark.parametrize("value", ["plain", 'a "quoted" \\ one', "é \udc80 \u2028", "\x00\x7f"])
def test_hash_covers_the_run_and_the_time_as_json(value: str) -> None:
    assert link(GENESIS, value, 0, value, "{}") != link(GENESIS, "other", 0, value, "{}")
