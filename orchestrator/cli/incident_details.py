"""The details of an incident, from a file, from options, or from a person at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stopgap.orchestrator.cli.screen import Screen, said
from stopgap.orchestrator.cli.terminal import Terminal
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.journal.details import IncidentDetails
from stopgap.orchestrator.source import InvalidInput, Problem, Unfit, did_you_mean, read
from stopgap.orchestrator.source.validation import validate
from stopgap.orchestrator.text import tr


def details_of(file: Path | None, given: Mapping[str, str]) -> IncidentDetails | None:
    """Return the details of a file and of `--set KEY=VALUE`, which comes later; None without either.

    Raises InvalidInput with the place of each problem.
    """
    if file is None and not given:
        return None
    details = IncidentDetails()
    if file is not None:
        document = read(file)
        problems: list[Problem] = []
        found = validate(IncidentDetails, document, (), problems)
        if found is None:
            raise InvalidInput(problems)
        details = details.with_more(found)
    for key, value in given.items():
        try:
            details = details.with_more(_one(key, value))
        except Unfit as unfit:
            raise InvalidInput(
                [Problem(f"--set {key}={value}", unfit.message, expected=unfit.expected, hint=unfit.hint)]
            ) from None
    return details


def ask_for_details(screen: Screen, known: IncidentDetails, left_out: Collection[str] = ()) -> IncidentDetails | None:
    """Ask for each detail at the terminal; an empty line leaves a detail unknown. None without any answer."""
    if not sys.stdin.isatty():
        return None
    person = Terminal(screen, yes=False)
    screen.line(said(tr("Details for letters, pages and reports; Enter leaves one unknown.")))
    found: dict[str, Any] = {}
    for name, field in IncidentDetails.model_fields.items():
        if name in left_out:
            continue
        now = getattr(known, name)
        shown = f" [{now}]" if now is not None else ""
        prompt = f"{name}: {field.description}{shown} "
        answer = person.reads(prompt, partial(_typed, name), said(tr("that does not fit; once more, or Enter")))
        if answer is None:
            raise UsageError(tr("interrupted; nothing was recorded of the details"))
        found |= answer
    return IncidentDetails.model_validate(found) if found else None


def _typed(name: str, line: str) -> dict[str, Any] | None:
    text = line.strip()
    if not text:
        return {}
    try:
        return _one(name, text).model_dump(exclude_none=True)
    except Unfit:
        return None


def _one(key: str, value: str) -> IncidentDetails:
    """Return one detail; raises Unfit."""
    if key not in IncidentDetails.model_fields:
        known = ", ".join(IncidentDetails.model_fields)
        hint = did_you_mean(key, IncidentDetails.model_fields)
        raise Unfit(tr("{key} is no detail of an incident", key=key), tr("one of {choices}", choices=known), hint)
    try:
        return IncidentDetails.model_validate({key: value})
    except ValidationError as error:
        raise Unfit(error.errors()[0]["msg"].removeprefix("Value error, "), "") from None
