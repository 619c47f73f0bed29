"""Texts for readers: templates in each language and on disk; no sentence reaches a reader without a template."""

import ast
import importlib.util
import pickle
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.journal.chain import Row, canonical_record, entry
from stopgap.orchestrator.journal.records import StepFinished
from stopgap.orchestrator.language import catalogue, reader_language, rendered
from stopgap.orchestrator.task import Note
from stopgap.orchestrator.text import Text, filled, joined, moment_text, names, tr, trn

ROOT = Path(__file__).parents[2]
CODE = sorted(path for folder in ("orchestrator", "tasks") for path in (ROOT / folder).rglob("*.py"))
SENTENCE = re.compile(r"[A-Za-z]{2,}[,:;]? [a-z]{2,}")
TELLING = {
    "Refused",
    "Unplannable",
    "Unfit",
    "Note",
    "Gap",
    "Unlimited",
    "Judgement",
    "CheckJudged",
    "Ended",
    "Applied",
}
"""What is called with words that a reader gets, beside every error."""
TOLD = {"reason", "about", "undo_about", "detail", "hint"}
"""Arguments that hold such words, whatever is called."""
OWN_WORDS = {"TypeError", "KeyError", "LookupError", "AssertionError", "RuntimeError", "NoAnswerError"}
"""Errors for whoever writes a program."""
ENGLISH = {"Artifact"}
"""What is called with words that stay English: a manifest is the same for every reader."""
PAGES = {"tasks/traffic/capabilities.py"}
"""Pages of tasks, in English as the docstrings beside them."""
ENGLISH_ROOMS = (
    "orchestrator/cli/catalogue.py",
    "orchestrator/cli/driver_check.py",
    "orchestrator/cli/fabric_tasks.py",
    "orchestrator/cli/sarif.py",
    "orchestrator/facts/",
    "orchestrator/findings/",
    "orchestrator/inventory/",
    "orchestrator/runbook/",
    "orchestrator/source/",
    "orchestrator/template.py",
    "orchestrator/toolkit.py",
    "orchestrator/shell.py",
    "orchestrator/resources.py",
    "orchestrator/registry.py",
    "orchestrator/remote/driver_check.py",
)
"""What is wrong in a file, and where: said in English so far."""


def scripts_messages() -> ModuleType:
    """`scripts/messages` as a module."""
    loader = SourceFileLoader("scripts_messages", str(ROOT / "scripts" / "messages"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def words(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def untold(node: ast.expr) -> Iterator[str]:
    """Sentences in an expression that no `tr` holds; what a call makes of its arguments is the call's affair."""
    if SENTENCE.search(words(node)):
        yield f"{node.lineno}: {words(node)[:80]}"
    elif isinstance(node, ast.IfExp):
        yield from (*untold(node.body), *untold(node.orelse))
    elif isinstance(node, ast.BinOp | ast.BoolOp):
        for part in (node.left, node.right) if isinstance(node, ast.BinOp) else node.values:
            yield from untold(part)


def bare_sentences(tree: ast.AST) -> Iterator[str]:
    """Sentences for readers without a template: line and words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = called(node)
            if name in ENGLISH:
                continue
            telling = name in TELLING or (name.endswith("Error") and name not in OWN_WORDS)
            given_ = [*(node.args if telling else ()), *(k.value for k in node.keywords if k.arg in TOLD or telling)]
            for argument in given_:
                yield from untold(argument)
        elif isinstance(node, ast.FunctionDef) and node.name in {"describe", "describe_undo"}:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from untold(inner.value)


@pytest.mark.parametrize("room", sorted({path.relative_to(ROOT).parts[:2] for path in CODE}), ids="/".join)
def test_no_sentence_reaches_a_reader_without_a_template(room: tuple[str, ...]) -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{found}"
        for path in CODE
        if path.relative_to(ROOT).parts[:2] == room
        and str(path.relative_to(ROOT)) not in PAGES
        and not str(path.relative_to(ROOT)).startswith(ENGLISH_ROOMS)
        for found in bare_sentences(ast.parse(path.read_text()))
    ]
    assert not bare, 'say it with tr("… {name} …", name=…) of stopgap.orchestrator.text (CONTRIBUTING.md)'


def test_an_f_string_for_a_reader_is_found() -> None:
    code = 'def plan(): yield Gap(text=f"{host} has no shell", at_best="partly" if a else "what lies beyond it")'
    assert list(bare_sentences(ast.parse(code))) == ["1: {} has no shell", "1: what lies beyond it"]
    assert not list(bare_sentences(ast.parse('raise Refused(tr("{host} has no shell", host=host))')))


def test_a_template_is_a_literal() -> None:
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and called(node) in {"tr", "trn"} and path.name != "text.py":
                count = 2 if called(node) == "trn" else 1
                assert all(isinstance(n, ast.Constant) for n in node.args[:count]), f"{path}:{node.lineno}"


def test_every_template_has_japanese_with_the_same_arguments() -> None:
    messages = scripts_messages()
    assert [fault for path in messages.catalogues() for fault in messages.faults(path)] == []


def test_a_template_without_japanese_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    messages = scripts_messages()
    (tmp_path / "here.py").write_text('tr("{host} is down", host=h); tr("gone"); trn("1 host", "{count} hosts", n)\n')
    catalogue_file = tmp_path / "templates/locale/ja/LC_MESSAGES/stopgap.po"
    catalogue_file.parent.mkdir(parents=True)
    catalogue_file.write_text('msgid "{host} is down"\nmsgstr "停止中"\n\nmsgid "never said"\nmsgstr "x"\n')
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    monkeypatch.setattr(messages, "PACKAGES", (".",))
    faults = [fault.partition(": ")[2] for fault in messages.faults(catalogue_file)]
    assert faults == [
        "other arguments than '{host} is down': '停止中'",
        "lacks 'gone': scripts/messages update",
        "lacks '1 host': scripts/messages update",
        "no code says 'never said': scripts/messages update",
    ]
    messages.update(catalogue_file)
    assert 'msgid_plural "{count} hosts"' in catalogue_file.read_text()
    assert "never said" not in catalogue_file.read_text()


@given(st.sampled_from(sorted(catalogue("ja"))), st.text(), st.integers())
def test_any_template_holds_any_argument_in_both_languages(template: str, odd: str, number: int) -> None:
    arguments = dict.fromkeys(names(template), odd) | {"count": number}
    text = Text(template, arguments)
    japanese = rendered(text, "ja")
    assert text == rendered(text, "en") == filled(template, arguments)
    assert japanese == filled(catalogue("ja")[template], arguments)
    assert all(odd in japanese for name in names(template) - {"count"})


def test_a_text_is_the_english_words_and_knows_its_template() -> None:
    text = tr("{path} is not there", path=Path("/srv"))
    assert isinstance(text, str)
    assert text == "/srv is not there"
    assert (text.template, text.arguments) == ("{path} is not there", {"path": "/srv"})
    assert rendered(text, "ja") == "/srv はありません"


def test_a_text_within_a_text_is_translated_too() -> None:
    text = tr("{process} is gone: {reason}", process="init", reason=tr("no answer"))
    assert rendered(text, "ja") == "init is gone: 応答なし"


def test_words_of_a_host_are_never_taken_for_a_template() -> None:
    text = tr("{path} is not there", path="{path} {0} %s no answer")
    assert rendered(text, "ja") == "{path} {0} %s no answer はありません"


def test_joined_texts_get_the_separator_of_the_language() -> None:
    text = joined(", ", [tr("web to {spare}", spare="203.0.113.20"), tr("also after a reboot")])
    assert text == "web to 203.0.113.20, also after a reboot"
    assert rendered(text, "ja") == "Web は 203.0.113.20 へ転送、再起動後も継続"
    assert rendered(tr("none") + ", " + tr("all"), "ja") == "なし, すべて"


def test_a_number_chooses_the_plural() -> None:
    text = [trn("{count} process", "{count} processes", count) for count in (1, 2)]
    assert text == ["1 process", "2 processes"]
    assert [rendered(each, "ja") for each in text] == ["1 個のプロセス", "2 個のプロセス"]


def test_a_date_is_written_as_the_reader_writes_dates() -> None:
    at = moment_text(datetime(2026, 11, 29, 0, 24, tzinfo=UTC))
    assert (at, rendered(at, "ja")) == ("Sun 29 Nov 00:24 UTC", "11 月 29 日（日）00:24 UTC")


def test_a_note_with_a_moment_stays_a_text() -> None:
    note = Note(text=tr("in force until {at}, then the rules are withdrawn", at="{at}"), after="PT1H")
    dated = note.dated(datetime(2026, 11, 29, tzinfo=UTC), moment_text)
    assert dated == "in force until Sun 29 Nov 01:00 UTC, then the rules are withdrawn"
    assert rendered(dated, "ja") == "11 月 29 日（日）01:00 UTC まで有効で、その後は規則が取り下げられます"


def test_escaping_errors_copies_and_pickles_keep_the_template() -> None:
    text = tr("{path} is not there", path="/srv\x1b[2J")
    assert escape(text) == "/srv\\x1b[2J is not there"
    assert rendered(escape(text), "ja") == "/srv\\x1b[2J はありません"
    assert rendered(str(RefusedError(text)), "ja").endswith(" はありません")
    assert pickle.loads(pickle.dumps(text)).template == text.template


def finished(**fields: object) -> StepFinished:
    return StepFinished(step="s", target="web", host="web", outcome="changed", **fields)


def read_back(stored: str) -> StepFinished:
    record = entry(Row(0, "2026-11-29T00:24:00.000000Z", stored, "0" * 64)).record
    assert isinstance(record, StepFinished)
    return record


def test_a_record_keeps_texts_and_its_fields_stay_english_words() -> None:
    at = moment_text(datetime(2026, 11, 29, tzinfo=UTC))
    note = tr("in force until {at}, then the rules are withdrawn", at=at)
    stored = canonical_record(finished(reason="as typed", notes=(note,), deadlines={note: "2026-11-29"}))
    assert f'"notes":["{note}"]' in stored
    back = read_back(stored)
    assert (back.reason, back.notes) == ("as typed", (note,))
    assert all(rendered(each, "ja").startswith("11 月") for each in (*back.notes, *back.deadlines))
    assert canonical_record(back) == stored


def test_a_record_of_an_earlier_version_is_english() -> None:
    stored = canonical_record(finished(reason="no answer"))
    assert '"texts"' not in stored
    assert rendered(read_back(stored).reason, "ja") == "no answer"


@pytest.mark.parametrize(
    "texts",
    [
        "[]", "{}", "null", "7", '[{"template":"{x}","arguments":{}}]', '[{"template":7,"arguments":{}}]',
        '[{"template":"x","arguments":[]}]', '[{"template":"x","arguments":{"a":null}}]', '["x"]',
        '[{"template":"another","arguments":{}}]',
    ],
)  # fmt: skip
def test_texts_of_a_record_that_are_none_leave_the_english_words(texts: str) -> None:
    stored = canonical_record(finished(reason=tr("no answer")))
    head, _, _ = stored.partition(',"texts":')
    assert rendered(read_back(f'{head},"texts":{texts}}}').reason, "ja") == "no answer"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "ja_JP.UTF-8", "STOPGAP_LANG": "en"}, "en"),
        ({"STOPGAP_LANG": "ja"}, "ja"),
        ({"LC_MESSAGES": "ja", "LANG": "en_GB.UTF-8"}, "ja"),
    ],
)
def test_the_reader_s_language_is_named_or_that_of_the_locale(environment: dict[str, str], language: str) -> None:
    assert reader_language(environment) == language


def test_a_language_that_stopgap_does_not_speak_is_told() -> None:
    with pytest.raises(UsageError, match="STOPGAP_LANG: no language `fr`; there are en, ja"):
        reader_language({"STOPGAP_LANG": "fr"})
