"""Who is in front of the page: one person with a token, or the name that a proxy gives."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

SESSION = "stopgap_session"
"""Name of the session's cookie."""
LASTS = 12 * 3600.0
"""Seconds after the last visit until a session ends."""
_MOST = 16
"""Sessions at once; the oldest is dropped."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}", re.ASCII)


class TokenLogin:
    """Lets one person in, who has the token: the token once, then a session in a cookie.

    Of sessions only hashes are kept, so that every comparison takes the same time.
    """

    def __init__(self, person: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`person`: the name on record of whoever has the token."""
        self._person = person
        self._clock = clock
        self._lock = threading.Lock()
        self.token = secrets.token_urlsafe(32)
        """Shown to the person once; valid until it is used."""
        self._expected: bytes | None = _hash(self.token)
        self._sessions: dict[bytes, float] = {}

    def enter(self, token: str) -> str | None:
        """Return a new session for the token; None for another token, or for one that was used."""
        with self._lock:
            if self._expected is None or not hmac.compare_digest(_hash(token), self._expected):
                return None
            self._expected = None
            session = secrets.token_urlsafe(32)
            self._sessions[_hash(session)] = self._clock()
            return session

    def person(self, session: str) -> str | None:
        """Return the person of a session, and let the session last on; None for an unknown or ended session."""
        with self._lock:
            known = next((each for each in self._sessions if hmac.compare_digest(each, _hash(session))), None)
            if known is None:
                return None
            if self._clock() - self._sessions[known] > LASTS:
                del self._sessions[known]
                return None
            self._sessions[known] = self._clock()
            return self._person

    def recorded(self, person: str) -> str:
        """Return the name of the person as the journal gets it."""
        return person

    def leave(self, session: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(_hash(session), None)


@dataclass(frozen=True)
class ProxyLogin:
    """Takes the name of a person from a header that a proxy sets; the listener lets nobody but the proxy in."""

    header: str
    machine: str
    """`user@machine` of the page, recorded beside the name."""

    def person(self, values: Sequence[str]) -> str | None:
        """Return the person, from all values of the header; None without exactly one fit name.

        >>> ProxyLogin("X-Remote-User", "noc@desk").person(["kei"])
        'kei'
        """
        return values[0] if len(values) == 1 and _NAME.fullmatch(values[0]) else None

    def recorded(self, person: str) -> str:
        """Return the name of a person as the journal gets it.

        >>> ProxyLogin("X-Remote-User", "noc@desk").recorded("kei")
        'kei via noc@desk'
        """
        return f"{person} via {self.machine}"


Login: TypeAlias = TokenLogin | ProxyLogin


class Forms:
    """Marks the forms of a session, so that no other site can have a browser send one (CSRF)."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def mark(self, whose: str) -> str:
        """Return the mark of a session's, or of a person's, forms."""
        return hmac.new(self._key, whose.encode(), "sha256").hexdigest()

    def fits(self, whose: str, mark: str) -> bool:
        """Return True for the mark of the same session or person."""
        return hmac.compare_digest(self.mark(whose).encode(), mark.encode())


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
