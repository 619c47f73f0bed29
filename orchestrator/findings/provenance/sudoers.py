"""Expansion of the aliases of sudoers(5): an expanded line names each account, host and command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_ALIAS = re.compile(r"^\s*(?:Cmnd|User|Runas|Host)_Alias\s+(.*)")
_MEANING = re.compile(r"^\s*([A-Z][A-Z0-9_]{0,63})\s*=\s*(.*)")
_NAME = re.compile(r"(?<![\w/!-])[A-Z][A-Z0-9_]{1,63}\b")
_MOST = 200
"""Aliases of one file."""
_LONGEST = 4096


def with_aliases(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the lines with each alias replaced once by the definition of the alias; at most 4096 characters a line.

    >>> list(with_aliases([(1, "Cmnd_Alias EDIT = /usr/bin/vim"), (2, "ann ALL=(root) NOPASSWD: EDIT")]))[1]
    (2, 'ann ALL=(root) NOPASSWD: /usr/bin/vim')
    """
    known: dict[str, str] = {}
    for _, text in lines:
        if found := _ALIAS.match(text[:_LONGEST]):
            for each in found[1].split(":"):
                if (meaning := _MEANING.match(each)) and len(known) < _MOST:
                    known[meaning[1]] = meaning[2].strip()
    for number, text in lines:
        if not known or _ALIAS.match(text[:_LONGEST]):
            yield number, text
        else:
            yield number, _NAME.sub(lambda name: known.get(name[0], name[0]), text[:_LONGEST])[:_LONGEST]
