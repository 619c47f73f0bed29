"""Conversion of pydantic's errors into problems with the position in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from stopgap.orchestrator.source.document import Loc, Located
from stopgap.orchestrator.source.problem import Position, Problem, Unfit, did_you_mean, quoted
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)
_NONE_RENAMED: Mapping[str, str] = MappingProxyType({})

_EXPECTED = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "ip_any_address": "an IP address",
    "ip_any_network": "an IP network, such as 203.0.113.0/24",
    "ip_v4_address": "an IP address",
    "ip_v4_network": "an IP network, such as 203.0.113.0/24",
    "ip_v6_address": "an IP address",
    "ip_v6_network": "an IP network, such as 203.0.113.0/24",
    "list": "a list",
    "mapping": "a mapping",
    "model": "a mapping",
    "path": "a path",
    "string": "text",
    "tuple": "a list",
}


def validate(
    model: type[M], document: Located, at: Loc, problems: list[Problem], renamed: Mapping[str, str] = _NONE_RENAMED
) -> M | None:
    """Validate the part of the document at `at`; on failure add to `problems` and return `None`.

    `renamed` maps earlier keys to their replacements, as for `problems_of`.
    """
    data = document.data
    for part in at:
        data = data[part]
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems.extend(problems_of(error, model, document, at, renamed=renamed))
        return None


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    document: Located,
    at: Loc = (),
    *,
    matters: Callable[[ErrorDetails], bool] = lambda _: True,
    shown: Callable[[ErrorDetails], object] = lambda details: details["input"],
    renamed: Mapping[str, str] = _NONE_RENAMED,
) -> Iterator[Problem]:
    """Yield the problems of a validated part of the document, from the relevant errors.

    `shown` maps a position to the value for display, if different from the validated value. Errors of all members of
    a union make a single problem; the error of the best-matching member wins.

    `renamed` maps keys of earlier versions to their replacements: `tests: {matches}` for a key inside another key.
    An earlier key makes a single problem with the name of the replacement, and no second one of a missing key.
    """
    errors = [
        details
        for details in error.errors(include_url=False)
        if matters(details) and not _is_given_by_earlier_key(details, renamed)
    ]
    reached = [_reached(details, document, at) for details in errors]
    found: dict[tuple[str, Position | None, str], list[Problem]] = {}
    for details, known in zip(errors, reached, strict=True):
        in_union = len(known) < len(at) + len(details["loc"])
        if (
            in_union
            and details["type"] != "missing"
            and any(len(other) > len(known) and other[: len(known)] == known for other in reached)
        ):
            continue
        if in_union and _says_less(details, known, errors, reached):
            continue
        problem = _problem(details, model, document, at, shown(details), renamed)
        found.setdefault((problem.source, problem.position, problem.message), []).append(problem)
    for (source, position, message), same in found.items():
        expected = " or ".join(dict.fromkeys(p.expected for p in same if p.expected))
        hint = next((p.hint for p in same if p.hint), None)
        yield Problem(source, message, position, expected or None, hint)


def _says_less(details: ErrorDetails, known: Loc, errors: Sequence[ErrorDetails], reached: Sequence[Loc]) -> bool:
    """Return True for a type error, if another member of the union has a mere length error."""
    others = (other["type"] for other, place in zip(errors, reached, strict=True) if place == known)
    return details["type"].endswith("_type") and any(kind in {"too_short", "too_long"} for kind in others)


def _reached(details: ErrorDetails, document: Located, at: Loc) -> Loc:
    """Return the depth of the error in the data; a missing key counts as present."""
    loc = (*at, *details["loc"])
    return (*document.known(loc[:-1]), loc[-1]) if details["type"] == "missing" else document.known(loc)


def _is_given_by_earlier_key(details: ErrorDetails, renamed: Mapping[str, str]) -> bool:
    if details["type"] != "missing" or not isinstance(details["input"], Mapping):
        return False
    missing = details["loc"][-1]
    return any(old in details["input"] for old, new in renamed.items() if _outer(new) == missing)


def _outer(key: str) -> str:
    return key.partition(":")[0]


def _problem(
    details: ErrorDetails,
    model: type[BaseModel],
    document: Located,
    at: Loc,
    value: object,
    renamed: Mapping[str, str],
) -> Problem:
    kind, inner = details["type"], details["loc"]
    loc = (*at, *inner)
    if kind == "extra_forbidden":
        known = sorted(_keys_at(model, inner[:-1]))
        current = renamed.get(str(inner[-1]))
        if current is not None and _outer(current) in known:
            message = f"{quoted(inner[-1])} is a key of an earlier version"
            return document.problem(loc, message, hint=f"it is called `{current}` now", at_key=True)
        expected = f"one of {', '.join(known)}" if known else "none"
        hint = did_you_mean(str(inner[-1]), known)
        return document.problem(
            loc, tr("unknown key {key}", key=quoted(inner[-1])), expected=expected, hint=hint, at_key=True
        )
    if kind == "missing":
        return document.problem(
            loc[:-1], tr("`{key}` is missing", key=inner[-1]), expected=_description(model, inner)
        )
    context = details.get("ctx", {})
    if kind == "union_tag_invalid":
        known_tags = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        discriminator = context["discriminator"].strip("'")
        place, hint = (*loc, discriminator), did_you_mean(context["tag"], known_tags)
        message = f"`{discriminator}` cannot be {quoted(context['tag'])}"
        return document.problem(place, message, expected=", ".join(known_tags), hint=hint)
    if kind == "union_tag_not_found":
        return document.problem(loc, f"`{context['discriminator'].strip(chr(39))}` is missing")
    unfit = context.get("error")
    if isinstance(unfit, Unfit):
        return document.problem(loc, unfit.message, expected=unfit.expected, hint=unfit.hint)
    if not document.known(loc) and isinstance(value, str):
        return document.problem(loc, tr("the file is plain text"), expected=_expected(kind, details))
    name = next((f"`{part}`" for part in reversed(document.known(loc)) if isinstance(part, str)), "the file")
    if kind == "value_error":
        return document.problem(loc, str(unfit) if not inner else f"{name} cannot be {_shown(value)}: {unfit}")
    if kind in {"too_short", "too_long"}:
        wanted = context.get("min_length", context.get("max_length"))
        expected = f"{'at least' if kind == 'too_short' else 'at most'} {wanted}"
        return document.problem(loc, f"{name} has {context['actual_length']} items", expected=expected)
    message = f"{name} has no value" if value is None else f"{name} cannot be {_shown(value)}"
    hint = None
    if kind == "literal_error" and isinstance(value, str):
        hint = did_you_mean(value, re.findall("'([^']*)'", context["expected"]))
    if kind.endswith("_network"):
        hint = _network_hint(value)
    return document.problem(loc, message, expected=_expected(kind, details), hint=hint)


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return quoted(value)


def _expected(kind: str, details: ErrorDetails) -> str:
    for suffix in ("_type", "_parsing", "_attributes_type", ""):
        if suffix and not kind.endswith(suffix):
            continue
        if words := _EXPECTED.get(kind.removesuffix(suffix)):
            return words
    words = details["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return words.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")


def _network_hint(value: object) -> str | None:
    from ipaddress import ip_network  # noqa: PLC0415

    try:
        return f"did you mean {ip_network(str(value), strict=False)}?"
    except ValueError:
        return None


def _keys_at(model: type[BaseModel], loc: Iterable[int | str]) -> set[str]:
    return {key for schema in _schemas_at(model, loc) for key in schema.get("properties", {})}


def _description(model: type[BaseModel], loc: Sequence[int | str]) -> str | None:
    for schema in _schemas_at(model, loc[:-1]):
        text = schema.get("properties", {}).get(loc[-1], {}).get("description")
        if isinstance(text, str):
            return text[0].lower() + text[1:].rstrip(".")
    return None


def _schemas_at(model: type[BaseModel], loc: Iterable[int | str]) -> list[dict[str, Any]]:
    """Walk the model's JSON Schema along `loc`; a union yields a schema for each member."""
    root = model.model_json_schema()
    here = _alternatives(root, root)
    for part in loc:
        inside = [inner for schema in here for inner in _inside(schema, part)]
        here = [schema for inner in inside for schema in _alternatives(inner, root)] or here
    return here


def _inside(schema: dict[str, Any], part: int | str) -> Iterator[dict[str, Any]]:
    candidate: Any = None
    if isinstance(part, int):
        candidate = schema.get("items")
    elif part in schema.get("properties", {}):
        candidate = schema["properties"][part]
    else:
        candidate = schema.get("additionalProperties")
    if isinstance(candidate, dict):
        yield candidate


def _alternatives(schema: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    if reference := schema.get("$ref"):
        return _alternatives(root["$defs"][reference.rsplit("/", 1)[-1]], root)
    members = schema.get("anyOf", schema.get("oneOf"))
    return [s for member in members for s in _alternatives(member, root)] if members else [schema]
