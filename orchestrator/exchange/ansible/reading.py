"""Reads a playbook of Ansible's: bounded, with positions, without secrets; each refusal has its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from stopgap.orchestrator.exchange.secret_text import SECRET, holds_secret
from stopgap.orchestrator.source import InvalidInput, Located, Problem, kind_of, parse, read
from stopgap.orchestrator.text import tr

MOST_PROBLEMS = 20
VAULT = "$ANSIBLE_VAULT"
_SECRET_KEY = re.compile(
    r"password|passwd|passphrase|secret|token|private_?key|api_?key|access_?key|credential|(^|_)pass(_|$)",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(
    r"update_password|(.*_)?(file|path|src|url|uri|length|type|name|expires?|policy|prompt|id|ids)", re.IGNORECASE
)
SWITCH = re.compile("y|yes|on|true|n|no|off|false", re.IGNORECASE)
"""A word that YAML 1.1, and so Ansible, reads as true or false."""
_REFERENCE = re.compile(r"\{\{(?!\s*['\"])[^{}]*\}\}")
"""An expression that names a value kept elsewhere; one that begins with a quote holds the value itself."""


def read_playbook(path: Path) -> Located:
    """Return the document of a file; raises InvalidInput for a file that is no playbook, or holds a secret."""
    try:
        return _sound(read(path))
    except InvalidInput as error:
        raise InvalidInput(map(_told, error.problems)) from None


def parse_playbook(text: str, source: str) -> Located:
    """Parse the text of a playbook, as `read_playbook` does; `source` names the file in problems."""
    try:
        return _sound(parse(text, source))
    except InvalidInput as error:
        raise InvalidInput(map(_told, error.problems)) from None


def _told(problem: Problem) -> Problem:
    if "the tag !vault" in problem.message:
        return replace(problem, message=SECRET, expected=None, hint=None)
    return problem


def _sound(document: Located) -> Located:
    problems: list[Problem] = []
    for each in _secrets(document):
        problems.append(each)
        if len(problems) == MOST_PROBLEMS:
            break
    if problems:
        raise InvalidInput(problems)
    kind = kind_of(document.data)
    if kind == "a list of Ansible's tasks":
        raise InvalidInput([document.problem((), tr("this is a list of tasks; give the playbook with its `hosts`"))])
    if kind not in {None, "a playbook of Ansible's"} or not isinstance(document.data, list):
        raise InvalidInput(
            [document.problem((), tr("this is no playbook of Ansible's: a playbook is a list of plays"))]
        )
    return document


def _secrets(document: Located) -> Iterator[Problem]:
    for loc in document.values:
        value = document.at(loc)
        if isinstance(value, str):
            if VAULT in value or holds_secret(_REFERENCE.sub("", value)):
                yield Problem(document.path, SECRET, document.value(loc))
                continue
            value = "" if _REFERENCE.fullmatch(value.strip()) else value.strip()
        key = loc[-1] if loc else None
        if isinstance(key, str) and holds_secret(_REFERENCE.sub("", key)):
            yield Problem(document.path, SECRET, document.key(loc))
            continue
        if isinstance(key, int) and len(loc) > 1:
            key = loc[-2]
        if isinstance(key, str) and _is_secret(key) and _is_value(value):
            yield Problem(document.path, SECRET, document.value(loc))


def _is_secret(key: str) -> bool:
    return bool(_SECRET_KEY.search(key)) and not _NO_SECRET.fullmatch(key)


def _is_value(value: object) -> bool:
    if isinstance(value, str):
        return value != "" and not SWITCH.fullmatch(value)
    return isinstance(value, (int, float)) and not isinstance(value, bool)
