"""The protocol of docs/drivers.md for a provider's program, in the standard library alone.

A provider is a class on `Provider`: `probe` says what a block would change, `read` gives the snapshot as it is now,
`wanted` the snapshot with the block, `write` makes a snapshot so. `serve(MyCloud)` answers one request.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from typing import Any, TypeAlias

PROTOCOL = 1
Snapshot: TypeAlias = dict[str, Any]
Said: TypeAlias = tuple[list[str], list[dict[str, Any]], list[str]]
"""The diff for a person, gaps, and notes."""


class RefusedError(Exception):
    """The block is not possible, and nothing was changed: exit status 2."""


class ConflictError(Exception):
    """Somebody else has changed the provider's state: exit status 3, nothing was changed."""


class UnreachedError(Exception):
    """The provider does not answer: exit status 4."""


class PartlyError(Exception):
    """A part was changed, and then something failed: exit status 5."""


class Provider:
    """One host at one provider. `request` is what Stopgap asks, `arguments` the words after the program's name."""

    def __init__(self, request: dict[str, Any], arguments: list[str]) -> None:
        self.target = request["target"]
        self.block = request["block"]
        self.label = request["label"]
        self.arguments = arguments

    def probe(self) -> dict[str, Any]:
        """Say what the block would change, and what the provider can do."""
        raise NotImplementedError

    def read(self) -> Snapshot:
        """Return all that the block changes, equal whenever it is the same."""
        raise NotImplementedError

    def wanted(self, before: Snapshot) -> Snapshot:
        """Return the snapshot with the block; raises RefusedError."""
        raise NotImplementedError

    def write(self, snapshot: Snapshot) -> None:
        """Make it so; raises PartlyError once something was changed and the rest failed."""
        raise NotImplementedError

    def pending(self) -> bool:
        """Tell whether the provider is still at it."""
        return False

    def say(self, before: Snapshot, wanted: Snapshot) -> Said:
        """Return what a person reads of the change."""
        old, new = (json.dumps(each, indent=1, sort_keys=True).splitlines() for each in (before, wanted))
        gone = [f"-{line}" for line in old if line not in new]
        return [*gone, *(f"+{line}" for line in new if line not in old)], [], []


def serve(kind: type[Provider]) -> None:
    """Answer one request, and exit with the protocol's status."""
    try:
        request = json.load(sys.stdin)
        if request.get("stopgap") != PROTOCOL:
            raise RefusedError(f"this program speaks version {PROTOCOL} of the protocol")
        json.dump(answered(kind(request, sys.argv[1:]), request), sys.stdout)
    except (RefusedError, KeyError, ValueError) as error:
        _end(2, error)
    except ConflictError as error:
        _end(3, error)
    except (UnreachedError, urllib.error.URLError, TimeoutError) as error:
        _end(4, error)
    except PartlyError as error:
        _end(5, error)


def answered(provider: Provider, request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one request; raises as the provider does, and ConflictError."""
    operation = request["op"]
    if operation == "probe":
        return provider.probe()
    now = provider.read()
    if operation == "plan":
        wanted = provider.wanted(now)
        diff, gaps, notes = provider.say(now, wanted)
        return {"before": now, "wanted": wanted, "diff": diff, "gaps": gaps, "notes": notes}
    if operation == "status":
        return {"state": now, "pending": provider.pending()}
    aim = request["wanted"] if operation == "apply" else request["before"]
    source = request["before"] if operation == "apply" else request["wanted"]
    if now != aim:
        if now != source and not request.get("force"):
            raise ConflictError("the state is another one than the request expects")
        provider.write(aim)
    return {"state": provider.read(), "pending": provider.pending()}


def _end(status: int, error: Exception) -> None:
    sys.stderr.write(f"{error}\n")
    sys.exit(status)


def call(
    method: str, url: str, headers: dict[str, str], body: dict[str, Any] | None = None, form: bytes | None = None
) -> dict[str, Any]:
    """Send a request with JSON, or with a form, and return the JSON of the answer; raises as `serve` expects."""
    return call_with_headers(method, url, headers, body, form)[0]


def call_with_headers(
    method: str, url: str, headers: dict[str, str], body: dict[str, Any] | None = None, form: bytes | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Do the same, and return the answer's headers too, names in lower case."""
    data = form if form is not None else None if body is None else json.dumps(body).encode()
    kind = "application/x-www-form-urlencoded" if form is not None else "application/json"
    asked = urllib.request.Request(url, data, {"Content-Type": kind, **headers}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310
            text, heads = answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        reason = error.read()[:300].decode(errors="replace")
        if error.code == 409:
            raise ConflictError(reason) from None
        if error.code in {502, 503, 504}:
            raise UnreachedError(f"HTTP {error.code}") from None
        raise RefusedError(f"HTTP {error.code}: {reason}") from None
    found: dict[str, Any] = json.loads(text) if text else {}
    return found, heads
