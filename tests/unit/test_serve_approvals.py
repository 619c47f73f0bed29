"""Plans on the page: read there by whoever may approve, and approved for the very plan that was read."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.journal import History, Journal, open_journal, state_home
from stopgap.orchestrator.journal.approval_records import ApprovalAsked
from stopgap.orchestrator.journal.records import Asked
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.serve.asking import digest_of
from stopgap.orchestrator.serve.by_roles import ByRoles
from stopgap.orchestrator.serve.login import ProxyLogin
from stopgap.orchestrator.serve.permission import Allowed

from .journals import Journals
from .page import FROM_HERE, Page, behind_proxy, page
from .story import CUT, started
from .test_roles import Team
from .test_roles import team as shift

__all__ = ["shift"]
PROXY = ProxyLogin("X-Remote-User", "noc@desk")


@pytest.fixture
def crew(shift: Team) -> Iterator[Team]:
    """Kei runs, Aki and Ren approve, Mio looks on; all of them are known on the page."""
    for name in ("aki", "mio"):
        shift.roles["people"][name]["page"] = name
    shift.roles["people"]["ren"] = {"page": "ren"}
    shift.write(
        lead={"people": ["aki", "ren"], "may": ["approve"]}, manager={"people": ["mio", "ren"], "may": ["view"]}
    )
    status, _ = shift.run()
    assert status == 4
    yield shift


def seen_by(name: str) -> Page:
    return behind_proxy(state_home(), name, ByRoles(Allowed()), PROXY)


def waiting() -> History:
    with Journal.open(state_home()) as journal:
        return journal.history(journal.resolve("last"))


def plan_of(served: Page) -> dict[str, str]:
    """Return the fields of the form of the one plan that can be approved."""
    shown = served.get("/questions")
    found = re.search(r'action="/approvals".*?</form>', shown, re.DOTALL)
    return dict(re.findall(r'name="(\w+)" value="([^"]+)"', found[0])) if found else {}


def approve(served: Page, fields: dict[str, str]) -> tuple[int, str]:
    got = served.client.post("/approvals", data=fields, headers=FROM_HERE)
    return got.status_code, got.text


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_who_may_approve_reads_the_plan_and_approves_it_on_the_page(crew: Team, lang: str) -> None:
    aki = seen_by("aki")
    run = waiting().run
    assert f'href="/runs/{run}#a-{run}-text"' in aki.get("/", lang)
    shown = aki.get(f"/runs/{run}", lang)
    assert f'data-live="/live/runs/{run}"' in shown, "who began the run sees by itself that it goes on"
    for word in (str(crew.bench.files / "x"), "127.0.0.2", {"en": "undo", "ja": "取り消し"}[lang]):
        assert word in shown.replace("Undo", "undo"), word
    told = crew.bench.top / "events.jsonl"
    (state_home() / "sinks.yaml").write_text(f"sinks: {{archive: {{kind: file, path: {told}}}}}\n")
    status, text = approve(aki, plan_of(aki))
    assert (status, "Your approval is recorded." in text) == (200, True)
    assert waiting().approvers == ("aki",)
    assert plan_of(aki) == {}
    give_up = time.monotonic() + 60
    while not (told.exists() and "authorized" in told.read_text()) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert '"authorized"' in told.read_text(), "the sinks are told beside the page"
    assert not crew.written
    crew.be("kei")
    assert crew.stopgap("resume", "last", "--yes")[0] == 0
    assert crew.written


def test_of_two_who_approve_at_once_both_count_and_nobody_counts_twice(crew: Team) -> None:
    crew.write(shift={**crew.roles["roles"]["shift"], "approve": 3})
    crew.run()
    aki, ren = seen_by("aki"), seen_by("ren")
    forms = plan_of(aki), plan_of(ren)
    assert approve(aki, forms[0])[0] == 200
    assert waiting().approvals_lacking == 1
    status, text = approve(aki, forms[0])
    assert (status, "aki has approved it already" in text) == (409, True)
    assert approve(ren, forms[1])[0] == 200
    assert (waiting().approvers, waiting().approvals_lacking) == (("aki", "ren"), 0)
    assert approve(ren, forms[1])[0] == 409


def test_who_may_only_look_or_began_the_run_approves_nothing(crew: Team) -> None:
    fields = plan_of(seen_by("aki"))
    mio = seen_by("mio")
    assert plan_of(mio) == {}
    assert approve(mio, fields)[0] == 403
    crew.write(lead={"people": ["aki", "kei"], "may": ["approve"]})
    kei = seen_by("kei@example.jp")
    own = plan_of(seen_by("aki"))
    assert "You began this run; another person approves it." in kei.get("/questions")
    crew.be("aki")
    crew.run()
    kei = seen_by("kei@example.jp")
    status, text = approve(kei, {**own, "mark": plan_of(kei)["mark"]})
    assert (status, "kei began the run; another person approves" in text) == (409, True)
    with Journal.open(state_home()) as journal:
        assert journal.history(own["run"]).approvers == ()


def test_a_form_without_its_mark_from_elsewhere_or_of_another_plan_approves_nothing(crew: Team) -> None:
    aki = seen_by("aki")
    fields = plan_of(aki)
    assert approve(aki, {**fields, "mark": "0" * 64})[0] == 403
    strange = aki.client.post("/approvals", data=fields, headers={"sec-fetch-site": "cross-site"})
    assert strange.status_code == 403
    status, text = approve(aki, {**fields, "plan": "0" * 64})
    assert (status, "has another plan now; nothing was recorded" in text) == (409, True)
    assert waiting().approvers == ()


def test_a_plan_whose_steps_are_not_those_of_its_digest_is_not_shown(crew: Team) -> None:
    with open_journal() as journal:
        run = journal.resolve("last")
        asked = next(e.record for e in journal.records(run) if isinstance(e.record, ApprovalAsked))
        other = journal.begin(journal.history(run).started)
        journal.append(other, asked.model_copy(update={"steps": "[]"}))
    aki = seen_by("aki")
    assert "the steps that it shows are not those of its digest" in aki.get(f"/runs/{other}")
    assert other not in plan_of(aki).values()


def test_a_run_that_went_first_in_an_emergency_is_approved_after_on_the_page(crew: Team) -> None:
    crew.write(night={"people": ["kei"], "may": ["emergency"]})
    assert crew.run("--emergency", "customers lose money")[0] == 0
    aki = seen_by("aki")
    assert "It went first, in an emergency: customers lose money" in aki.get(f"/runs/{waiting().run}")
    shown = aki.get("/questions")
    form = next(
        each for each in re.findall(r'action="/approvals".*?</form>', shown, re.DOTALL) if waiting().run in each
    )
    assert approve(aki, dict(re.findall(r'name="(\w+)" value="([^"]+)"', form)))[0] == 200
    assert (waiting().approvers, waiting().approvals_lacking) == (("aki",), 0)


def test_roles_decide_what_is_on_the_page(crew: Team) -> None:
    crew.write(manager={"people": ["mio"], "may": ["view"], "hosts": ["b"]})
    run, mio = waiting().run, seen_by("mio")
    for path in ("/", "/runs", "/questions", "/timeline", "/search?q=runbook"):
        assert run not in mio.get(path), path
    assert mio.client.get(f"/runs/{run}").status_code == 403
    crew.write(manager={"people": ["mio"], "may": ["view"], "hosts": ["a", "b"]})
    assert run in mio.get("/runs")
    assert seen_by("stranger").client.get(f"/runs/{run}").status_code == 403


def test_whoever_has_the_token_approves_as_the_person_of_the_key_with_a_signature(crew: Team) -> None:
    crew.be("aki")
    served = page(state_home(), ByRoles(Allowed(), "aki"))
    assert approve(served, plan_of(served))[0] == 200
    given = [each for each in waiting().authorized if each.action == "approve"]
    assert [(each.person, bool(each.signature)) for each in given] == [("aki", True)]


def test_two_machines_with_one_database_ask_and_answer_each_question_once(
    team: Journals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages of two operators, each over the team's journal from a state folder of its own."""

    def be_at(place: str) -> None:
        for name, value in team.environ(tmp_path / place).items():
            monkeypatch.setenv(name, value)

    with team.open(tmp_path / "a") as journal:
        run = journal.begin(started())
        asked = Asked(step="way", target="web", question=Question(text="Is the way in shut?", reason="It has to be."))
        journal.append(run, *CUT, asked)
        pages = {}
        for place, name in (("a", "kei"), ("b", "mio")):
            be_at(place)
            pages[place] = behind_proxy(tmp_path / place, name)
            assert "Is the way in shut?" in pages[place].get("/questions")
            assert run in pages[place].get("/")
        marks = {place: served.mark() for place, served in pages.items()}
        be_at("b")
        assert pages["b"].answer(run, digest_of(asked), marks["b"], answer="yes")[0] == 200
        be_at("a")
        status, text = pages["a"].answer(run, digest_of(asked), marks["a"], answer="no")
        assert (status, "mio via noc@desk answered first" in text) == (409, True)
        assert [(a.answer, a.by) for a in journal.history(run).answers] == [("yes", "mio via noc@desk")]
        assert pages["a"].questions() == []
        assert "mio via noc@desk" in pages["a"].get(f"/runs/{run}")


def test_metrics_are_there_where_they_were_asked_for_and_tell_no_text(crew: Team) -> None:
    assert page(state_home()).client.get("/metrics").status_code == 404
    served = page(state_home(), metrics=True)
    served.client.cookies.clear()
    got = served.client.get("/metrics")
    assert (got.status_code, got.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert 'stopgap_runs{state="waiting"} 1' in got.text
    assert served.client.get("/runs").status_code == 401
