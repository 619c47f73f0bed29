"""What a host sent is escaped by its type, at the one place that prints: once, and nothing is left out."""

from __future__ import annotations

import io
import json
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from rich.console import Console

from stopgap.orchestrator.cli import screen
from stopgap.orchestrator.cli.canvas import Canvas
from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.hosttext import EscapedLine, EscapedText, escape
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.template import render_file

from .bench import Bench
from .story import hostile_records, hostile_story

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
TEXTS = st.text(
    st.one_of(
        st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"]),
        st.sampled_from("\x1b\x07\x9b\u202e\u2066\u200b\ufeff\udc9b\\\n\r\t"),
        st.characters(),
    ),
    min_size=1,
    max_size=30,
)
STORED = TEXTS.map(lambda text: text.replace("\0", " ").encode("utf-8", "replace").decode())
"""What a record of an earlier version may hold: any text without lone surrogates; no NUL, as in any command."""
UNTIMED = settings(deadline=None)
FEW = settings(max_examples=15, deadline=None)


def hidden(text: str) -> list[str]:
    """Give the characters that a person does not see, or that move what a person sees; line ends are the writer's."""
    return [character for character in text.replace("\n", "") if unicodedata.category(character) in HIDDEN]


@UNTIMED
@given(TEXTS)
def test_a_line_on_the_terminal_has_no_character_that_is_not_seen(text: str) -> None:
    written = io.StringIO()
    shown = screen.Screen(written)
    shown.line(text, "bad")
    shown.lines([text, f"+{text}"], indent="  ", diff=True)
    shown.prompt(text)
    shown.line()
    assert hidden(written.getvalue()) == []
    assert len(written.getvalue().splitlines()) == 4


@UNTIMED
@given(TEXTS)
def test_nothing_is_escaped_twice_however_many_hands_it_goes_through(text: str) -> None:
    class Told(BaseModel):
        line: EscapedLine
        lines: EscapedText

    told = Told(line=text, lines=text)
    assert told.line == Told.model_validate_json(told.model_dump_json()).line == escape(text)
    for said in (text, told.line, str(Error(told.line))):
        written = io.StringIO()
        screen.Screen(written).line(said.replace("\t", ""))
        assert written.getvalue() == escape(text.replace("\t", "") if said == text else said.replace("\t", "")) + "\n"


@UNTIMED
@given(TEXTS)
def test_the_text_of_an_error_harms_no_terminal_that_a_program_prints_it_on(text: str) -> None:
    assert set(hidden(str(Error(text)))) <= {"\t"}


@UNTIMED
@given(TEXTS)
def test_a_page_and_a_letter_show_every_character(text: str) -> None:
    values = {
        "contact": text, "site": text, "revision": text, "since": None, "next_word": None, "updates": None,
        "telephone": text, "dialled": "", "orders": None, "payments": None,
        "messages": {"en": [text]}, "languages": ("en",),
    }  # fmt: skip
    for name in ("web/maintenance.html", "web/maintenance.txt"):
        assert set(hidden(render_file(name, values))) <= {"\t"}


@FEW
@given(text=STORED)
@pytest.mark.parametrize(
    "words",
    [
        ["show", "last"],
        ["runs"],
        ["status", "--offline"],
        ["watch", "last"],
        ["report", "last", "--format", "md"],
        ["report", "last", "--lang", "ja"],
        ["report", "last", "--manual", "--format", "md"],
        ["show", "last", "--json"],
        ["report", "last", "--json"],
    ],
    ids=" ".join,
)
def test_no_command_prints_what_is_not_seen(bench: Bench, words: list[str], text: str) -> None:
    first, records = hostile_records(text)
    with Journal.open(bench.top / "home") as journal:
        run = journal.begin(first)
        journal.append(run, *records)
    status, out, err = bench.stopgap(*[run if word == "last" else word for word in words])
    assert set(hidden(out + err)) <= {"\t"}, "a command to paste keeps its tabs"
    assert out, (status, err)
    if "--json" in words:
        assert json.loads(out)


@FEW
@given(text=STORED)
def test_the_live_view_prints_through_the_same_place(text: str) -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=100, height=60, highlight=False, markup=False)
    canvas = Canvas("q leaves", console)
    canvas.open()
    canvas.draw(hostile_story(text), [])
    canvas.close()
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.getvalue())
    assert hidden(plain.replace("\r", "")) == []
