"""The reader's language: which it is, and texts in that language, from gettext catalogues.

`templates/locale/LANG/LC_MESSAGES/stopgap.po` has the words; `scripts/messages` keeps the catalogues.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Literal, TypeAlias, get_args

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.text import Argument, Text, filled, tr

Language: TypeAlias = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
VARIABLE = "STOPGAP_LANG"
"""The environment variable that names the reader's language."""
SEPARATORS: Mapping[Language, Mapping[str, str]] = {
    "en": {},
    "ja": {", ": "、", "; ": "。", ": ": "：", " and ": "と"},
}
"""What stands between the parts of `text.joined`."""


def reader_language(environment: Mapping[str, str] = os.environ) -> Language:
    """Return the language of `STOPGAP_LANG`; without one, of LC_ALL, LC_MESSAGES or LANG (locale(7)); else English.

    Raises UsageError for a `STOPGAP_LANG` that Stopgap does not speak.
    """
    if named := environment.get(VARIABLE):
        return language(named)
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    return "ja" if locale.partition("_")[0].partition(".")[0] == "ja" else "en"


def spoken() -> Language:
    """Return the reader's language; English where `STOPGAP_LANG` names one that Stopgap does not speak."""
    try:
        return reader_language()
    except UsageError:
        return "en"


@contextmanager
def speaking(named: Language | None) -> Iterator[None]:
    """During the block, speak the named language, processes that are started too; `None` changes nothing."""
    before = os.environ.get(VARIABLE)
    if named is not None:
        os.environ[VARIABLE] = named
    try:
        yield
    finally:
        if named is not None and before is None:
            os.environ.pop(VARIABLE, None)
        elif named is not None and before is not None:
            os.environ[VARIABLE] = before


def language(name: str) -> Language:
    """Return the language of a name. Raises UsageError for one that Stopgap does not speak."""
    for known in LANGUAGES:
        if name == known:
            return known
    raise UsageError(
        tr(
            "{variable}: no language `{name}`; there are {known}",
            variable=VARIABLE,
            name=name,
            known=", ".join(LANGUAGES),
        )
    )


def rendered(text: str, lang: Language, names: Mapping[str, str] | None = None) -> str:
    """Return a text in a language; a plain `str`, or a template without a translation, stays English.

    `names` maps names of the operator's (of a runbook, of a step) to the names in that language.

    >>> rendered(tr("{path} is not there", path="/srv"), "ja")
    '/srv はありません'
    """
    if lang == "en":
        return text if type(text) is str else str.__str__(text)
    return _rendered(text, lang, names or {})


def _rendered(text: Argument, lang: Language, own: Mapping[str, str]) -> str:
    if not isinstance(text, Text):
        return own.get(text, text) if isinstance(text, str) else str(text)
    if text in own:
        return own[text]
    arguments: dict[str, Argument] = {name: _rendered(value, lang, own) for name, value in text.arguments.items()}
    return filled(catalogue(lang).get(text.template) or _separated(text, lang), arguments)


def _separated(text: Text, lang: Language) -> str:
    """Return the template of joined texts with the language's separator; of any other text, the English template."""
    template = text.plural if text.plural and text.arguments["count"] != 1 else text.template
    between = template.removeprefix("{0}").partition("{1}")[0]
    return template.replace(between, SEPARATORS[lang].get(between, between)) if between else template


@cache
def catalogue(lang: Language) -> Mapping[str, str]:
    """Return the translations by English template. The languages of today have one form for every number."""
    path = folder("templates") / "locale" / lang / "LC_MESSAGES" / "stopgap.po"
    entries = _entries(path.read_text(encoding="utf-8").splitlines())
    found = {entry["msgid"]: entry.get("msgstr") or entry.get("msgstr[0]", "") for entry in entries}
    return {template: words for template, words in found.items() if template and words}


def _entries(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the entries of a PO file as Babel writes it: keyword → text."""
    entry: dict[str, str] = {}
    keyword = ""
    for line in lines:
        if line.startswith("#"):
            continue
        if line.startswith("msgid ") and entry:
            yield entry
            entry = {}
        quoted = line
        if not line.startswith('"'):
            keyword, _, quoted = line.partition(" ")
        if quoted:
            entry[keyword] = entry.get(keyword, "") + json.loads(quoted)
    if entry:
        yield entry
