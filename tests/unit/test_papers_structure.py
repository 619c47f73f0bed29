"""What every paper for people keeps to: landmarks, headings in order, languages, contrast, short lists."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from stopgap.orchestrator.journal.records import FindingNoted, FindingsMade
from stopgap.orchestrator.report import report
from stopgap.orchestrator.report.manual import manual
from stopgap.orchestrator.resources import folder

from .story import CONTAINED, CUT, KEPT, OK, Lang, told


class Outline(HTMLParser):
    """Tags in their order, levels of headings, languages."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.levels: list[int] = []
        self.language = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag == "html":
            self.language = dict(attrs)["lang"] or ""


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_a_reader_by_ear_finds_landmarks_and_headings_in_order(lang: Lang) -> None:
    for page in (report(told(CONTAINED), lang=lang), manual(told(CONTAINED), lang=lang)):
        outline = Outline(page)
        assert outline.language == lang
        assert (outline.tags.count("main"), outline.tags.count("h1"), outline.levels[0]) == (1, 1, 1)
        assert all(b - a <= 1 for a, b in zip(outline.levels, outline.levels[1:], strict=False)), outline.levels
        assert "script" not in outline.tags


def luminance(colour: str) -> float:
    full = colour if len(colour) == 7 else "#" + "".join(c * 2 for c in colour[1:])
    channels = [int(full[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_the_contrast_that_wcag_asks_for_in_light_in_dark_and_on_paper() -> None:
    style = (folder("templates") / "report/style.css").read_text()
    palettes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.S)
    ]
    assert len(palettes) == 3
    pairs = [
        (text, ground) for text in ("ink", "soft", "good", "warn", "bad") for ground in ("sheet", "ground", "code")
    ]
    pairs += [(tone, f"{tone}-ground") for tone in ("good", "warn", "bad")]
    for palette in palettes:
        for text, ground in pairs:
            bright, dark = sorted((luminance(palette[text]), luminance(palette[ground])), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, (text, ground, palette)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_ten_thousand_findings_stay_usable_and_the_worst_come_first(lang: Lang) -> None:
    def made(number: int) -> FindingsMade:
        noted = [
            FindingNoted(
                id=f"rule-{number}-{n}",
                severity="critical" if (number, n) == (49, 199) else "low",
                title="<script>alert(1)</script>",
                count=3,
                first="\x1b[2J\u202e`x`](http://evil)",
            )
            for n in range(200)
        ]
        fields = {
            "step": f"triage{number}",
            "target": "web",
            "host": "web",
            "profile": "triage",
            "folder": f"evidence/{number}",
        }
        return FindingsMade.model_validate(
            fields | {"findings": noted, "rules": 200, "not_looked": 0, "sha256": None}
        )

    history = told([*CUT, KEPT, *(made(number) for number in range(50)), OK])
    for form in ("html", "md"):
        text = report(history, lang=lang, format=form)  # type: ignore[arg-type]
        assert len(text) < 300_000
        assert "9800" in text
        assert "<script" not in text.replace("\\<script", "")
        assert "\x1b" not in text
        assert "\u202e" not in text
    everything = json.loads(report(history, format="json"))["findings"]
    assert len(everything) == 10_000
    assert everything[0]["id"] == "rule-49-199"
