"""A text that several scripts of an exchange have in common is sent once, as a variable of the host's shell.

The scripts of one exchange share whole functions: the scripts of a collection have a fifth of their length without
repeated text, and each flight of a TCP connection is a round trip.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from stopgap.orchestrator.shell import quote

SHORTEST = 4096
"""Characters of all scripts together below which nothing is looked for."""
_WORTH_IT = 40
"""Characters of a text from which on a name for it is shorter."""

_Place: TypeAlias = tuple[str, ...]
"""A line with the line before it: a line as common as `fi` ends no text that goes on alike around it."""


def said_once(scripts: Sequence[str]) -> tuple[str, list[str]]:
    r"""Return assignments of the texts that repeat, and a word of sh(1) for each script, which expands to the script.

    The assignments are empty if no text repeats.

    >>> text = "".join(f"line {number} of what both have\n" for number in range(100))
    >>> assignments, words = said_once([f"echo one\n{text}", f"echo two\n{text}"])
    >>> assignments.count("line 7 of"), [word.endswith('"$_sg_t0"') for word in words]
    (1, [True, True])
    """
    if len(scripts) < 2 or sum(map(len, scripts)) < SHORTEST:
        return "", [quote(script) for script in scripts]
    parts = _parts(scripts)
    count = Counter(part for each in parts for part in each)
    names = {
        part: f"_sg_t{number}"
        for number, part in enumerate(part for part, n in count.items() if n > 1 and len(part) >= _WORTH_IT)
    }
    assignments = "".join(f"{name}={quote(part)}\n" for part, name in names.items())
    return assignments, ["".join(_words(each, names)) or "''" for each in parts]


def _parts(scripts: Sequence[str]) -> list[list[str]]:
    """Cut each script between two lines if either line has another neighbour elsewhere, in any script."""
    lines = [script.split("\n") for script in scripts]
    places = [list(zip(["", *each], each, strict=False)) for each in lines]
    after: defaultdict[_Place, set[_Place]] = defaultdict(set)
    before: defaultdict[_Place, set[_Place]] = defaultdict(set)
    for number, each in enumerate(places):
        ends = (("begin", str(number), ""), ("end", str(number), ""))
        for place, following in zip((ends[0], *each), (*each, ends[1]), strict=True):
            after[place].add(following)
            before[following].add(place)
    parts: list[list[str]] = []
    for texts, each in zip(lines, places, strict=True):
        cut, begun = [], 0
        for at, (place, following) in enumerate(pairwise(each), 1):
            if len(after[place]) > 1 or len(before[following]) > 1:
                cut.append("\n".join((*texts[begun:at], "")))
                begun = at
        parts.append([*cut, "\n".join(texts[begun:])])
    return parts


def _words(parts: Sequence[str], names: dict[str, str]) -> Iterator[str]:
    """Yield the texts of a script: the name of one that repeats, in double quotes, and all between them quoted."""
    between = ""
    for part in parts:
        if part not in names:
            between += part
            continue
        if between:
            yield quote(between)
            between = ""
        yield f'"${names[part]}"'
    if between:
        yield quote(between)
