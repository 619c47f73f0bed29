"""Values of a playbook as Ansible takes them, in YAML 1.1; what YAML 1.2 reads as something else is not guessed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import lru_cache

from stopgap.orchestrator.exchange.ansible.reading import SWITCH
from stopgap.orchestrator.source import Loc, Located, quoted
from stopgap.orchestrator.text import tr

LONGEST = 64 << 10
"""Characters of one text in a runbook."""
_JINJA = re.compile(r"\{[{%#]")
_OLD_VALUE = re.compile(
    rf"(?:{SWITCH.pattern}|null|[-+]?0[0-7_]+|[-+]?0[bx][0-9a-f_]+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|"
    r"[-+]?[0-9][0-9_]*|[-+]?[0-9_]*\.[0-9_]*(?:e[-+]?[0-9]+)?|[-+]?\.(?:inf|nan)|=|"
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s].*)?)",
    re.IGNORECASE,
)
"""A word without quotes that YAML 1.1 reads as something else than a text."""
_PAIR = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)


class NoCounterpart(Exception):  # noqa: N818
    """A task cannot become a step; the argument is a `Text` with the reason."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def jinja_in(value: object) -> bool:
    """Return True for a value with an expression of Jinja's anywhere in it, keys included."""
    if isinstance(value, str):
        return bool(_JINJA.search(value))
    if isinstance(value, Mapping):
        return any(jinja_in(key) or jinja_in(each) for key, each in value.items())
    return isinstance(value, list) and any(map(jinja_in, value))


def text_at(document: Located, loc: Loc) -> str:
    """Return the text that Ansible makes of the value at a place. Raises NoCounterpart."""
    value = document.at(loc)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise NoCounterpart(tr("{key} is no text; write it in quotes", key=_key(loc)))
    if _OLD_VALUE.fullmatch(value) and not _in_quotes(document, loc):
        raise NoCounterpart(tr("Ansible does not read {value} as a text; write it in quotes", value=quoted(value)))
    return bounded(value)


def bounded(text: str) -> str:
    """Return a text that fits into a runbook. Raises NoCounterpart."""
    if len(text) > LONGEST:
        raise NoCounterpart(tr("a text is longer than {most} characters", most=LONGEST))
    return text


def switch(value: object, key: str) -> bool:
    """Return what Ansible takes for true or false. Raises NoCounterpart."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and SWITCH.fullmatch(value):
        return value.lower() in {"y", "yes", "on", "true"}
    raise NoCounterpart(tr("{key} is neither true nor false", key=key))


def pairs(text: str) -> dict[str, str]:
    """Return the arguments of a module that are written as `key=value` in one line. Raises NoCounterpart."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = [""]
    found = [_PAIR.fullmatch(word) for word in words]
    made = {each[1]: each[2] for each in found if each}
    if "\\" in text or len(made) != len(words):
        raise NoCounterpart(tr("its arguments cannot be told apart; write them as a mapping"))
    return made


def _in_quotes(document: Located, loc: Loc) -> bool:
    position = document.value(loc)
    line = _lines(document.text)[position.line - 1]
    return line[position.column - 1 : position.column] in {'"', "'", "|", ">"}


@lru_cache(maxsize=1)
def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|[\r\n]", text)


def _key(loc: Loc) -> str:
    return next((part for part in reversed(loc) if isinstance(part, str)), "")
