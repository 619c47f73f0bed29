"""YAML as an operator writes it: plain data with positions, and problems instead of crashes."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stopgap.orchestrator.source import InvalidInput, Position, Problem, did_you_mean, nodes, parse, read
from stopgap.orchestrator.source.document import MAX_BYTES


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("null", None),
        ("", None),
        ("42", 42),
        ("-1.5", -1.5),
        ("1e3", 1000.0),
        ("0644", "0644"),
        ("0x1F", "0x1F"),
        ("12:30:45", "12:30:45"),
        ("2026-11-25", "2026-11-25"),
        ("203.0.113.10", "203.0.113.10"),
        ("2001:db8::10", "2001:db8::10"),
        ("1_000", "1_000"),
        ("9" * 30, "9" * 30),
        (".inf", ".inf"),
        ('"42"', "42"),
        ("!!str 42", "42"),
    ],
)
def test_scalars_are_those_of_yaml_1_2_without_its_traps(text: str, value: object):
    parsed = parse(f"key: {text}\n", "f").data["key"]
    assert parsed == value
    assert type(parsed) is type(value)


def test_keys_are_text_as_written():
    assert parse("{on: 1, 80: 2, true: 3, ~: 4}", "f").data == {"on": 1, "80": 2, "true": 3, "~": 4}


def test_every_part_knows_its_place():
    document = parse("steps:\n  - task: mta.stop\n    with: {a: [x, y]}\n", "f")
    assert document.value(("steps", 0)) == Position(2, 5)
    assert document.key(("steps", 0, "task")) == Position(2, 5)
    assert document.value(("steps", 0, "task")) == Position(2, 11)
    assert document.value(("steps", 0, "with", "a", 1)) == Position(3, 19)


def test_a_place_that_the_data_lacks_is_that_of_what_surrounds_it():
    document = parse("a:\n  b: 1\n", "f")
    assert document.value(("a", "b", "int", "c")) == document.value(("a", "b")) == Position(2, 6)


def test_columns_count_characters_and_a_byte_order_mark_is_none():
    assert parse("\ufeffあ: い\n", "f").value(("あ",)) == Position(1, 4)


def test_an_alias_stands_for_its_value():
    assert parse("a: &x [1, 2]\nb: *x\n", "f").data == {"a": [1, 2], "b": [1, 2]}


def test_several_problems_of_one_file_come_at_once():
    with pytest.raises(InvalidInput) as caught:
        parse("a: 1\na: 2\nb: !x y\n<<: {}\n", "f")
    assert [p.position for p in caught.value.problems] == [Position(2, 1), Position(3, 4), Position(4, 1)]


def test_a_problem_reads_as_compilers_write_it():
    problem = Problem("f.yaml", "unknown key 'a'", Position(3, 5), "one of b", "did you mean b?")
    assert str(problem) == "f.yaml:3:5: unknown key 'a'\n  expected one of b\n  hint: did you mean b?"


def test_what_a_file_holds_cannot_reach_the_terminal():
    with pytest.raises(InvalidInput) as caught:
        parse('a: 1\n"\\e[2J\\u202e": 2\n"\\e[2J\\u202e": 2\n', "f")
    assert str(caught.value).isprintable() or "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


def test_the_nearest_word_is_named_and_a_far_one_is_not():
    assert did_you_mean("Upstrem", ["spare", "upstream"]) == "did you mean upstream?"
    assert did_you_mean("xyzzy", ["spare", "upstream"]) is None


@pytest.mark.parametrize(
    "content", [b"", b"a: \xff\n", b"a" * (MAX_BYTES + 1), b"\xfe\xff\0a", "あ".encode() * 400_000]
)
def test_a_file_that_is_no_text_for_us_is_a_problem(tmp_path: Path, content: bytes):
    path = tmp_path / "f.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput):
        read(path)


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path):
    for path in (tmp_path, tmp_path / "absent", Path("\0")):
        with pytest.raises(InvalidInput, match="cannot be read"):
            read(path)


YAML_PIECES = st.lists(
    st.sampled_from(
        [
            *"abc:-?&*!|>%@`'\"#,[]{} \n\t~\\0",
            ": ",
            "- ",
            "\n  ",
            "&a ",
            "*a",
            "!!str ",
            "<<: ",
            "---\n",
            "%YAML 1.1\n",
        ]
    ),
    max_size=60,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(), YAML_PIECES, st.text(st.characters(exclude_categories=()), max_size=30)))
def test_no_text_raises_anything_but_invalid_input(text: str):
    try:
        parse(text, "f")
    except InvalidInput as error:
        assert error.problems
        assert str(error)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_invalid_input(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(content)
    try:
        read(path)
    except InvalidInput as error:
        assert error.problems


def shipped_documents() -> list[Path]:
    root = Path(__file__).parents[2]
    return [
        path for name in ("runbooks", "rules", "artifacts", "inventories") for path in (root / name).glob("*.yaml")
    ]


def unreported(*_: object) -> None:
    """Take a problem that the test has no use for."""


def nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)


@pytest.mark.parametrize("path", shipped_documents(), ids=lambda path: path.name)
def test_both_parsers_read_a_sound_document_the_same(path: Path) -> None:
    text = path.read_text()
    assert nodes._composed_by_libyaml(text) == nodes._composed(text, unreported) is not None


@example({"\x85": None, "a\u2028b": "\u2029"})
@given(st.recursive(st.text(max_size=8) | st.integers() | st.none() | st.booleans(), nested, max_leaves=12))
def test_both_parsers_agree_wherever_libyaml_takes_a_document(value: object) -> None:
    for text in (json.dumps(value, ensure_ascii=False), yaml.safe_dump(value, allow_unicode=True)):
        fast = nodes._composed_by_libyaml(text)
        assert fast in (None, nodes._composed(text, unreported))
