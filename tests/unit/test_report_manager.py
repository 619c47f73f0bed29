"""What somebody who decides reads first: impact in numbers, decisions with owner and date, duties, what went well."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from stopgap.orchestrator.report import in_form
from stopgap.orchestrator.report.course import courses
from stopgap.orchestrator.report.decisions import duty_names
from stopgap.orchestrator.report.impact import impact
from stopgap.orchestrator.report.incident import build_incident
from stopgap.tasks.traffic.block import BlockTraffic, Params

from .bench import Bench, file
from .story import Lang, told
from .test_course import RECORDS
from .weeks import ALARM, DAY, MINUTE, incident

TOKYO = ZoneInfo("Asia/Tokyo")
OWN = {
    "JPY", "TLP", "AMBER", "Kei", "Tanaka", "Mio", "Ito", "web", "Web", "stopgap", "incident", "duties", "mail",
    "from", "the", "provider", "about", "scans", "Pay", "for", "second", "router", "isp", "spare", "APPI", "GDPR",
    "JPCERT", "IPA", "SLA", "NIS", "PCI", "DSS", "JSON", "UTC", "upload", "form", "shop", "shut", "November",
}  # fmt: skip
"""Words that people, hosts and laws bring into a Japanese page."""
BUILT = build_incident(*incident())


def test_a_block_that_lets_the_web_in_is_no_outage_of_the_web() -> None:
    by_service = {each.service: each for each in BUILT.impact}
    web, mail = by_service["web"], by_service["mail"]
    assert (web.since, web.until) == (ALARM + 3 * MINUTE, ALARM + 18 * DAY + MINUTE), (
        "the first block stands, and counts no more"
    )
    assert (mail.since, mail.until) == (ALARM + 3 * MINUTE, ALARM + 21 * DAY)
    assert web.seconds == (18 * DAY - 2 * MINUTE).total_seconds()
    assert (web.seen_since, web.seen_until) == (ALARM + 3 * MINUTE, ALARM + 18 * DAY + 2 * MINUTE)
    assert web.seen_by == ("spare", "isp")
    assert (mail.seen_since, mail.seen_seconds) == (None, None)
    drawn = [(s.label, s.till) for g in next(courses(BUILT)).groups if g.kind == "outage" for s in g.strands]
    assert drawn == [("Web site", web.until), ("Mail", mail.until)]


@pytest.mark.parametrize(
    ("given", "out"),
    [
        ({}, ("web", "mail")),
        ({"allow_services": ["tcp/80", "tcp/443"]}, ("mail",)),
        ({"allow_services": ["tcp/25"]}, ("web",)),
        ({"ports": ["tcp/25"]}, ("mail",)),
        ({"ports": ["tcp/8080"]}, ()),
        ({"allow_services": ["udp/443"]}, ("web", "mail")),
    ],
)
def test_a_block_takes_what_it_drops(given: dict[str, object], out: tuple[str, ...]) -> None:
    assert BlockTraffic().services_out(Params.model_validate(given)) == out


def test_what_goes_on_has_no_end_and_counts_until_now() -> None:
    (web, _) = impact(incident()[1][:1])
    assert web.until == ALARM + 21 * DAY, "nothing has let it in before"
    (web, mail) = impact([told(RECORDS)])
    assert (web.until, mail.until) == (None, None)


def test_numbers_are_counted_and_not_asserted() -> None:
    assert (BUILT.messages_held, BUILT.customers_told, BUILT.page_shown) == (14, 2, 3120)
    bare, histories = incident()
    details = bare.details.model_copy(update={"page_shown": None, "costs": None, "severity": None})
    page = in_form(build_incident(type(bare)(bare.name, bare.opened, (), None, bare.runs, details), histories[1:2]),
                   lang="en", format="md")  # fmt: skip
    assert "requests shown the maintenance page: not counted" in page
    assert "messages held in the queue: not counted" in page
    assert "Severity: not known" in page


def test_decisions_have_an_owner_and_a_date_and_what_is_done_comes_last() -> None:
    kinds = [(a.kind, a.owner, a.late) for a in BUILT.actions]
    assert kinds == [
        ("findings", "Kei Tanaka", False),
        ("decision", "Mio Ito", False),
        ("action", "Aoi Sato", False),
    ]
    assert BUILT.actions[0].text == "Decide on 2 open findings" or BUILT.actions[0].text.startswith("Decide on")
    assert [g.kind for g in BUILT.went_well] == ["contained", "all-held", "all-sent", "said"]


def test_duties_without_a_decision_stand_on_the_first_screen_with_their_deadline() -> None:
    assert BUILT.duties
    assert {each.state for each in BUILT.duties} <= {"undecided", "owed"}
    assert any(each.late for each in BUILT.duties)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_first_screen_says_all_of_it_in_both_languages(lang: Lang) -> None:
    names = duty_names(*incident()) if lang == "ja" else {}
    page = in_form(BUILT, lang=lang, format="html", zone=TOKYO, names=names)
    first = page[page.index("<main>") : page.index({"en": "Still open", "ja": "未解決の事項"}[lang])]
    for text in ("Kei Tanaka", "+81 3 0000 0000", "3120", "120000 JPY", "TLP:AMBER", "Mio Ito", "2026-12-10", "14"):
        assert text in first, text
    assert {"en": "the shop and its mail", "ja": "ネットショップとメール"}[lang] in first
    assert "2026-11-02 09:40" in first, "the begin of the outage, in Tokyo"
    if lang == "ja":
        said = re.sub(r"<[^>]+>", " ", first[first.index("概要") :])
        laws = {word for each in BUILT.duties for word in re.findall("[A-Z]+", each.text.split()[0])}
        assert set(re.findall(r"[A-Za-z]{3,}", said)) <= OWN | laws


def test_an_incident_of_weeks_has_a_second_strip_and_ticks_at_round_times_of_the_zone() -> None:
    whole, first = courses(BUILT, TOKYO)
    assert whole.seconds >= (24 * DAY).total_seconds()
    for each, least in ((whole, 86400), (first, 60)):
        assert 2 <= len(each.ticks) <= 6
        for tick in each.ticks:
            there = tick.at.astimezone(TOKYO)
            assert (there.hour * 3600 + there.minute * 60 + there.second) % min(least, 86400) == 0, there
    assert first.start == ALARM
    assert first.seconds < timedelta(hours=6).total_seconds()
    (cut,) = (m for m in first.moments if m.kind == "cut")
    alarm = next(m for m in first.moments if m.kind == "alarm")
    assert cut.x - alarm.x >= 10, "alarm and cut are apart"


def test_actions_notes_and_the_zone_come_from_the_command_line(bench: Bench) -> None:
    details = ("--set", "timezone=Asia/Tokyo", "--set", "tlp=green", "--set", "severity=high")
    assert bench.stopgap("incident", "open", "shop", *details)[0] == 0
    assert bench.run(bench.runbook(file(bench, "one")), "--yes", "--incident", "shop")[0] == 0
    words = ("incident", "action", "add", "Shut the form", "--owner", "Aoi", "--due")
    assert bench.stopgap(*words, "soon")[0] == 2
    assert "Action 1 of shop: Aoi, by 2026-12-01." in bench.stopgap(*words, "2026-12-01")[1]
    assert bench.stopgap(*words, "2026-12-02", "--decision")[0] == 0
    assert bench.stopgap("incident", "action", "done", "1", "shut")[0] == 0
    status, _, err = bench.stopgap("incident", "action", "done", "1")
    assert (status != 0, "action 1 is done already, by" in err) == (True, True)
    assert bench.stopgap("incident", "action", "done", "9")[0] != 0
    assert bench.stopgap("incident", "note", "--went-well", "Aoi was there in a minute")[0] == 0
    shown = json.loads(bench.stopgap("incident", "show", "--json")[1])
    assert [(a["number"], a["decision"], a["result"]) for a in shown["actions"]] == [
        (1, False, "shut"),
        (2, True, ""),
    ]
    page = bench.stopgap("report", "--incident", "shop", "--format", "md")[1]
    for text in ("JST", "TLP:GREEN", "Severity: high", "Aoi was there in a minute", "by 2026-12-02"):
        assert text in page, text
    assert "JST" in bench.stopgap("report", "last", "--format", "md")[1], "the incident's zone is its runs' too"
