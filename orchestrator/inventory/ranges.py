"""Ranges of names, as Ansible writes them: `web[01:50]`, `db-[a:c]`, `node[0:8:2]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import product

from stopgap.orchestrator.source import Unfit, quoted

MOST = 100_000
"""Names of one range."""
_RANGE = re.compile(r"\[([0-9]{1,9}|[a-z]|[A-Z]):([0-9]{1,9}|[a-z]|[A-Z])(?::([0-9]{1,9}))?\]")


def has_range(text: str) -> bool:
    """Return True if the text has a range in brackets.

    >>> has_range("web[01:50]"), has_range("web[0-9]")
    (True, False)
    """
    return bool(_RANGE.search(text))


@lru_cache(maxsize=64)
def expand(text: str) -> tuple[str, ...]:
    """Return all members of the text's ranges, in order; the last range of several changes fastest.

    Raises Unfit for a range that ends before its begin, or with too many members.

    >>> expand("web[08:10]"), expand("[a:b][0:4:2]")
    (('web08', 'web09', 'web10'), ('a0', 'a2', 'a4', 'b0', 'b2', 'b4'))
    """
    parts: list[Sequence[str]] = []
    end, count = 0, 1
    for found in _RANGE.finditer(text):
        members = _members(found[0], found[1], found[2], int(found[3] or 1))
        parts += [(text[end : found.start()],), members]
        end, count = found.end(), count * len(members)
        if count > MOST:
            raise Unfit(f"{quoted(text)} stands for more than {MOST} names")
    return tuple("".join(words) for words in product(*parts, (text[end:],)))


def member(value: object, index: int, count: int) -> object:
    """Return an entry's value for one member of the name's range.

    A text with a range of as many members as the name (`count`) takes the member at `index`, at any depth of lists;
    other values are the same for all. Raises Unfit for a range with another number of members.

    >>> member(["203.0.113.[11:13]", "shared"], 1, 3)
    ['203.0.113.12', 'shared']
    """
    if isinstance(value, list):
        return [member(item, index, count) for item in value]
    if not isinstance(value, str) or not has_range(value):
        return value
    members = expand(value)
    if len(members) != count:
        raise Unfit(f"the range {quoted(value)} has {len(members)} members", f"{count}, as many as the name's range")
    return members[index]


def _members(text: str, begin: str, end: str, step: int) -> Sequence[str]:
    padded = begin.isdigit() and begin.startswith("0") and len(begin) > 1
    kinds = {"digit" if word.isdigit() else "upper" if word.isupper() else "lower" for word in (begin, end)}
    if len(kinds) > 1 or step < 1 or (padded and len(begin) != len(end)):
        expected = "two numbers, padded to the same length, or two letters, such as [01:50] or [a:f]"
        raise Unfit(f"{quoted(text)} is no range", expected)
    first, last = (int(begin), int(end)) if begin.isdigit() else (ord(begin), ord(end))
    if last < first:
        raise Unfit(f"the range {quoted(text)} ends before it begins")
    if (last - first) // step >= MOST:
        raise Unfit(f"{quoted(text)} stands for more than {MOST} names")
    numbers = range(first, last + 1, step)
    if not begin.isdigit():
        return [chr(number) for number in numbers]
    return [str(number).zfill(len(begin) if padded else 1) for number in numbers]
