"""Every template, filled with what a hostile host, customer or visitor might have written: it stays text.

Each file below `templates/` is rendered here through the code that uses it, or named as holding nothing to fill in: a
new one that is neither fails the first test.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ValidationError

from stopgap.orchestrator.change import PathChange
from stopgap.orchestrator.facts import FileFact, TextsFact
from stopgap.orchestrator.host import CONTROLLER, Host, Scene
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.details import IncidentDetails
from stopgap.orchestrator.journal.incident_records import ActionAdded, ActionDone
from stopgap.orchestrator.journal.incidents import Action, Incident, Told
from stopgap.orchestrator.journal.records import (
    Answered,
    AnyRecord,
    Asked,
    FindingNoted,
    FindingsMade,
    MessageIntended,
    MessagePosted,
    RunFinished,
)
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.post.file import written
from stopgap.orchestrator.post.smtp import compose
from stopgap.orchestrator.post.webhook import payload
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.report import in_form, report
from stopgap.orchestrator.report.duties import draft, duty_standings
from stopgap.orchestrator.report.guide import guide_text
from stopgap.orchestrator.report.incident import build_incident
from stopgap.orchestrator.report.manual import manual
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.task import Unplannable
from stopgap.tasks.people.customers import CustomersNotify
from stopgap.tasks.people.letter import LetterCompose
from stopgap.tasks.people.provider import ProviderNotify
from stopgap.tasks.web.layout import Facts
from stopgap.tasks.web.own_server import serve
from stopgap.tasks.web.page import TEXT, configuration, html, pages
from stopgap.tasks.web.params import Params
from stopgap.tasks.web.replaced import REPLACED, Replaced

from .story import CUT, FOUND, KEPT, START, hostile_story, look, started, step, told

TEMPLATES = folder("templates")
INERT = (
    "report/words.jinja", "report/manual-words.jinja", "report/manager-words.jinja", "web/words.jinja",
    "report/style.css",
)  # fmt: skip
INERT_KINDS = ("schema/*.json", "locale/*/LC_MESSAGES/*.po", "serve/*")
"""Words of ours, which nothing is filled into; the page of `stopgap serve` is filled by `test_serve_pages.py`."""

HOSTILE = {
    "markup": "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": "\" onmouseover=alert(1) x='' href=javascript:alert(1) ",
    "entity": "&lt;b&gt; &#60;script&#62;",
    "header": "x\r\nBcc: victim@example.org\r\nContent-Type: text/html\r\n\r\n<b>",
    "end of a mail": "x\n.\nQUIT\nMAIL FROM:<a@example.org>",
    "template": "{{ 7*191 }}{% include 'web/words.jinja' %}{# #}${7*191}#{7*191}<%= 7*191 %>",
    "format": "%(target)s %s %n {0} {name!r}",
    "direction": "\u202egnp.exe\u2066\u200f\u061c",
    "invisible": "a\u200b\u00ad\ufeff\u2060b",
    "separators": "a\u2028b\u2029c\x85d\x0b\x0c",
    "nul": "a\x00b",
    "terminal": "\x1b]0;owned\x07\x1b[2J\x9b31m\x08\x7f",
    "formula": "=cmd|'/C calc'!A0",
    "formula of at": "@SUM(1+1)*HYPERLINK(\"http://evil.example\")",
    "markdown": "![x](http://evil.example/x) [y](javascript:alert(1)) `c` | d\n# e\n```\n<script>",
    "long": "A" * 200_000,
    "one long word of wide signs": "改" * 9_000,
    "bytes": "lone \udcff surrogate",
    "configuration": "x\"\n</If>\nLoadModule evil /tmp/evil.so\nInclude /etc/shadow\n%{file:/etc/shadow}",
    "shell": "'; rm -rf / #$(id)`id`",
}  # fmt: skip
_MOST = 1_500_000
"""Characters that a paper has at most, whatever was written into it."""


_FIELDS = (
    *("reporter", "organisation", "phone", "incident", "service", "seen", "customer", "provider_name", "recipient"),
    *("known", "unknown", "measures", "imitates", "people", "url"),
)
"""Of letters, where somebody writes something."""


@dataclass(frozen=True)
class Rendered:
    """What came of a template: of which kind, and the text."""

    kind: Literal["html", "markdown", "text", "mail", "json", "conf", "vcl"]
    text: str


def fitting(model: type[BaseModel], base: Mapping[str, Any], hostile: Mapping[str, Any]) -> Any:
    """Make parameters of everything hostile that is not refused; what is refused cannot reach a template."""
    accepted = dict(base)
    for name, value in hostile.items():
        try:
            model.model_validate({**base, name: value})
        except ValidationError:
            continue
        accepted[name] = value
    return model.model_validate(accepted)


def host(text: str) -> Host:
    return Host(name=text, address="203.0.113.10", upstream=text, spare=text)


def letters(name: str, language: str) -> Callable[[str], Iterator[Rendered]]:
    """Render a letter as its task does, in one language, and let every postman have it."""

    def render(text: str) -> Iterator[Rendered]:
        lines = dict.fromkeys(_FIELDS, text)
        base: dict[str, Any] = {"contact": "noc@example.jp", "languages": [language]}
        smtp = {"kind": "smtp", "host": "mail.example.jp"}
        scene = Scene(target=host(text[:200]), on=CONTROLLER)
        for message in _messages(name, text, base, lines, smtp, scene):
            yield Rendered("mail", compose(message, "noc@example.jp").as_string())
            yield Rendered("json", payload(message).decode())
            yield Rendered("text", written(message))
            yield Rendered("text", "\n".join(message.preview()))

    return render


def _messages(
    name: str, text: str, base: dict[str, Any], lines: dict[str, str], smtp: dict[str, str], scene: Scene
) -> Iterator[Message]:
    task: Any
    facts: dict[str, Any] = {}
    if name == "provider":
        task = ProviderNotify()
        given: dict[str, Any] = {
            **lines,
            "done": [{"what": text, "outcome": "changed"}],
            "block_request": f"/tmp/{text[:200]}",
        }
        base |= {"provider": "noc@provider.example", "via": smtp, "ask": ["drop", "page", "spare", "charges"]}
        facts["block_request"] = FileFact(kind="file", content=text[:1000].encode("utf-8", "surrogateescape"))
    elif name == "customers":
        task = CustomersNotify()
        given = {**lines, "message": {"en": text[:8000], "ja": text[:8000]}}
        base |= {"service": "shop", "service_ja": "店", "csv": "/tmp/c.csv", "via": smtp}
        quoted = text.replace('"', '""')
        rows = f'email,name,language\na@example.org,"{quoted}",{text[:20]!r}\n"{quoted}",x,en\n'
        facts["csv"] = FileFact(kind="file", content=rows.encode("utf-8", "surrogateescape"))
    else:
        task, given = LetterCompose(), dict(lines)
        base |= {"kind": name, "recipient": "JPCERT/CC", "aware_at": "2026-11-23T10:00+09:00"}
        base |= {"url": "https://203.0.113.10/bank/"} if name == "phishing" else {}
    params = fitting(task.Params, base, given)
    try:
        planned = list(task.plan(params, task.Facts.model_validate(facts), scene))
    except (Unplannable, ValidationError):  # A host whose name ends its line gets no letter; no inventory has one.
        named = Scene(target=host("web"), on=CONTROLLER)
        try:
            planned = list(task.plan(params, task.Facts.model_validate(facts), named))
        except Unplannable:
            return
    yield from (each for each in planned if isinstance(each, Message))


def web_pages(text: str) -> Params:
    hostile = {"site": text, "contact": text, "message": {"en": text, "ja": text}, "error_document_url": text}
    hostile |= {"certificate": text, "key": text, "since": text}
    params: Params = fitting(Params, {"contact": "noc@example.jp"}, hostile)
    return params


def page(text: str) -> Iterator[Rendered]:
    files = pages(web_pages(text)).files
    yield from (Rendered("html", files[html(language)]) for language in ("en", "ja"))


def plain(text: str) -> Iterator[Rendered]:
    yield Rendered("text", pages(web_pages(text)).files[TEXT])


def apache(mode: str) -> Callable[[str], Iterator[Rendered]]:
    def render(text: str) -> Iterator[Rendered]:
        yield Rendered("conf", configuration(web_pages(text).model_copy(update={"mode": mode})))

    return render


def replaced(server: Replaced) -> Callable[[str], Iterator[Rendered]]:
    def render(text: str) -> Iterator[Rendered]:
        params = web_pages(text).model_copy(update={"mode": "strong"})
        params = params.model_copy(update={"key": params.certificate})
        if not server.https:
            params = params.model_copy(update={"certificate": None, "key": None})
        hostile = FileFact(
            kind="file", content=f'user {text};\nserver.username = "{text}"\n'.encode("utf-8", "replace")
        )
        block = f"server {{ server_name {text}; ssl_certificate {text}; ssl_certificate_key {text}; }}"
        site = FileFact(kind="file", content=f"bind :443 ssl crt {text}\n{block}".encode("utf-8", "replace"))
        texts = TextsFact(files={server.main: site, "/etc/nginx/sites-enabled/x": site})
        for each in (params, params.model_copy(update={"certificate": None, "key": None})):
            yield Rendered("vcl" if server.name == "Varnish" else "conf", server.configuration(each, hostile, texts))

    return render


def own_server(text: str) -> Iterator[Rendered]:
    for planned in serve(web_pages(text), Facts()):
        if isinstance(planned, PathChange) and planned.path.endswith(".service"):
            yield Rendered("conf", planned.after.text() or "")


def story(text: str) -> History:
    """A run in which everything that a person or a host can have written is the text."""
    question = Question(text=text, reason=text, text_ja=text, reason_ja=text)
    noted = FindingNoted(
        id="x",
        severity="critical",
        title=text,
        count=2,
        first=text,
        times=("2026-11-23T00:00:00Z", text),
        tags=(text,),
    )
    key, place = "0" * 64, {"step": "cut-off", "target": "web"}
    records: list[AnyRecord] = [
        *CUT,
        KEPT,
        FindingsMade.model_validate(FOUND.model_dump() | {"findings": [noted], "host": text}),
        Asked(**place, question=question),
        Answered(**place, question=text, answer=text, by=text),
        MessageIntended(**place, key=key, about=text, to=text, way=text, subject=text, text=text),
        MessagePosted(**place, key=key, to=text, outcome="unknown", detail=text),
        *step(
            "page", "spare", text, text, look(text, text, None, step="page", seen=text), reason=text, notes=(text,)
        ),
        *(entry.record for entry in hostile_story(text.replace("\0", "\x01")).entries[1:]),
        RunFinished(outcome="failed", exit_code=1, containment={"web": "contained"}),
    ]
    typed = text.replace("\0", "")[:2000]  # What a command line can hold.
    first = started(
        runbook_name=text, operator=text, incident=text, runbook_path=typed, inventory_path=typed, version=text,
        hosts=(host(text), Host(name="web", address=text, identity=Path("/k"))), params={"p": typed, "q": [typed]},
    )  # fmt: skip
    history: History = told(records, first=first)
    return history


def papers(form: Literal["html", "md"], kind: Literal["html", "markdown"]) -> Callable[[str], Iterator[Rendered]]:
    def render(text: str) -> Iterator[Rendered]:
        history = story(text)
        note = Told(START, text, text, went_well=True)
        details = IncidentDetails.model_construct(
            **dict.fromkeys(("reporter", "phone", "service", "service_ja", "seen", "costs"), text), severity="high"
        )
        added = ActionAdded(number=1, text=text, owner=text, due="2026-12-01", decision=True, by=text)
        actions = (Action(added), Action(added, ActionDone(number=1, result=text, by=text), START))
        incident = Incident("i", note, (note,), note, (history.run,), details, (), actions)
        for lang in ("en", "ja"):
            yield Rendered(kind, report(history, lang=lang, format=form, names={text: text}))
            built = build_incident(incident, [history])
            yield Rendered(kind, in_form(built, lang=lang, format=form, names={text: text}))
        yield Rendered("json", report(history, format="json"))

    return render


def manuals(form: Literal["html", "md"], kind: Literal["html", "markdown"]) -> Callable[[str], Iterator[Rendered]]:
    def render(text: str) -> Iterator[Rendered]:
        for lang in ("en", "ja"):
            words = {"about": text, "inputs": {"p": text, text: text}, "names": {text: text}}
            yield Rendered(kind, manual(story(text), lang=lang, format=form, **words))  # type: ignore[arg-type]

    return render


def drafts(language: Literal["en", "ja"]) -> Callable[[str], Iterator[Rendered]]:
    def render(text: str) -> Iterator[Rendered]:
        known = dict.fromkeys(("reporter", "seen", "data", "people"), text[:200])
        details = fitting(IncidentDetails, {"harm": "none"}, known)
        note = Told(START, text, text)
        incident = Incident("i", note, (note,), note, (), details)
        for standing in duty_standings(incident, [], language)[:2]:
            yield Rendered("text", draft(standing, incident, language))

    return render


def guides(form: Literal["html", "md"], kind: Literal["html", "markdown"]) -> Callable[[str], Iterator[Rendered]]:
    def render(text: str) -> Iterator[Rendered]:
        history = story(text)
        details = IncidentDetails.model_construct(
            **dict.fromkeys(
                ("reporter", "phone", "provider", "provider_name", "customer", "call", "credentials_at"), text
            )
        )
        incident = Incident("i", Told(START, text, text), (), None, (history.run,), details)
        for lang in ("en", "ja"):
            yield Rendered(kind, guide_text(incident, [history], [False], lang=lang, format=form, names={text: text}))

    return render


RENDERERS: dict[str, Callable[[str], Iterator[Rendered]]] = {
    "web/maintenance.html": page,
    "web/maintenance.txt": plain,
    "web/apache-strong.conf": apache("strong"),
    "web/apache-letter.conf": apache("letter"),
    "web/page-server.conf": own_server,
    **{server.template: replaced(server) for server in REPLACED},
    "report/report.html": papers("html", "html"),
    "report/report.md": papers("md", "markdown"),
    "report/guide.html": guides("html", "html"),
    "report/guide.md": guides("md", "markdown"),
    "report/manager.html": papers("html", "html"),
    "report/manager.md": papers("md", "markdown"),
    "report/manual.html": manuals("html", "html"),
    "report/manual.md": manuals("md", "markdown"),
} | {
    f"letters/{name}.{language}.txt": letters(name, language)
    for name in ("provider", "customers", "cert", "phishing", "personal-data")
    for language in ("en", "ja")
}
RENDERERS |= {"letters/duty.en.txt": drafts("en"), "letters/duty.ja.txt": drafts("ja")}


def test_every_template_is_tried_here_or_has_nothing_to_fill_in() -> None:
    found = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*") if path.is_file()}
    inert = set(INERT) | {str(p.relative_to(TEMPLATES)) for kind in INERT_KINDS for p in TEMPLATES.glob(kind)}
    assert found == set(RENDERERS) | inert


@cache
def harmless(template: str) -> tuple[Rendered, ...]:
    """What comes of a template that is filled with a plain word."""
    return tuple(RENDERERS[template]("harmless"))


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("template", RENDERERS)
def test_whatever_is_filled_in_stays_text(template: str, words: str) -> None:
    usual = harmless(template)
    made = list(RENDERERS[template](HOSTILE[words]))
    assert made or template.startswith("letters/")
    for rendered in made:
        alike = [each.text for each in usual if each.kind == rendered.kind]
        assert len(rendered.text) < _MOST or rendered.kind == "json"
        rendered.text.encode()
        assert words != "template" or "1337" not in rendered.text
        _CHECKS[rendered.kind](rendered.text, alike)


def steers(text: str) -> set[str]:
    """The signs in a text that steer a terminal, turn the direction, end a line, or are not seen."""
    bad = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return {sign for sign in set(text) - {"\n"} if unicodedata.category(sign) in bad}


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.links: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag} {name}" for name, _ in attrs)}
        self.links |= {value or "" for name, value in attrs if name in {"href", "src", "action"}}


def as_html(text: str, usual: list[str]) -> None:
    shown, known = _Tags(text), [_Tags(each) for each in usual]
    assert shown.found <= set.union(*(each.found for each in known))
    assert all(re.fullmatch(r"#\w+|mailto:[\w.@-]+", link) for link in shown.links)
    assert not steers(text)


def as_markdown(text: str, usual: list[str]) -> None:
    outside = re.sub(r"^(`{3,})\n.*?\n\1$", "", text, flags=re.S | re.M)
    assert not re.search(r"(?<!\\)[<`]", outside)
    assert not re.search(r"(?<!\\)(\]\(|://)", outside)
    levels = [re.findall("^#+ ", re.sub(r"^(`{3,})\n.*?\n\1$", "", each, flags=re.S | re.M), re.M) for each in usual]
    assert len(re.findall("^#+ ", outside, re.M)) <= max(map(len, levels)) + 4
    assert not steers(text)


def as_text(text: str, usual: list[str]) -> None:
    assert not steers(text)
    heads = {line.partition(":")[0] for each in usual for line in each.partition("\n\n")[0].splitlines()}
    if heads >= {"To", "Subject"}:
        assert {line.partition(":")[0] for line in text.partition("\n\n")[0].splitlines()} <= heads | {"Attached"}


def as_mail(text: str, usual: list[str]) -> None:
    mail, known = (email.message_from_string(each, policy=email.policy.default) for each in (text, usual[0]))
    assert set(mail.keys()) <= set(known.keys()) | {"Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
    assert all(len(mail.get_all(name, ())) == 1 for name in mail.keys())  # noqa: SIM118
    parts = [part for part in mail.walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts][:1] == ["text/plain"]
    assert all(part.get_content_disposition() == "attachment" for part in parts[1:])
    body = parts[0].get_content()
    assert not steers(body.replace("\r\n", "\n"))
    assert not steers("".join(str(value) for value in mail.values()).replace("\r\n", "\n"))
    assert max(map(len, text.splitlines())) <= 998


def as_json(text: str, usual: list[str]) -> None:
    data = json.loads(text)
    assert set(data) == set(json.loads(usual[0]))
    assert not steers(text.replace("\n", ""))
    if data.get("format") == "stopgap-message":
        assert not steers(data["text"])
        assert not steers(data["subject"])


def as_conf(text: str, usual: list[str]) -> None:
    assert not steers(text)
    directives = [{line.split()[0] for line in each.splitlines() if line.strip()} for each in usual]
    assert {line.split()[0] for line in text.splitlines() if line.strip()} <= set.union(*directives)


def as_vcl(text: str, usual: list[str]) -> None:
    assert not steers(text)
    assert any(text.split('"""')[::2] == each.split('"""')[::2] for each in usual)


_CHECKS: dict[str, Callable[[str, list[str]], None]] = {
    "html": as_html, "markdown": as_markdown, "text": as_text, "mail": as_mail, "json": as_json, "conf": as_conf,
    "vcl": as_vcl,
}  # fmt: skip
