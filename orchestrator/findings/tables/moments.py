"""Parsing of times in logs to seconds since the epoch; 0 if unreadable. Times without a zone are UTC."""

from __future__ import annotations

import re
from calendar import month_abbr
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from stopgap.orchestrator.hostnumber import parse_moment, to_moment

_MONTHS = {month_abbr[number]: number for number in range(1, 13)}
"""English, as this program never sets a locale."""
_EPOCH = 1970
_ACCESS = re.compile(r"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_SYSLOG = re.compile(r"(\w{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) ")


def of_access_log(text: str) -> float:
    """Read `23/Nov/2026:02:14:46 +0000`."""
    found = _ACCESS.fullmatch(text)
    if not found or found[2] not in _MONTHS:
        return 0.0
    minutes = (int(found[8]) * 60 + int(found[9])) * (1 if found[7] == "+" else -1)
    fields = (found[3], _MONTHS[found[2]], found[1], found[4], found[5], found[6])
    return _moment(*map(int, fields), minutes=minutes)


def of_syslog(text: str, now: float) -> float:
    """Parse the time at the start of a syslog line: ISO 8601, or `Nov 23 02:14:46`, the latest before `now`."""
    if text[4:5] == "-" and text[10:11] in "T ":
        return of_iso(text.partition(" ")[0] if text[10:11] == "T" else text[:19])
    found = _SYSLOG.match(text)
    if not found or found[1] not in _MONTHS:
        return 0.0
    rest = (_MONTHS[found[1]], int(found[2]), int(found[3]), int(found[4]), int(found[5]))
    year = _year(int(now // 86400))
    this = _moment(year, *rest)
    return this if this and this <= now + 86400 else _moment(year - 1, *rest)


def of_iso(text: str) -> float:
    """Parse ISO 8601, also with a comma before the fraction."""
    moment = parse_moment(text)
    return moment.timestamp() if moment else 0.0


def as_iso(seconds: float) -> str:
    """Write seconds since the epoch as ISO 8601 in UTC, to the microsecond."""
    moment = to_moment(seconds)
    return moment.isoformat(timespec="microseconds") if moment else "1970-01-01T00:00:00.000000+00:00"


@lru_cache(maxsize=4)
def _year(day: int) -> int:
    moment = to_moment(day * 86400)
    return moment.year if moment else _EPOCH


def _moment(year: int, month: int, day: int, hour: int, minute: int, second: int, *, minutes: int = 0) -> float:
    try:
        zone = timezone(timedelta(minutes=minutes))
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return 0.0
