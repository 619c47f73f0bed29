"""Rendering of a report in a language and a format."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.language import Language, rendered
from stopgap.orchestrator.report.build import build
from stopgap.orchestrator.report.chart import chart
from stopgap.orchestrator.report.course import courses
from stopgap.orchestrator.report.excerpt import clipped, excerpt
from stopgap.orchestrator.report.model import Report
from stopgap.orchestrator.secret import redact
from stopgap.orchestrator.template import render_file
from stopgap.orchestrator.text import Text

PAGE = "report/report.html"
"""The template of the page."""
_NAMED = frozenset({"about", "detail", "label", "question", "text", "title"})
"""Fields of a report that may hold the name of a step, a question or a rule."""
UNITS = {
    "en": {"s": " s", "min": " min", "h": " h", "d": " d"},
    "ja": {"s": " 秒", "min": " 分", "h": " 時間", "d": " 日"},
}


def report(
    history: History,
    *,
    lang: Language = "en",
    format: Literal["html", "md", "json"] = "html",  # noqa: A002
    zone: tzinfo = UTC,
    names: Mapping[str, str] | None = None,
) -> str:
    """Return the report of a run: a self-contained HTML page, Markdown, or JSON by `schema_report`.

    `zone` is the time zone for HTML and Markdown; JSON has UTC and no language. `names` maps names of the runbook and
    the steps to translations.
    """
    return in_form(renamed(build(history), names or {}), lang=lang, format=format, zone=zone, names=names)


def renamed(built: Report, names: Mapping[str, str]) -> Report:
    """Return the report with translated names of runbook and steps."""
    said = {escape(name): escape(other) for name, other in names.items()}

    def in_text(items: tuple[Any, ...], field: str) -> tuple[Any, ...]:
        return tuple(
            item.model_copy(update={field: said[text]}) if (text := getattr(item, field)) in said else item
            for item in items
        )

    if not said:
        return built
    fields: dict[str, Any] = {name: in_text(getattr(built, name), "text") for name in ("open", "lessons", "timeline")}
    fields |= {"runs": in_text(built.runs, "title"), "steps": in_text(built.steps, "name")}
    return built.model_copy(update=fields | {"title": said.get(built.title, built.title)})


def in_form(
    built: Report,
    *,
    lang: Language,
    format: Literal["html", "md", "json"],  # noqa: A002
    zone: tzinfo = UTC,
    names: Mapping[str, str] | None = None,
) -> str:
    """Return a built report, of a run or an incident, in a language and a format; `names` as for `report`."""
    if format == "json":
        return redact(built.model_dump_json(indent=2)) + "\n"
    shown, left_out = excerpt(built)
    values = standing_values(built, left_out, lang, zone)
    told = teller(lang, names or {})
    if format == "md":
        fields = escape_markdown(clipped(told(shown.model_dump())))
        values |= {"report": fields, "by_number": _by_number(fields), "fenced": fenced}
        return redact(render_file("report/report.md", values).lstrip())
    drawn = None if built.incident else chart(built)
    fields = clipped(told(shown.model_dump()))
    values |= {
        "report": fields,
        "by_number": _by_number(fields),
        "chart": clipped(told(asdict(drawn))) if drawn else None,
    }
    values["courses"] = [clipped(told(asdict(each))) for each in courses(built, zone)]
    return redact(render_file(PAGE, values).lstrip())


def teller(lang: Language, names: Mapping[str, str]) -> Callable[[Any], Any]:
    """Return what puts a paper's fields into a language: texts everywhere, and names where names are."""
    shown = {escape(name): escape(other) for name, other in names.items()}

    def told(value: Any, field: str = "") -> Any:  # noqa: ANN401
        if isinstance(value, Text) or (isinstance(value, str) and field in _NAMED):
            return rendered(value, lang, shown)
        if isinstance(value, Mapping):
            return {key: told(item, str(key)) for key, item in value.items()}
        return [told(item, field) for item in value] if isinstance(value, list | tuple) else value

    return told


def standing_values(built: Report, left_out: Mapping[str, int], lang: Language, zone: tzinfo) -> dict[str, object]:
    """Return the template variables common to every paper, beside the report."""
    return {
        "lang": lang,
        "left_out": left_out,
        "span": lambda seconds: span(seconds, lang),
        "zone": _zone_name(built.started, zone),
        "when": lambda moment: _when(moment, zone),
        "minutes": lambda seconds: f"{seconds / 60:,.0f}",
        "minute": lambda moment: _when(moment, zone)[:16],
        "date": lambda moment: moment.astimezone(zone).strftime("%Y-%m-%d"),
        "clock": lambda moment: moment.astimezone(zone).strftime("%H:%M:%S"),
        "size": _size,
    }


def schema_report() -> dict[str, Any]:
    """Give the JSON Schema of the JSON form."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Report.model_json_schema(
        mode="serialization"
    )


def fenced(lines: tuple[str, ...]) -> str:
    """Return a fenced block of Markdown; no line of the block can end the fence."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence, *lines, fence])


def escape_markdown(value: Any) -> Any:  # noqa: ANN401
    """Escape every text in a tree for Markdown, so no template can omit the escape; previews are left to `fenced`."""
    if isinstance(value, str):
        escaped = re.sub(r"[\\`*_\[\]<>|&#!~${}]", r"\\\g<0>", value)
        return re.sub(r"(?i)(://|\bwww\.|\bmailto:|@)", lambda found: _unlinked(found[0]), escaped)
    if isinstance(value, Mapping):
        return {key: item if key == "preview" else escape_markdown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [escape_markdown(item) for item in value]
    return value


def _by_number(fields: Mapping[str, Any]) -> dict[int, Any]:
    return {change["number"]: change for change in fields["changes"]}


def _unlinked(text: str) -> str:
    """Break automatic links of GitHub's Markdown."""
    return text.replace(":", "\\:").replace(".", "\\.").replace("@", "\\@")


def _when(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _zone_name(moment: datetime, zone: tzinfo) -> str:
    there = moment.astimezone(zone)
    name = there.tzname() or ""
    offset = there.strftime("%z")
    return name if name == "UTC" else f"{name} (UTC{offset[:3]}:{offset[3:5]})"


def span(seconds: float, lang: Language) -> str:
    """Return a duration in at most two units: `1.2 s`, `4 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    names = UNITS[lang]
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + names["s"]
    whole = round(seconds)
    for size, name, small, less in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size}{names[name]}" + (f" {rest}{names[less]}" if rest else "")
    return f"{whole}{names['s']}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
