"""pydantic's errors, turned into problems at the place in the file that they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from orchestrator.source.document import Loc, Located
from orchestrator.source.problem import Position, Problem, Unfit, did_you_mean, quoted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)

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
    "time_delta": "a duration, such as 90s, 30m or 72h",
    "tuple": "a list",
}


def validate(model: type[M], document: Located, at: Loc, problems: list[Problem]) -> M | None:
    """Validate the part of the document at `at`; what is wrong is added to `problems`, and None given."""
    data = document.data
    for part in at:
        data = data[part]
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems.extend(problems_of(error, model, document, at))
        return None


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    document: Located,
    at: Loc = (),
    *,
    matters: Callable[[ErrorDetails], bool] = lambda _: True,
) -> Iterator[Problem]:
    """Give the problems of the part of a document that the model was validated from, of the errors that matter.

    The members of a union that all refused one value make one problem.
    """
    found: dict[tuple[Position | None, str], list[Problem]] = {}
    for details in filter(matters, error.errors(include_url=False)):
        problem = _problem(details, model, document, at)
        found.setdefault((problem.position, problem.message), []).append(problem)
    for (position, message), same in found.items():
        expected = " or ".join(dict.fromkeys(p.expected for p in same if p.expected))
        hint = next((p.hint for p in same if p.hint), None)
        yield Problem(document.path, message, position, expected or None, hint)


def _problem(details: ErrorDetails, model: type[BaseModel], document: Located, at: Loc) -> Problem:
    kind, inner = details["type"], details["loc"]
    loc = (*at, *inner)
    name = str(inner[-1]) if inner else ""
    if kind == "extra_forbidden":
        known = sorted(_keys_at(model, inner[:-1]))
        expected = f"one of {', '.join(known)}" if known else None
        hint = did_you_mean(name, known)
        return document.problem(loc, f"unknown key {quoted(name)}", expected=expected, hint=hint, at_key=True)
    if kind == "missing":
        return document.problem(loc[:-1], f"`{name}` is missing", expected=_description(model, inner))
    error = details.get("ctx", {}).get("error")
    if isinstance(error, Unfit):
        return document.problem(loc, error.message, expected=error.expected, hint=error.hint)
    value = details["input"]
    subject = f"`{_field(inner)}`" if _field(inner) else "the file"
    message = f"{subject} has no value" if value is None else f"{subject} cannot be {_shown(value)}"
    if kind == "value_error":
        return document.problem(loc, f"{message}: {error}")
    hint = None
    if kind == "literal_error" and isinstance(value, str):
        hint = did_you_mean(
            value, [w.strip("'") for w in details["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        )
    if kind.endswith("_network"):
        hint = _network_hint(value)
    return document.problem(loc, message, expected=_expected(kind, details), hint=hint)


def _field(inner: Sequence[int | str]) -> str:
    """Name the field, without the names that pydantic gives to the members of a union."""
    words = [part for part in inner if isinstance(part, str) and not _is_member_name(part)]
    return words[-1] if words else ""


def _is_member_name(part: str) -> bool:
    return "[" in part or part.lower() in {"int", "str", "float", "bool", "none"} or part.lower().startswith("ipv")


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
    return details["msg"].removeprefix("Input should be ").removeprefix("Value error, ")


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
    """Walk the model's JSON Schema along `loc`; a union gives one for each of its members."""
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
