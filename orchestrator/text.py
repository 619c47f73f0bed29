"""Texts for readers: a template with named arguments, put into the reader's language where the text is shown.

A `Text` is a `str` with the English words, so that a text goes wherever a `str` goes, with template and arguments
beside the words. An f-string around a text gives a plain `str` without a translation: nest texts instead.
`orchestrator/language.py` renders texts; `templates/locale/` has the catalogues.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self, TypeAlias

Argument: TypeAlias = str | int
"""Words that no language changes, a number, or a `Text`."""
COUNT = "count"
"""The argument that chooses between singular and plural."""
_GAP = re.compile(r"\{\{|\}\}|\{(\w+)\}")


class Text(str):
    """A text in English, with the template and the arguments that make the text in another language.

    >>> text = tr("{host} is unreachable: {reason}", host="web", reason=tr("no answer"))
    >>> text == "web is unreachable: no answer"
    True
    >>> text.template
    '{host} is unreachable: {reason}'
    """

    __slots__ = ("arguments", "plural", "template")
    template: str
    """The English words, with `{name}` for each argument; of `{{` one brace is shown."""
    plural: str
    """The template for every `count` but 1; empty without a plural."""
    arguments: Mapping[str, Argument]

    def __new__(cls, template: str, arguments: Mapping[str, Argument], plural: str = "") -> Self:
        """Fill the template. Raises KeyError for a `{name}` without an argument."""
        chosen = plural if plural and arguments[COUNT] != 1 else template
        text = super().__new__(cls, filled(chosen, arguments))
        text.template, text.plural, text.arguments = template, plural, arguments
        return text

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.template, dict(self.arguments), self.plural

    def __str__(self) -> str:
        return self

    def __add__(self, other: str) -> str:
        return joined("", (self, other))

    def __radd__(self, other: str) -> str:
        return joined("", (other, self))

    def mapped(self, function: Callable[[str], str]) -> Text:
        """Return the text with a function applied to the words of every argument, at any depth."""
        return Text(
            self.template, {name: _mapped(value, function) for name, value in self.arguments.items()}, self.plural
        )

    def given(self, **arguments: object) -> Text:
        """Return the text with other values for some arguments."""
        return Text(self.template, {**self.arguments, **_arguments(arguments)}, self.plural)


def tr(template: str, /, **arguments: object) -> Text:
    """Return a text for readers; the catalogues translate the template, so that the template is a literal.

    An argument is a `Text`, a `str`, an `int`, or anything with a `str()`.

    >>> tr("{path} is not there", path="/etc/exim4")
    '/etc/exim4 is not there'
    """
    return Text(template, _arguments(arguments))


def trn(singular: str, plural: str, /, count: int, **arguments: object) -> Text:
    """Return a text that depends on a number, which both templates may show as `{count}`.

    >>> trn("1 message stays queued", "{count} messages stay queued", 14)
    '14 messages stay queued'
    """
    return Text(singular, {COUNT: count, **_arguments(arguments)}, plural)


def joined(separator: str, parts: Iterable[object]) -> str:
    """Return texts joined by a separator, of which the reader's language has its own form (`language.SEPARATORS`).

    >>> joined(", ", [tr("web to {spare}", spare="203.0.113.20"), tr("also after a reboot")])
    'web to 203.0.113.20, also after a reboot'
    """
    values = [_argument(part) for part in parts]
    if not any(isinstance(value, Text) for value in values):
        return separator.join(map(str, values))
    if len(values) == 1:
        return str(values[0])
    named = {str(number): value for number, value in enumerate(values)}
    separator = separator.replace("{", "{{").replace("}", "}}")
    return Text(separator.join(f"{{{name}}}" for name in named), named)


def day_text(moment: datetime) -> Text:
    """Return a date without the year, in UTC.

    >>> day_text(datetime(2026, 11, 29, tzinfo=UTC))
    'Sun 29 Nov'
    >>> day_text(datetime(2026, 12, 2, tzinfo=UTC))
    'Wed 2 Dec'
    """
    there = moment.astimezone(UTC)
    return tr("{weekday} {day} {month}", weekday=_weekday(there), day=there.day, month=_month(there))


def moment_text(moment: datetime) -> Text:
    """Return a point in time without the year, in UTC.

    >>> moment_text(datetime(2026, 11, 29, 0, 24, tzinfo=UTC))
    'Sun 29 Nov 00:24 UTC'
    """
    return tr("{day} {clock} UTC", day=day_text(moment), clock=f"{moment.astimezone(UTC):%H:%M}")


def date_text(day: date) -> Text:
    """Return a date with the year.

    >>> date_text(date(2026, 12, 22))
    'Tue 22 Dec 2026'
    """
    at = datetime.combine(day, time(), UTC)
    return tr(
        "{weekday} {day} {month} {year}", weekday=_weekday(at), day=day.day, month=_month(at), year=str(day.year)
    )


def zoned_text(moment: datetime) -> Text:
    """Return a point in time with the year, in the offset that the value has; the offset of Japan by name.

    >>> zoned_text(datetime.fromisoformat("2026-11-23T10:40+09:00"))
    'Mon 23 Nov 2026 10:40 JST'
    """
    offset = moment.utcoffset()
    zone = tr("JST") if offset == timedelta(hours=9) else f"UTC{moment.isoformat()[-6:]}" if offset else "UTC"
    return tr("{day} {clock} {zone}", day=date_text(moment.date()), clock=f"{moment:%H:%M}", zone=zone)


def filled(template: str, arguments: Mapping[str, Argument]) -> str:
    """Return a template with the arguments in place of the names. Raises KeyError for a name without an argument."""
    return _GAP.sub(lambda gap: str(arguments[gap[1]]) if gap[1] else gap[0][0], template)


def names(template: str) -> frozenset[str]:
    """Return the names of the arguments in a template.

    >>> sorted(names("{host}: {{x}} {reason}"))
    ['host', 'reason']
    """
    return frozenset(gap[1] for gap in _GAP.finditer(template) if gap[1])


def _arguments(given: Mapping[str, object]) -> dict[str, Argument]:
    return {name: _argument(value) for name, value in given.items()}


def _argument(value: object) -> Argument:
    return value if isinstance(value, Text) or type(value) in {str, int} else str(value)  # type: ignore[return-value]


def _mapped(value: Argument, function: Callable[[str], str]) -> Argument:
    if isinstance(value, Text):
        return value.mapped(function)
    return function(value) if isinstance(value, str) else value


def _month(moment: datetime) -> Text:
    months = (
        tr("Jan"), tr("Feb"), tr("Mar"), tr("Apr"), tr("May"), tr("Jun"),
        tr("Jul"), tr("Aug"), tr("Sep"), tr("Oct"), tr("Nov"), tr("Dec"),
    )  # fmt: skip
    return months[moment.month - 1]


def _weekday(moment: datetime) -> Text:
    return (tr("Mon"), tr("Tue"), tr("Wed"), tr("Thu"), tr("Fri"), tr("Sat"), tr("Sun"))[moment.weekday()]
