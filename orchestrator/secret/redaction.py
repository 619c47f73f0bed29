"""Redaction: known secret values are replaced by their references in all text on its way out of the process.

Redaction is the second line of defence; the first is the type Secret, never rendered as its value. Content of a host,
such as evidence or the former content of a file, is kept byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.secret.revealed import revealed, shown

if TYPE_CHECKING:
    from stopgap.orchestrator.secret.secret import Secret

SHORTEST = 6
"""Characters; a shorter value, or line of a value, is too similar to ordinary words for a search."""


def redact(text: str) -> str:
    """Return the text with every known secret value, plain or encoded, replaced by `‹secret …›`."""
    for reference, value in revealed().items():
        for form in _forms(value):
            if form in text:
                text = text.replace(form, shown(reference))
    return text


def redact_tree(value: Any) -> Any:  # noqa: ANN401
    """Return a JSON value with every text redacted."""
    if not revealed():
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(key): redact_tree(item) for key, item in value.items()}
    return [redact_tree(item) for item in value] if isinstance(value, (list, tuple)) else value


def carried_by(text: str) -> Secret | None:
    """Return a known secret found, by value or by its replacement text, in data meant for a host."""
    from stopgap.orchestrator.secret.secret import Secret  # noqa: PLC0415 - what only redacts needs no source

    for reference, value in revealed().items():
        if shown(reference) in text or any(form in text for form in _forms(value)):
            return Secret(reference)
    return None


@lru_cache(maxsize=256)
def _forms(value: str) -> tuple[str, ...]:
    """Return the encodings of a secret value, the longest first."""
    lines = [line for line in value.splitlines() if len(line) >= 2 * SHORTEST] if "\n" in value else []
    forms = {form for text in (value, *lines) for form in _written(text) if len(form) >= SHORTEST}
    return tuple(sorted(forms, key=len, reverse=True))


def _written(text: str) -> Iterator[str]:
    import base64  # noqa: PLC0415 - most processes know no secret
    import html  # noqa: PLC0415
    import json  # noqa: PLC0415
    from urllib.parse import quote, quote_plus  # noqa: PLC0415

    if len(text) < SHORTEST:
        return
    data = text.encode("utf-8", "surrogateescape")
    yield text
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield text.replace("'", "'\"'\"'")
    yield quote(data, safe="")
    yield quote(data)
    yield quote_plus(data)
    yield html.escape(text)
    yield data.hex()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # Within a longer text, such as `user:password`, its bytes may start one or two places further on;
        # the characters at the edges then hang on its neighbours too.
        for shift in (0, 1, 2):
            whole = encode(bytes(shift) + data).decode().rstrip("=")
            yield whole[shift + 1 if shift else 0 : len(whole) - bool((shift + len(data)) % 3)]
