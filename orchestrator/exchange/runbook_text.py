"""A runbook's data as YAML that the runbook parser reads back to the same data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def runbook_yaml(data: Mapping[str, Any]) -> str:
    """Return the YAML of JSON-like data, in block style, texts quoted where a word could be read otherwise.

    >>> print(runbook_yaml({"name": "Stop: mail", "steps": [{"task": "mta.stop"}], "params": {}}), end="")
    name: "Stop: mail"
    steps:
      - task: mta.stop
    params: {}
    """
    return "\n".join(_lines(data, "")) + "\n"


def _lines(value: Mapping[str, Any] | list[Any] | tuple[Any, ...], indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _entry(f"{indent}{_scalar(key)}:", each, indent)
        return
    for each in value:
        nested = list(_lines(each, f"{indent}  ")) if _is_block(each) else [f"{indent}  {_flow(each)}"]
        yield f"{indent}- {nested[0].removeprefix(indent + '  ')}"
        yield from nested[1:]


def _entry(head: str, value: object, indent: str) -> Iterator[str]:
    if _is_block(value):
        yield head
        yield from _lines(value, f"{indent}  ")  # type: ignore[arg-type]
    else:
        yield f"{head} {_flow(value)}"


def _is_block(value: object) -> bool:
    return isinstance(value, (Mapping, list, tuple)) and bool(value)


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        return "{}"
    return "[]" if isinstance(value, (list, tuple)) else _scalar(value)


def _scalar(value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value, allow_nan=False)
    if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
