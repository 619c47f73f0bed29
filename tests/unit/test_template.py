"""Templates: sandboxed, strict about names, and closed to what a host sent."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError, TemplateNotFound

from stopgap.orchestrator import template
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.template import render_file


@pytest.fixture(autouse=True)
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(template, "folder", lambda _: tmp_path)
    template._environment.cache_clear()
    yield tmp_path
    template._environment.cache_clear()


def test_html_is_escaped_and_text_is_not(templates: Path):
    (templates / "page.html").write_text("<p>{{ contact }}</p>\n")
    (templates / "letter.txt").write_text("{{ contact }}\n")
    assert render_file("page.html", {"contact": "<b>"}) == "<p>&lt;b&gt;</p>\n"
    assert render_file("letter.txt", {"contact": "<b>"}) == "<b>\n"
    assert render_file("letter.txt", {"contact": "<b>"}, autoescape=True) == "&lt;b&gt;\n"


def test_a_name_without_a_value_is_an_error(templates: Path):
    (templates / "t.txt").write_text("{{ contct }}")
    with pytest.raises(UndefinedError, match="contct"):
        render_file("t.txt", {"contact": "x"})


@pytest.mark.parametrize("source", ["{{ said }}", "nothing of it"])
@pytest.mark.parametrize("said", [HostText(b"x"), [HostText(b"x")], {"k": (HostText(b"x"),)}])
def test_host_text_is_refused_however_deep_it_lies(templates: Path, source: str, said: object):
    (templates / "t.txt").write_text(source)
    with pytest.raises(TypeError, match="host"):
        render_file("t.txt", {"said": said})


@pytest.mark.parametrize("source", ["{{ o.said }}", "{{ o.said.raw }}", "{{ o.said | upper }}"])
def test_host_text_is_refused_behind_an_attribute(templates: Path, source: str):
    (templates / "t.txt").write_text(source)
    with pytest.raises((SecurityError, TypeError)):
        render_file("t.txt", {"o": SimpleNamespace(said=HostText(b"x"))})


def test_a_template_reaches_neither_python_nor_files_outside(templates: Path):
    (templates / "t.txt").write_text("{{ ''.__class__.__mro__ }}")
    with pytest.raises(SecurityError):
        render_file("t.txt", {})
    with pytest.raises(TemplateNotFound):
        render_file("../secret.txt", {})


def test_a_compiled_template_is_kept_and_made_anew_when_its_source_changes(
    templates: Path, monkeypatch: pytest.MonkeyPatch
):
    kept = templates / "__pycache__"
    kept.mkdir()
    monkeypatch.setattr(template, "__file__", str(templates / "template.py"))
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    (templates / "t.txt").write_text("one")
    assert [render_file("t.txt", {}), len([*kept.iterdir()])] == ["one", 1]
    template._environment.cache_clear()
    (templates / "t.txt").write_text("two")
    assert [render_file("t.txt", {}), len([*kept.iterdir()])] == ["two", 1]


@pytest.mark.parametrize("lacks", ["folder", "leave to write"])
def test_a_template_is_rendered_where_no_bytecode_can_be_kept(
    templates: Path, monkeypatch: pytest.MonkeyPatch, lacks: str
):
    monkeypatch.setattr(template, "__file__", str(templates / "nowhere" / "template.py"))
    monkeypatch.setattr("sys.dont_write_bytecode", lacks == "leave to write")
    (templates / "t.txt").write_text("one")
    assert render_file("t.txt", {}) == "one"
    assert [path.name for path in templates.iterdir()] == ["t.txt"]
