"""DNS questions in packets, and names that carry data."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

DNS, MDNS, LLMNR = 53, 5353, 5355
PORTS = frozenset({DNS, MDNS, LLMNR})
_TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV",
          65: "HTTPS", 255: "ANY"}  # fmt: skip
_MOST_LABELS = 128
FEWEST_NAMES = 20
"""Different names below one domain."""
LONG = 16.0
"""Characters of what stands before the domain, on average."""
DENSE = 3.2
"""Bits a character, over all of these; words of a language have less, base32 and hexadecimal of data more."""
MOST_NAMES = 5000
"""Different names of one domain that are kept."""
_OF_AN_ADDRESS = re.compile(r"(?:[0-9]{1,3}\.){4}|(?:[0-9a-f]\.){16}")
"""Names made of an address: of its reverse, and of block lists (RFC 5782)."""
_SECOND_LEVELS = frozenset({"ac", "ad", "co", "com", "ed", "edu", "go", "gov", "gr", "lg", "ne", "net", "or", "org"})
"""Labels below a country's domain under which others register, such as co.jp."""


class Question(NamedTuple):
    """A question of the domain name system."""

    name: str
    """In lower case; bytes that are no printable ASCII are written `\\DDD` (RFC 1035, 5.1)."""
    kind: str


def question_of(payload: bytes, *, stream: bool = False) -> Question | None:
    """Return the first question of a query; None for an answer, and for anything else.

    `payload` is of UDP; with `stream`, of TCP, and begins with a length.
    """
    data = payload[2:] if stream else payload
    if len(data) < 17 or data[2] & 0x80 or int.from_bytes(data[4:6], "big") == 0:
        return None
    labels, at = list[str](), 12
    for _ in range(_MOST_LABELS):
        if at >= len(data):
            return None
        size = data[at]
        if size == 0:
            if len(data) < at + 5:
                return None
            kind = int.from_bytes(data[at + 1 : at + 3], "big")
            return Question(".".join(labels) or ".", _TYPES.get(kind, f"TYPE{kind}"))
        if size > 63 or at + 1 + size > len(data):
            return None
        labels.append("".join(map(_shown, data[at + 1 : at + 1 + size])))
        at += 1 + size
    return None


def _shown(byte: int) -> str:
    return chr(byte).lower() if 33 <= byte <= 126 and byte not in b".\\" else f"\\{byte:03d}"


def domain_of(name: str) -> str:
    """Return the domain that somebody registered, by the usual shape: two labels, or three below co.jp and the like.

    >>> domain_of("a.b.example.co.jp"), domain_of("www.example.org")
    ('example.co.jp', 'example.org')
    """
    labels = name.split(".")
    deep = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS
    return ".".join(labels[-3 if deep else -2 :])


@dataclass
class Domain:
    """The questions below one domain."""

    name: str
    questions: int = 0
    first: float = 0.0
    last: float = 0.0
    names: dict[str, None] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)

    def take(self, question: Question, time: float) -> bool:
        """Count a question; True if its name is new and kept."""
        self.first = self.first if self.questions else time
        self.questions, self.last = self.questions + 1, time
        self.kinds[question.kind] += 1
        before = question.name.removesuffix(self.name).rstrip(".")
        if not before or before in self.names or len(self.names) >= MOST_NAMES or _OF_AN_ADDRESS.match(f"{before}."):
            return False
        self.names[before] = None
        return True

    @property
    def length(self) -> float:
        """Return the mean number of characters before the domain."""
        return sum(map(len, self.names)) / len(self.names) if self.names else 0.0

    @property
    def density(self) -> float:
        """Return the bits a character of what stands before the domain, dots apart."""
        counts = Counter("".join(self.names).replace(".", ""))
        total = counts.total()
        return -sum(count / total * math.log2(count / total) for count in counts.values()) if total else 0.0

    @property
    def carries_data(self) -> bool:
        """Return True for the shape of a tunnel: many different names, long, and dense."""
        return len(self.names) >= FEWEST_NAMES and self.length >= LONG and self.density >= DENSE
