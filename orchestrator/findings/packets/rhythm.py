"""Regular events in time: interval, jitter, count.

Events of one beat that come close together, such as a retry, count once. A beat that is missing, since a packet was
lost or the capture had a gap, is allowed now and then.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median, pstdev
from typing import NamedTuple

FEWEST = 5
"""Events of an exact rhythm; with jitter more are needed."""
SPREADS = ((10, 0.24), (7, 0.15), (FEWEST, 0.05))
"""Events, and the spread of their intervals up to which these are a rhythm: standard deviation as a part of the mean.
Uniform jitter of 30 % either way has 0.17, of 20 % 0.12; events by chance have 0.8 and more, and few of them less."""
SHORTEST, LONGEST = 0.2, 86_400.0
"""Seconds of an interval."""
_CLOSE = 0.25
"""Part of the mean interval within which events belong to one beat."""
_MOST_MISSED = 0.25
"""Part of the intervals that may span several beats."""


class Rhythm(NamedTuple):
    """A regular rhythm."""

    interval: float
    """Seconds."""
    jitter: float
    """Largest usual deviation from the interval, as a part of the interval."""
    beats: int


def rhythm_of(times: Sequence[float]) -> Rhythm | None:
    """Return the rhythm of events, by times in seconds; None where there is none."""
    beats = _beats(sorted(times))
    if len(beats) < FEWEST:
        return None
    gaps = [later - earlier for earlier, later in pairwise(beats)]
    usual = median(gaps)
    if not SHORTEST <= usual <= LONGEST:
        return None
    counts = [max(1, round(gap / usual)) for gap in gaps]
    if sum(count > 1 for count in counts) > _MOST_MISSED * len(gaps) or max(counts) > 5:
        return None
    single = [gap / count for gap, count in zip(gaps, counts, strict=True)]
    mean = fmean(single)
    spread = pstdev(single) / mean
    if spread > next(allowed for fewest, allowed in SPREADS if len(beats) >= fewest):
        return None
    return Rhythm(mean, max(abs(gap - mean) for gap in single) / mean, len(beats))


def _beats(times: Sequence[float]) -> list[float]:
    """Return the first event of each beat."""
    if len(times) < 2:
        return list(times)
    close = _CLOSE * (times[-1] - times[0]) / (len(times) - 1)
    beats = [times[0]]
    last = times[0]
    for time in times[1:]:
        if time - last > close:
            beats.append(time)
        last = time
    return beats
