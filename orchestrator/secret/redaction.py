"""The second line of defence: wherever text leaves the process, known values are replaced by their references.

The first is that a Secret never becomes text that holds its value. What a host itself holds, such as evidence or
the former content of a file, is kept byte for byte.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from stopgap.orchestrator.secret.secret import Secret, revealed

SHORTEST = 6
"""Characters below which a value, or a line of one, is too much like any other word to be looked for."""


def redact(text: str) -> str:
    """Give the text with every known value, plain or encoded, replaced by `‹secret …›`."""
    for reference, value in revealed().items():
        for form in _forms(value):
            if form in text:
                text = text.replace(form, str(Secret(reference)))
    return text


def redact_tree(value: Any) -> Any:  # noqa: ANN401
    """Give a JSON value with every text in it redacted."""
    if not revealed():
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(key): redact_tree(item) for key, item in value.items()}
    return [redact_tree(item) for item in value] if isinstance(value, (list, tuple)) else value


def carried_by(text: str) -> Secret | None:
    """Give a known secret whose value, or whose text in place of it, stands in what is meant for a host."""
    for reference, value in revealed().items():
        secret = Secret(reference)
        if str(secret) in text or any(form in text for form in _forms(value)):
            return secret
    return None


@lru_cache(maxsize=256)
def _forms(value: str) -> tuple[str, ...]:
    """Give the ways in which a value may be written, the longest first."""
    lines = [line for line in value.splitlines() if len(line) >= 2 * SHORTEST] if "\n" in value else []
    forms = {form for text in (value, *lines) for form in _written(text) if len(form) >= SHORTEST}
    return tuple(sorted(forms, key=len, reverse=True))


def _written(text: str) -> Iterator[str]:
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
