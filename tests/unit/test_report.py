"""The report of a run, as a person and as a program read it, and what a hostile text can do in it."""

import itertools
import json
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

import jinja2
import pytest

from stopgap.orchestrator.change import write_file
from stopgap.orchestrator.facts import ABSENT
from stopgap.orchestrator.journal.records import (
    AnyRecord,
)
from stopgap.orchestrator.report import Report, report, schema_report
from stopgap.orchestrator.report.manual import manual
from stopgap.orchestrator.resources import folder

from .story import BACK, CONTAINED, CUT, FAILED, FOUND, OK, Lang, change, hostile_story, look, step, told

Form: TypeAlias = Literal["html", "md", "json"]


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip() and self.tags[-1][0] != "style":
            self.words.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(self.words)


def page(records: Iterable[AnyRecord], lang: Lang = "en", *, running: bool = False) -> Page:
    return Page(report(told(records, running=running), lang=lang))


def test_the_page_begins_with_what_is_contained_since_when_and_how_it_is_proved() -> None:
    text = page(CONTAINED).text
    first = text[: text.index("Not covered")]
    assert "web: Contained" in first
    assert "Packets sent from other hosts show it." in first
    assert "Cut off 2026-11-23 01:13:02" in first
    assert "Proved 2026-11-23 01:13:03 , 3 of 3 checks passed, seen from spare, isp" in first
    assert "In force until 2026-11-26 01:13:02" in first
    assert "edge: drop 203.0.113.10 both ways, web to 203.0.113.20 (until 2026-11-26 01:13:02)" in first
    assert "The cut ends by itself." in first


def test_the_page_names_gaps_steps_undo_evidence_answers_and_whose_word_it_is() -> None:
    text = page([*CONTAINED, FOUND]).text
    for expected in (
        "203.0.113.30 shares web's segment",
        "Stop the mail server changed on web, 1.2 s",
        "14 messages stay queued",
        "nothing listens on 25 holds the target's own word",
        "Undo unmask, enable, start postfix",
        "stopgap undo 20261123-0113-k3f9 --step mail",
        "38 items, 2.3 MB",
        "7f3a91c2" * 8,
        "stopgap verify 20261123-0113-k3f9",
        "critical web: A process hides seen 3 times process 7 (002-x.txt:9)",
        "/etc/cron.d/<b>x</b>",
        "stopgap evidence findings 20261123-0113-k3f9",
        "Is the provider told? yes answered by kei",
        "+ set blocked",
    ):
        assert expected in text
    assert text.index("remove /etc/apache2/conf-available/stopgap.conf") < text.rindex(
        "unmask, enable, start postfix"
    )


def test_what_failed_is_still_open_on_the_first_screen() -> None:
    shown = page(FAILED)
    first = shown.text[: shown.text.index("Not covered")]
    assert "web: Only partly contained" in first
    assert "web: Step did not succeed – Stop the mail server (postfix would not stop)" in first
    assert "spare: Not reached (timeout after 10 s)" in first
    assert "isp: Is not as it should be – 203.0.113.10:25 is silent (open)" in first
    assert "other: Nobody could look – 203.0.113.10:443 is silent" in first
    assert any(attrs.get("class") == "verdict bad" for _, attrs in shown.tags)


def test_grave_findings_are_open_on_the_first_screen_though_the_host_is_contained() -> None:
    first = page([*CONTAINED, FOUND]).text.partition("Not covered")[0]
    assert "web: Contained" in first
    assert "Critical and high findings: 1" in first
    assert "A process hides" in first
    assert "web: Findings that nobody has decided on: 1 critical, 1 low" in first
    assert "web: Findings of high severity" not in first
    assert "web：判断がまだの検出事項：重大 1 件、低 1 件" in page([*CONTAINED, FOUND], lang="ja").text


def test_findings_of_a_collection_that_was_resumed_are_counted_once() -> None:
    again = FOUND.model_copy(update={"folder": f"{FOUND.folder}.2"})
    failed = FOUND.model_copy(update={"folder": f"{FOUND.folder}.3", "findings": (), "trouble": "disk full"})
    first = page([*CONTAINED, FOUND, again, failed]).text.partition("Not covered")[0]
    assert "web: Findings that nobody has decided on: 1 critical, 1 low" in first


def test_a_cut_that_was_taken_back_is_not_called_contained() -> None:
    text = page([*CONTAINED, *BACK]).text
    assert "web: No longer cut off" in text
    assert "web: Contained" not in text


def test_a_run_that_broke_off_says_so_and_how_to_take_back_what_it_may_have_done() -> None:
    text = page(CUT[:2]).text
    assert "The run was interrupted. Go on with it, or undo it." in text
    assert "edge: Nobody knows whether this was changed – drop 203.0.113.10" in text
    assert "stopgap undo 20261123-0113-k3f9" in text
    assert "The run goes on" in page(CUT[:2], running=True).text


STORIES: dict[str, list[AnyRecord]] = {
    "nothing yet": [],
    "contained": CONTAINED,
    "taken back": [*CONTAINED, *BACK],
    "failed": FAILED,
    "broken off": CUT[:2],
}


@pytest.mark.parametrize("story", STORIES)
def test_every_story_is_told_in_both_languages_and_every_form(story: str) -> None:
    history = told(STORIES[story])
    for lang, form in itertools.product(get_args(Lang), get_args(Form)):
        text = report(history, lang=lang, format=form)
        assert "20261123-0113-k3f9" in text
        assert text.endswith("\n")


def test_the_japanese_page_is_in_japanese() -> None:
    shown = page(CONTAINED, "ja")
    assert ("html", {"lang": "ja"}) in shown.tags
    for expected in (
        "web：遮断済み",
        "未解決の事項",
        "取り消し方法",
        "対象ホスト自身の申告",
        "2026-11-26 01:13:02 まで",
    ):
        assert expected in shown.text
    english = re.sub(r"[^ -~]", "", report(told(CONTAINED), lang="ja", format="md"))
    assert not re.search(r"\b(Still|Cut off|Proved|Made|Steps|Evidence kept|holds)\b", english)


def test_times_may_be_given_in_the_readers_zone() -> None:
    text = Page(report(told(CONTAINED), lang="ja", zone=ZoneInfo("Asia/Tokyo"))).text
    assert "JST (UTC+09:00)" in text
    assert "2026-11-23 10:13:02" in text


def test_both_languages_have_the_same_words() -> None:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder("templates")), autoescape=True)
    words: Any = environment.get_template("report/words.jinja").module.words
    more: Any = environment.get_template("report/manual-words.jinja").module.manual_words

    def shape(value: object) -> object:
        if isinstance(value, dict):
            return {key: shape(item) for key, item in value.items()}
        return sorted(re.findall(r"%\(\w+\)s", str(value)))

    assert shape(words["en"]) == shape(words["ja"])
    assert shape(more["en"]) == shape(more["ja"])


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    shown = page(CONTAINED)
    policy = {a.get("http-equiv"): a.get("content") for t, a in shown.tags if t == "meta"}
    assert policy["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert not {tag for tag, _ in shown.tags} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "a",
        "form",
        "use",
        "image",
        "foreignobject",
    }
    names = {name for _, attrs in shown.tags for name in attrs}
    assert not {name for name in names if name.startswith("on") or name in {"src", "href", "style"}}
    assert "url(" not in report(told(CONTAINED))


def test_json_follows_its_schema_and_comes_back_whole() -> None:
    text = report(told(FAILED), format="json")
    built = Report.model_validate_json(text)
    assert (built.tone, built.exit_code, built.containment[0].verdict) == ("bad", 1, "partly")
    assert json.loads(text)["started"] == "2026-11-23T01:13:00Z"
    schema = schema_report()
    assert set(json.loads(text)) == set(schema["properties"]) == set(schema["required"])


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</style><script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "{{ 7*7 }}{% raw %}",
    "%(target)s %s",
    "\x1b]0;owned\x07\x1b[2J\x9b31m",
    "\u202egnp.exe\u2066\u200b\ufeff",
    "a\nb\r\n# c\n```\n<script>",
    "![x](http://evil.example/x.png) [y](javascript:alert(1)) www.evil.example <http://e> `c` | d",
    "````\n# broken out",
    "lone \udcff surrogate",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("lang", get_args(Lang))
def test_a_hostile_text_is_only_text(text: str, lang: Lang) -> None:
    usual = {tag for tag, _ in page([*CONTAINED, *FAILED], lang).tags}
    history = hostile_story(text)
    html, markdown, as_json = (report(history, lang=lang, format=form) for form in get_args(Form))
    assert {tag for tag, _ in Page(html).tags} <= usual
    assert "49" not in Page(html).text.replace("2026-11-23", "")
    for rendered in (html, markdown, as_json):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", rendered)
        rendered.encode()
    outside = re.sub(r"^(`{3,})\n.*?\n\1$", "", markdown, flags=re.S | re.M)
    assert not re.search(r"(?<!\\)[<`]", outside)
    assert not re.search(r"(?<!\\)(\]\(|://)|www\.", outside)
    assert not re.search(r"^# (c|broken)", outside, flags=re.M)


def test_a_long_diff_is_cut_and_says_so() -> None:
    long = write_file("/etc/long", "line\n" * 5000, ABSENT)
    text = page(step("page", "spare", "P", "t", *change("page", "spare", long))).text
    assert "4603 more lines are not shown here." in text


def test_the_drawing_is_to_scale_and_the_times_count_from_the_start() -> None:
    shown = page(CONTAINED)
    bars = [attrs for tag, attrs in shown.tags if tag == "rect"]
    assert len(bars) == 4
    starts = [int(attrs["x"] or "") for attrs in bars]
    assert starts == sorted(starts)
    # The run takes 9.5 s to the end of its last step: the width is 12 s, the cut begins after 1 s and takes 3 s.
    assert "the whole width is 12 s" in shown.text
    assert (bars[0]["x"], bars[0]["width"]) == ("83", "250")
    assert "until web was cut off 2 s" in shown.text
    assert "until the end of: Stop the mail server 8 s" in shown.text


def test_what_to_do_better_comes_from_the_run_itself() -> None:
    text = page(FAILED).text
    lessons = text[text.index("What to do better") : text.index("What happened when")]
    assert "spare: Could not be reached" in lessons
    assert "web: Stop the mail server – Did not succeed" in lessons
    assert "other: 203.0.113.10:443 is silent – Nobody could look" in lessons
    assert "Maintenance page" not in lessons
    assert "Nothing was slow, refused or left to do by hand." in page(CONTAINED).text


def test_what_root_on_a_target_could_read_is_to_be_replaced() -> None:
    text = page(CONTAINED).text
    assert "web: its SSH host keys" in text
    assert "(root@203.0.113.10)" in text
    assert "spare: its SSH host keys" not in text


def test_ten_thousand_looks_stay_usable_and_the_ones_that_fail_are_shown() -> None:
    looks: list[AnyRecord] = [look("isp", f"port {n} is silent", n != 9_000) for n in range(10_000)]
    history = told([*CUT[:-1], *looks, CUT[-1], OK])
    for lang, form in itertools.product(get_args(Lang), ("html", "md")):
        text = report(history, lang=lang, format=form)
        assert len(text) < 300_000
        assert "9000 is silent" in text or "9000 が応答しない" in text
        assert "9803" in text
    assert len(json.loads(report(history, format="json"))["checks"]) == 10_003


def test_the_manual_tells_somebody_who_was_not_there_what_to_type_and_what_to_expect() -> None:
    text = Page(manual(told(CONTAINED), about="Cut it off.", inputs={"contact": "Shown to visitors"})).text
    for expected in (
        "Cut it off.",
        "stopgap run /srv/runbooks/contain.yaml -i /srv/inventories/lab.yaml -t web -p contact=noc@example.jp",
        "contact noc@example.jp Shown to visitors",
        "1 Drop its packets upstream edge changed 1.2 s",
        "It worked when: 203.0.113.10:80 is silent",
        "root@203.0.113.10",
        "systemctl mask --now postfix.service",
        "stopgap undo RUN --step mail web: unmask, enable, start postfix",
        "Never shut the host down",
    ):
        assert expected in text
    back = text[text.index("How to take it back") :]
    assert back.index("--step page") < back.index("--step mail") < back.index("--step cut-off")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("lang", get_args(Lang))
def test_a_hostile_text_is_only_text_in_the_manual_too(text: str, lang: Lang) -> None:
    usual = {tag for tag, _ in Page(manual(told(CONTAINED), lang=lang)).tags}
    history = hostile_story(text)
    html = manual(history, lang=lang, about=text)
    markdown = manual(history, lang=lang, about=text, format="md")
    assert {tag for tag, _ in Page(html).tags} <= usual
    outside = re.sub(r"^(`{3,})\n.*?\n\1$", "", markdown, flags=re.S | re.M)
    assert not re.search(r"(?<!\\)[<`]", outside)
    assert not re.search(r"(?<!\\)(\]\(|://)|www\.", outside)
