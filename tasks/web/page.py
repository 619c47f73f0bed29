"""Texts of the maintenance page: HTML for people, plain text for programs, and Apache's configuration."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stopgap.orchestrator.hosttext import is_plain
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.template import render_file
from stopgap.tasks.web.params import Params

FOLDER = "/var/www/stopgap"
"""Beside the document roots, out of reach of an account with write access to a document root; readable by Debian's
and Red Hat's Apache (under SELinux, the folder inherits `httpd_sys_content_t`).
"""
TEXT = f"{FOLDER}/maintenance.txt"
JSON = f"{FOLDER}/maintenance.json"
"""For programs: a problem document (RFC 9457)."""

_MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]


def html(first: Language) -> str:
    """Return the path of the page with `first` as first language."""
    return f"{FOLDER}/maintenance.{first}.html"


@dataclass(frozen=True)
class Pages:
    """Rendered pages, with the revision."""

    revision: str
    """Hash in each HTML page: a check identifies the page by the revision."""
    files: Mapping[str, str]
    """Path → content."""


def pages(params: Params) -> Pages:
    """Render the HTML page for each possible first language, the plain text, and the problem document."""
    drafts = _render(params, revision="")
    revision = hashlib.sha256("\0".join(drafts.values()).encode()).hexdigest()[:12]
    return Pages(revision, _render(params, revision))


def configuration(params: Params, load: Sequence[str] = ()) -> str:
    """Render Apache's configuration for the pages. `load`: lines that load modules, where these are not loaded yet.

    Requires Apache 2.4.19 or newer; an older version fails the configuration test before the reload.
    """
    first, *others = params.languages
    return render_file(
        f"web/apache-{params.mode}.conf",
        {
            "page": html(first),
            "other_pages": {language: html(language) for language in others},
            "text": TEXT,
            "json": JSON,
            "retry_after": int(params.retry_after.total_seconds()),
            "url": params.error_document_url,
            "certificate": params.certificate,
            "key": params.key,
            "load": load,
        },
    )


def _render(params: Params, revision: str) -> dict[str, str]:
    values = {
        "contact": params.contact,
        "site": params.site,
        "revision": revision,
        "messages": {language: _paragraphs(getattr(params.message, language, None)) for language in params.languages},
        "since": _moment(params.since),
        "next_word": _moment(params.next_word),
        "updates": _length(params.updates),
        "telephone": params.telephone,
        "dialled": re.sub(r"[^+0-9]", "", params.telephone or ""),
        "orders": params.orders,
        "payments": params.payments,
    }
    rendered = {
        html(first): render_file("web/maintenance.html", {**values, "languages": _beginning_with(first, params)})
        for first in params.languages
    }
    rendered[JSON] = _plain_json(_problem(params)) + "\n"
    rendered[TEXT] = render_file("web/maintenance.txt", {**values, "languages": params.languages})
    return rendered


def _plain_json(value: object) -> str:
    """Return JSON without characters that are not seen, or that turn the direction of writing."""
    return "".join(
        c if is_plain(c) else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else json.dumps(c)[1:-1]
        for c in json.dumps(value, ensure_ascii=False)
    )


def _problem(params: Params) -> dict[str, object]:
    """Return the page for programs: a problem of RFC 9457, with the operator's own words as further members."""
    messages = {lang: text for lang in params.languages if (text := getattr(params.message, lang, None))}
    moments = {"since": params.since, "next_word": params.next_word}
    return {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Emergency maintenance. Please try again later.",
        "contact": params.contact,
        **({"telephone": params.telephone} if params.telephone else {}),
        **({"messages": messages} if messages else {}),
        **{name: moment.isoformat() for name, moment in moments.items() if moment},
    }


def _beginning_with(first: Language, params: Params) -> tuple[Language, ...]:
    return (first, *(language for language in params.languages if language != first))


def _paragraphs(text: str | None) -> list[str]:
    lines = (text or "").replace("\r\n", "\n")
    return [part.strip() for part in re.split(r"\n\s*\n", lines) if part.strip()]


def _moment(moment: datetime | None) -> dict[str, str] | None:
    """Return a point in time as ISO 8601 and in each language, in the operator's time zone; None for None."""
    if moment is None:
        return None
    offset = moment.isoformat()[-6:] if moment.utcoffset() else ""
    zones = {"+09:00": ("JST", "日本時間")}
    english, japanese = zones.get(offset, (f"UTC{offset}", f"UTC{offset}"))
    return {
        "iso": moment.isoformat(timespec="minutes"),
        "en": f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}, {moment:%H:%M} ({english})",
        "ja": f"{moment.year}年{moment.month}月{moment.day}日 {moment:%H:%M}（{japanese}）",
    }


def _length(length: timedelta | None) -> dict[str, str] | None:
    """Return a length of time in each language, in whole hours or minutes; None for None."""
    if length is None:
        return None
    minutes = int(length.total_seconds()) // 60
    count, unit, ja = (minutes // 60, "hour", "時間") if minutes % 60 == 0 else (minutes, "minute", "分")
    return {
        "en": f"at least every {f'{count} {unit}s' if count != 1 else unit}",
        "ja": f"{count}{ja}ごとに更新します",
    }
