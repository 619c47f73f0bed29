"""Duties to notify: deadlines as the addressee counts them, what is known, and decisions of people."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from stopgap.orchestrator.duties import (
    Within,
    due,
    due_text,
    duties_in_force,
    is_closed,
    is_public_holiday,
    load_duties,
    loading,
)
from stopgap.orchestrator.duties.closed_days import open_day
from stopgap.orchestrator.journal.details import IncidentDetails
from stopgap.orchestrator.journal.incidents import Incident, Told
from stopgap.orchestrator.language import Language, rendered
from stopgap.orchestrator.plugins import DataFile, Plugin
from stopgap.orchestrator.report.duties import DutyStanding, counted_text, draft, duty_standings
from stopgap.orchestrator.source import InvalidInput

from .bench import Bench

HOLIDAYS = {
    2024: "01-01 01-08 02-11 02-12 02-23 03-20 04-29 05-03 05-04 05-05 05-06 07-15 08-11 08-12 09-16 09-22 09-23 "
    "10-14 11-03 11-04 11-23",
    2026: "01-01 01-12 02-11 02-23 03-20 04-29 05-03 05-04 05-05 05-06 07-20 08-11 09-21 09-22 09-23 "
    "10-12 11-03 11-23",
    2027: "01-01 01-11 02-11 02-23 03-21 03-22 04-29 05-03 05-04 05-05 07-19 08-11 09-20 09-23 10-11 11-03 11-23",
}
"""National holidays, substitutes and days between, by the calendar of the Cabinet Office."""
APPI_FINAL = Within(days=60, first_day=True, closed_days="japan", zone="Asia/Tokyo")
APPI_SOON = Within(days=5, soon=3, first_day=True, zone="Asia/Tokyo")


@pytest.mark.parametrize("year", HOLIDAYS)
def test_the_holidays_of_a_year_are_those_of_the_calendar(year: int) -> None:
    days = [date.fromordinal(n) for n in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())]
    assert " ".join(f"{day:%m-%d}" for day in days if is_public_holiday(day)) == HOLIDAYS[year]


def test_authorities_are_closed_at_weekends_on_holidays_and_at_the_turn_of_the_year() -> None:
    closed = [day for day in range(24, 32) if is_closed(date(2026, 12, day))]
    assert closed == [26, 27, 29, 30, 31]
    assert open_day(date(2026, 12, 29)) == date(2027, 1, 4)
    assert open_day(date(2026, 5, 2)) == date(2026, 5, 7), "Saturday, then three holidays, then a substitute"
    assert open_day(date(1999, 1, 1)) == date(1999, 1, 1), "years that are not known move no deadline"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("within", "known", "last", "by_count"),
    [
        (APPI_FINAL, "2026-11-23T10:40+09:00", "2027-01-21", None),
        (APPI_FINAL, "2026-11-02T23:59+09:00", "2027-01-04", "2026-12-31"),
        (APPI_FINAL, "2026-03-05T00:00+09:00", "2026-05-07", "2026-05-03"),
        (APPI_FINAL, "2026-11-22T15:30+00:00", "2027-01-21", None),
        (Within(days=30, first_day=True, closed_days="japan", zone="Asia/Tokyo"), "2026-07-19T09:00+09:00",
         "2026-08-17", None),
        (Within(days=30, closed_days="japan", zone="Asia/Tokyo"), "2026-08-23T09:00+09:00", "2026-09-24",
         "2026-09-22"),
        (APPI_SOON, "2026-12-30T09:00+09:00", "2027-01-03", None),
        (Within(months=1), "2027-01-31T09:00+00:00", "2027-02-28", None),
    ],
)  # fmt: skip
def test_days_are_counted_as_the_authority_counts(
    within: Within, known: str, last: str, by_count: str | None
) -> None:
    end = due(within, at(known))
    assert (str(end.day), str(end.moved_from) if end.moved_from else None) == (last, by_count)
    zone = "+09:00" if within.zone else "+00:00"
    assert end.at == at(f"{last}T00:00{zone}") + timedelta(days=1), "the midnight that ends the day"


def test_hours_run_through_weekends_and_holidays() -> None:
    assert due(Within(hours=72), at("2026-09-18T17:00+02:00")).at == at("2026-09-21T17:00+02:00")


def test_of_a_range_both_ends_are_told() -> None:
    end = due(APPI_SOON, at("2026-11-20T23:00+09:00"))
    assert (str(end.soon), str(end.day)) == ("2026-11-22", "2026-11-24")


def incident(**details: object) -> Incident:
    opened = Told(at("2026-11-24T09:00+09:00"), "noc@example", "")
    return Incident("shop", opened, (), None, (), IncidentDetails.model_validate(details))


def of(named: str, **details: object) -> DutyStanding:
    return next(each for each in duty_standings(incident(**details), []) if each.duty.id == named)


def test_a_deadline_counts_from_what_is_known_and_says_from_what() -> None:
    both = {"seen_at": "2026-11-23T10:40+09:00", "aware_at": "2026-11-24T08:00+09:00"}
    assert of("gdpr-authority", **both).due.at == at("2026-11-27T08:00+09:00")
    assert of("nis2-early-warning", **both).due.at == at("2026-11-24T10:40+09:00")
    noticed = of("gdpr-authority", seen_at="2026-11-23T10:40+09:00")
    assert noticed.due.at == at("2026-11-26T10:40+09:00")
    assert counted_text(noticed) == "counted from Mon 23 Nov 2026 10:40 JST, when the incident was noticed"
    assert "when it was noticed is not known" in counted_text(of("gdpr-authority"))


def test_one_incident_owes_notices_under_several_laws_at_once() -> None:
    standings = duty_standings(incident(seen_at="2026-11-23T10:40+09:00"), [])
    assert {each.duty.law for each in standings} >= {
        "appi", "gdpr", "telecommunications", "police", "ipa", "jpcert", "cards", "contracts",
    }  # fmt: skip
    assert all(each.state == "undecided" for each in standings), "silence takes nothing off the list"
    binding = [each.duty.binding for each in standings]
    assert binding.index("voluntary") == len(binding) - binding.count("voluntary")
    ends = [each.due.at for each in standings if each.due]
    assert ends == sorted(ends)


def test_the_items_of_the_rule_are_known_or_left_open() -> None:
    standing = of("appi-preliminary", seen="a web shell", people="about 1,200", data="names")
    assert [item.name.ja for item in standing.duty.items] == [
        "概要", "漏えい等が発生し、又は発生したおそれがある個人データの項目", "本人の数", "原因",
        "二次被害又はそのおそれの有無及びその内容", "本人への対応の実施状況", "公表の実施状況",
        "再発防止のための措置", "その他参考となる事項",
    ]  # fmt: skip
    assert [text for _, text in standing.known] == ["a web shell", "names", "about 1,200"]
    assert len(standing.unknown) == 6


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_a_draft_says_what_is_known_what_is_not_and_that_a_lawyer_decides(lang: Language) -> None:
    facts = incident(seen="web shell", people="1,200", reporter="山田", seen_at="2026-11-23T10:40+09:00")
    (standing,) = (each for each in duty_standings(facts, [], lang) if each.duty.id == "appi-final")
    text = draft(standing, facts, lang)
    assert "1,200" in text
    assert "山田" in text
    assert text.count("現時点では不明" if lang == "ja" else "not known yet") == 7
    assert ("弁護士" if lang == "ja" else "a lawyer decides") in text
    assert ("2027 年 1 月 21 日" if lang == "ja" else "21 Jan 2027") in text
    assert lang == "en" or "counted" not in text, "no English in a Japanese draft"


def test_a_day_that_closed_days_moved_is_told_with_the_day_by_count() -> None:
    text = due_text(of("appi-final", aware_at="2026-11-02T12:00+09:00").due)
    assert text == "by Mon 4 Jan 2027 (day by count: Thu 31 Dec 2026, closed)"
    assert rendered(text, "ja") == "2027 年 1 月 4 日（月）まで（計算上の末日 2026 年 12 月 31 日（木）は閉庁日）"


def test_every_shipped_duty_names_its_basis_and_what_was_checked_in_both_languages() -> None:
    for duty in duties_in_force():
        assert duty.checked is None or duty.read, duty.id
        assert duty.checked is None or duty.checked <= datetime.now(UTC).date(), duty.id
        words = [duty.name, duty.addressee, duty.when, duty.basis, duty.way, *(item.name for item in duty.items)]
        assert all(word.ja != word.en for word in words if " " in word.en), duty.id
        assert duty.items, duty.id


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("{id: x}", "law"),
        ("{id: X y}", "id"),
        ("{within: {hours: 1, days: 2}}", "give one of"),
        ("{within: {days: 2, soon: 3}}", "`soon`"),
        ("{within: {days: 2, zone: Tokio}}", "no time zone"),
        ("{items: [{name: a, detail: colour}]}", "colour"),
    ],
)
def test_a_mistake_in_an_entry_is_told_with_its_place(tmp_path: Path, entry: str, says: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"duties:\n  - {entry}\n")
    with pytest.raises(InvalidInput) as caught:
        load_duties([path])
    assert any(says in str(problem) and "own.yaml:" in str(problem) for problem in caught.value.problems)


OWN = """
duties:
  - {id: acme, law: contracts, name: Acme, addressee: Acme, when: "30 minutes down", binding: contract,
     basis: Contract, within: {hours: 4}, counts_from: noticed, way: telephone}
  - {id: nis2-final, law: nis2, name: a, addressee: b, when: c, binding: law, basis: d, way: e, never: not in the EU}
  - {id: police, law: police, name: Police, addressee: Chiba, when: always, binding: law, basis: ours, way: telephone}
"""


def test_a_project_adds_duties_replaces_and_takes_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = {duty.id: duty for duty in duties_in_force()}
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "bad.yaml").write_text("duties: [{id: broken}]")
    plugins = [
        DataFile(Plugin("duties", name, f"./duties/{name}", ""), tmp_path / name) for name in ("own.yaml", "bad.yaml")
    ]
    monkeypatch.setattr(loading, "files", lambda _: tuple(plugins))
    left_out: list[tuple[str, ...]] = []
    monkeypatch.setattr(loading, "fail", lambda *words: left_out.append(words))
    known = {duty.id: duty for duty in loading.duties_in_force.__wrapped__()}
    assert set(known) == (set(shipped) | {"acme"}) - {"nis2-final"}
    assert (known["police"].binding, known["acme"].name.ja) == ("law", "Acme")
    assert [words[1] for words in left_out] == ["bad.yaml"]


def test_decisions_of_people_are_kept_and_shown(bench: Bench) -> None:
    bench.stopgap("incident", "open", "shop", "--set", "seen_at=2026-11-23T10:40+09:00", "--set", "seen=shell")
    assert bench.stopgap("incident", "duty", "appi-final", "--owed")[0] == 0
    sent = ("--sent", "2026-11-25T16:30+09:00", "--reference", "2026-0815")
    status, out, _ = bench.stopgap("incident", "duty", "appi-final", *sent)
    assert (status, out) == (0, "appi-final: sent Wed 25 Nov 2026 16:30 JST, 2026-0815\n")
    bench.stopgap("incident", "duty", "nis2-final", "--not-owed", "no service there, says J. Doe")
    listed = bench.stopgap("incident", "duties")[1]
    assert listed.index("gdpr-authority  ") < listed.index("police  ") < listed.index("appi-final  sent")
    assert "nis2-final  not owed: no service there, says J. Doe" in listed
    assert "a lawyer decides" in listed
    whole = json.loads(bench.stopgap("incident", "duties", "--json")[1])["duties"]
    (final,) = (each for each in whole if each["id"] == "appi-final")
    assert (final["state"], final["due_day"], final["decided"]["reference"]) == ("sent", "2027-01-21", "2026-0815")
    assert bench.stopgap("incident", "show")[0] == 0


def test_what_does_not_fit_is_refused_and_nothing_is_recorded(bench: Bench) -> None:
    bench.stopgap("incident", "open", "shop")
    for words, says in (
        (("appi-fnal",), "appi-final"),
        (("appi-final", "--sent", "yesterday"), "expected a time with its offset"),
        (("appi-final", "--sent", "2999-01-01T00:00+00:00"), "in the future"),
        (("appi-final", "--not-owed", " "), "needs the reason"),
        (("appi-final", "--owed", "--draft"), "at a time"),
    ):
        status, _, err = bench.stopgap("incident", "duty", *words)
        assert (status, says in err) == (2, True), err
    assert '"decided": {' not in bench.stopgap("incident", "duties", "--json")[1]
