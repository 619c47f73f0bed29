"""Renders the pages from `templates/serve/`: every text in the reader's language, escaped and redacted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import quote, urlencode

from stopgap.orchestrator.language import Language, rendered
from stopgap.orchestrator.report.render import span
from stopgap.orchestrator.secret import redact
from stopgap.orchestrator.template import render_file


@dataclass(frozen=True)
class Frame:
    """What every page has beside its own values."""

    lang: Language
    zone: tzinfo
    now: datetime
    person: str = ""
    """Empty before the login."""
    mark: str = ""
    path: str = "/"
    """Of the page, for the link to the other language."""
    query: Mapping[str, str] = field(default_factory=dict)
    damage: tuple[str, ...] = ()
    """What is wrong with the journal, for the head of the page."""
    may_log_out: bool = False


def show(page: str, frame: Frame, names: Mapping[str, str] | None = None, /, **values: Any) -> str:  # noqa: ANN401
    """Return `templates/serve/PAGE.html` with values; `names` maps the operator's names to the reader's language."""
    own = names or {}
    other: Language = "ja" if frame.lang == "en" else "en"
    common = {
        "lang": frame.lang,
        "frame": frame,
        "t": lambda text: rendered(text, frame.lang, own),
        "when": lambda moment: _when(moment, frame.zone),
        "clock": lambda moment: moment.astimezone(frame.zone).strftime("%H:%M:%S"),
        "left": lambda moment: span(max(0.0, (moment - frame.now).total_seconds()), frame.lang),
        "ago": lambda moment: span(max(0.0, (frame.now - moment).total_seconds()), frame.lang),
        "span": lambda seconds: span(seconds, frame.lang),
        "zone": _zone_name(frame.now, frame.zone),
        "other_language": _address(frame.path, {**frame.query, "lang": other}),
        "address": lambda path, **query: _address(path, {key: str(value) for key, value in query.items() if value}),
        "part": lambda text: quote(text, safe=""),
    }
    return redact(render_file(f"serve/{page}.html", common | values))


def _address(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _when(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _zone_name(moment: datetime, zone: tzinfo) -> str:
    there = moment.astimezone(zone)
    name, offset = there.tzname() or "", there.strftime("%z")
    return name if name == "UTC" else f"{name} (UTC{offset[:3]}:{offset[3:5]})"
