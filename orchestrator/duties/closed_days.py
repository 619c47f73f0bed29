"""Days on which Japan's authorities are closed: Saturdays, Sundays, public holidays, and the turn of the year.

Sources: 行政機関の休日に関する法律 (Act No. 91 of 1988), Article 1; 国民の祝日に関する法律 (Act No. 178 of 1948),
Articles 2 and 3, as amended until 2018. Each February the calendar of the next year names the equinoxes; until then
they follow from the formula of the Nautical Almanac Office of Japan, good for the years 1980 to 2099. The one-time
moves of 2019 to 2021 are left out: no deadline of today lies there.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

YEARS = range(2022, 2100)
"""Years whose closed days are known."""
_FIXED = ((1, 1), (2, 11), (2, 23), (4, 29), (5, 3), (5, 4), (5, 5), (8, 11), (11, 3), (11, 23))
_MONDAYS = ((1, 2), (7, 3), (9, 3), (10, 2))
"""Month, and which Monday of the month."""
_DAY = timedelta(days=1)


def is_closed(day: date) -> bool:
    """Return True if authorities in Japan are closed on the day; of a year beyond `YEARS`, False.

    >>> is_closed(date(2026, 9, 22)), is_closed(date(2026, 12, 28)), is_closed(date(2026, 12, 29))
    (True, False, True)
    """
    if day.year not in YEARS:
        return False
    turn_of_the_year = (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3)
    return day.weekday() >= 5 or turn_of_the_year or is_public_holiday(day)


def is_public_holiday(day: date) -> bool:
    """Return True for a national holiday, its substitute, or a day between two holidays; beyond `YEARS` False."""
    return day.year in YEARS and day in _holidays(day.year)


def open_day(day: date) -> date:
    """Return the day itself, or the next day on which authorities in Japan are open."""
    while is_closed(day):
        day += _DAY
    return day


@cache
def _holidays(year: int) -> frozenset[date]:
    named = {date(year, month, day) for month, day in (*_FIXED, *_equinoxes(year))}
    named |= {_monday(year, month, which) for month, which in _MONDAYS}
    found = set(named)
    for day in named:
        if day.weekday() == 6:  # a Sunday: the next day that is none of them
            substitute = day + _DAY
            while substitute in named:
                substitute += _DAY
            found.add(substitute)
        if day + 2 * _DAY in named:
            found.add(day + _DAY)
    return frozenset(found)


def _equinoxes(year: int) -> tuple[tuple[int, int], tuple[int, int]]:
    since = year - 1980
    spring, autumn = (int(start + 0.242194 * since - since // 4) for start in (20.8431, 23.2488))
    return (3, spring), (9, autumn)


def _monday(year: int, month: int, which: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(7 - first.weekday()) % 7 + 7 * (which - 1))
