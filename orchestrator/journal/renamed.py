"""Record fields and kinds of earlier versions, mapped to their present names."""

from __future__ import annotations

from typing import Any

_KINDS = {"lifeline-settled": "rollback-timer-settled"}
_FIELDS = {"eye": "vantage", "lifeline": "rollback_timer"}


def with_current_names(record: Any) -> Any:  # noqa: ANN401
    """Return a record, as parsed from JSON, with the names of this version; other values are returned unchanged.

    >>> with_current_names({"kind": "lifeline-settled", "step": "cut"})
    {'kind': 'rollback-timer-settled', 'step': 'cut'}
    """
    if not isinstance(record, dict):
        return record
    kind, change = record.get("kind"), record.get("change")
    if _FIELDS.keys().isdisjoint(record) and kind not in _KINDS and not isinstance(change, dict):
        return record
    renamed = {_FIELDS.get(name, name): value for name, value in record.items()}
    if isinstance(kind, str):
        renamed["kind"] = _KINDS.get(kind, kind)
    if isinstance(change, dict):
        renamed["change"] = with_current_names(change)
    return renamed
