"""Translation of the program's messages: sentences with gaps, from `templates/report/phrases.LANG.yaml`.

A sentence is listed as written by the program, with `{name}` for each gap. Text without a matching sentence stays
unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.language import Language, rendered
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.source import read
from stopgap.orchestrator.text import Text

LONGEST = 1000
"""Characters of a text that is looked up."""
_DEPTH = 4
"""How deep a phrase may stand within a phrase."""
_GAP = re.compile(r"\{(\w+)\}")
_SAID = frozenset(
    {"about", "detail", "does", "label", "notes", "question", "reason", "seen", "text", "title", "undo", "way"}
)
"""Fields of a report that hold what the program says."""
_DATE = re.compile(
    r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\d\d) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?: (\d\d:\d\d UTC))?"
)
_DAYS = dict(zip(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), "月火水木金土日", strict=True))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Sentence:
    """A sentence: literal parts, names of the gaps, and the translation."""

    parts: tuple[str, ...]
    names: tuple[str, ...]
    other: str

    def match(self, text: str) -> dict[str, str] | None:
        """Return the text in the gaps, or None; each gap ends at the first match of the next part: linear time."""
        first, *rest = self.parts
        if not text.startswith(first):
            return None
        place, found = len(first), {}
        for name, part in zip(self.names, rest, strict=True):
            last = name == self.names[-1]
            end = len(text) - len(part) if last else text.find(part, place + 1)
            if end <= place or (last and not text.endswith(part)):
                return None
            found[name] = text[place:end]
            place = end + len(part)
        return found if place == len(text) else None

    def filled(self, said: Mapping[str, str]) -> str:
        """Return the translation with the gaps filled."""
        return _GAP.sub(lambda gap: said[gap[1]], self.other)


class Phrases:
    """Translator of the program's messages and of given names."""

    def __init__(self, lang: Language, names: Mapping[str, str]) -> None:
        """`names` maps names of runbooks, steps, findings and questions to translations."""
        self._lang = lang
        self._sentences = sentences(lang)
        self._names = {escape(name): escape(other) for name, other in names.items()}

    def say(self, text: str, depth: int = 0) -> str:
        """Return the translation of a text; the text itself if untranslated."""
        if text in self._names:
            return self._names[text]
        if not text or len(text) > LONGEST or depth > _DEPTH:
            return text
        for sentence in self._sentences.get(text[:1], ()) + self._sentences.get("", ()):
            found = sentence.match(text)
            if found is not None:
                return sentence.filled({name: self.say(value, depth + 1) for name, value in found.items()})
        return _DATE.sub(_date, text)

    def told(self, value: Any, field: str = "") -> Any:  # noqa: ANN401
        """Translate all messages of the program in a report's fields, and no text of a host or a person."""
        if isinstance(value, Text):
            return rendered(value, self._lang, self._names)
        if isinstance(value, str):
            return self.say(value) if field in _SAID else value
        if isinstance(value, Mapping):
            return {key: self.told(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.told(item, field) for item in value]
        return value


@cache
def sentences(lang: str) -> Mapping[str, tuple[Sentence, ...]]:
    """Return all sentences of a language by first character; sentences with a gap first are under the empty key.

    The sentences with most literal text come first.
    """
    pairs = read(folder("templates") / "report" / f"phrases.{lang}.yaml").data
    found: dict[str, list[Sentence]] = {}
    for text, other in sorted(pairs.items(), key=lambda pair: -len(_GAP.sub("", str(pair[0])))):
        parts = _GAP.split(str(text))
        sentence = Sentence(tuple(parts[::2]), tuple(parts[1::2]), str(other))
        found.setdefault(parts[0][:1], []).append(sentence)
    return {first: tuple(each) for first, each in found.items()}


def _date(found: re.Match[str]) -> str:
    time = f" {found[4]}" if found[4] else ""
    return f"{_MONTHS.index(found[3]) + 1} 月 {int(found[2])} 日（{_DAYS[found[1]]}）{time.strip()}".rstrip()
