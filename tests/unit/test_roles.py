"""Who may view, answer, run, approve and undo: by roles.yaml, known by SSH keys; and the second person."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.journal.approval_records import ApprovalAsked, Authorized
from stopgap.orchestrator.roles import Act, ActRefused, Roles, Subject, may, roles_here, signed_by
from stopgap.orchestrator.roles.acts import sign_act
from stopgap.orchestrator.roles.files import parse_roles
from stopgap.orchestrator.source import InvalidInput

from .bench import Bench, file

PEOPLE = ("kei", "aki", "mio")


class Team:
    """A shift of three: kei runs, aki approves, mio looks on; each with a key."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench, self._monkeypatch = bench, monkeypatch
        self.keys = {name: self.key(name) for name in (*PEOPLE, "kei-laptop", "stranger")}
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        monkeypatch.delenv("STOPGAP_ROLES", raising=False)
        self.roles: dict[str, Any] = {
            "people": {
                "kei": {"keys": [self.public("kei"), self.public("kei-laptop")], "page": "kei@example.jp"},
                "aki": {"keys": [self.public("aki")]},
                "mio": {"keys": [self.public("mio")]},
            },
            "roles": {
                "shift": {"people": ["kei", "aki"], "may": ["view", "answer", "run", "undo"], "approve": 2},
                "lead": {"people": ["aki"], "may": ["approve"]},
                "manager": {"people": ["mio"], "may": ["view"]},
            },
        }
        self.write()
        self.be("kei")

    def key(self, name: str) -> Path:
        path = self.bench.top / f"key-{name}"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
        return path

    def public(self, name: str) -> str:
        return self.keys[name].with_name(f"key-{name}.pub").read_text().strip()

    @property
    def path(self) -> Path:
        return state_home() / "roles.yaml"

    def write(self, **roles: Any) -> None:
        self.roles["roles"] |= roles
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.roles))

    def be(self, name: str) -> None:
        self._monkeypatch.setenv("STOPGAP_KEY", str(self.keys[name]))

    def stopgap(self, *words: str) -> tuple[int, str]:
        status, out, err = self.bench.stopgap(*words)
        return status, out + err

    def run(self, *words: str, **runbook: Any) -> tuple[int, str]:
        path = self.bench.runbook(file(self.bench, "x"), **runbook)
        return self.stopgap("run", path, "-i", str(self.bench.inventory), "-t", "a", "--yes", *words)

    @property
    def written(self) -> bool:
        return (self.bench.files / "x").exists()

    def records(self, kind: type[Any]) -> list[Any]:
        with Journal.open(state_home()) as journal:
            run = journal.resolve("last")
            return [entry.record for entry in journal.records(run) if isinstance(entry.record, kind)]


@pytest.fixture
def team(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    yield Team(bench, monkeypatch)


def test_a_run_of_two_people_waits_for_the_second_and_then_goes(team: Team) -> None:
    status, said = team.run()
    assert (status, team.written) == (4, False)
    assert "waits for the approval of another person (aki may): stopgap approve" in said
    assert "waiting" in team.stopgap("runs")[1]
    team.be("aki")
    status, said = team.stopgap("approve", "last", "--yes")
    assert status == 0, said
    assert str(team.bench.files / "x") in said, "the approver sees what is approved"
    team.be("kei")
    status, said = team.stopgap("resume", "last", "--yes")
    assert (status, team.written) == (0, True), said
    assert [each.person for each in team.records(Authorized)] == ["kei", "aki", "kei"]
    assert "approved by aki" in team.stopgap("show", "last")[1]


def test_an_approval_reaches_the_sinks_though_nobody_is_at_work_on_the_run_and_once(team: Team) -> None:
    told = team.bench.top / "events.jsonl"
    team.run()
    (state_home() / "sinks.yaml").write_text(f"sinks: {{archive: {{kind: file, path: {told}}}}}\n")
    team.be("aki")
    assert team.stopgap("approve", "last", "--yes")[0] == 0
    assert [json.loads(line)["event"] for line in told.read_text().splitlines()] == ["authorized"]
    team.be("kei")
    assert team.stopgap("resume", "last", "--yes")[0] == 0
    events = [json.loads(line) for line in told.read_text().splitlines()]
    assert events[-1]["event"] == "run-finished"
    assert len({event["id"] for event in events}) == len(events)


def test_nobody_approves_what_the_same_person_has_begun_not_by_another_key_either(team: Team) -> None:
    team.write(lead={"people": ["kei", "aki"], "may": ["approve"]})
    team.run()
    team.be("kei-laptop")
    status, said = team.stopgap("approve", "last", "--yes")
    assert status == 4
    assert "kei began the run; another person approves" in said
    assert team.stopgap("resume", "last", "--yes")[0] == 4
    assert not team.written


def test_who_may_not_is_refused_and_told_who_may(team: Team) -> None:
    team.be("mio")
    status, said = team.run()
    assert status == 4
    assert "mio may not run a runbook that the roles do not know on a; kei, aki may" in said
    assert not (state_home() / "journal.sqlite").exists(), "nothing is begun"


@pytest.mark.parametrize("key", ["stranger", ""])
def test_a_key_of_nobody_and_no_key_act_for_nobody(team: Team, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    if key:
        team.be(key)
    else:
        monkeypatch.delenv("STOPGAP_KEY")
    status, said = team.run()
    assert (status, team.written) == (4, False)
    assert ("nobody's" if key else "who are you?") in said


def test_an_approval_counts_for_one_plan_of_one_run(team: Team) -> None:
    team.run()
    team.be("aki")
    team.stopgap("approve", "last", "--yes")
    (approval,) = [each for each in team.records(Authorized) if each.action == "approve"]
    team.be("kei")
    team.run()
    with Journal.open(state_home()) as journal:
        second = journal.resolve("last")
        journal.append(second, approval)
    status, said = team.stopgap("resume", "last", "--yes")
    assert (status, team.written) == (4, False)
    assert "the approval of aki does not count: it is for run" in said


def test_what_has_drifted_since_the_approval_does_not_go(team: Team) -> None:
    team.run()
    team.be("aki")
    team.stopgap("approve", "last", "--yes")
    (team.bench.files / "x").write_text("another content\n")
    team.be("kei")
    status, said = team.stopgap("resume", "last", "--yes")
    assert (status, "the plan has drifted" in said) == (4, True), said


def test_an_approval_ends(team: Team) -> None:
    team.run()
    team.be("aki")
    with Journal.open(state_home()) as journal:
        run = journal.resolve("last")
        asked = journal.history(run).approval
        assert asked
        old = Act(person="aki", action="approve", run=run, plan=asked.plan, order=asked.order, at="2020-01-01T00:00Z")  # type: ignore[arg-type]
        journal.append(run, _record(old, team))
    team.be("kei")
    status, said = team.stopgap("resume", "last", "--yes")
    assert (status, "it has expired" in said) == (4, True)


def test_the_roles_of_now_count_not_those_of_the_approval(team: Team) -> None:
    team.run()
    team.be("aki")
    team.stopgap("approve", "last", "--yes")
    team.write(lead={"people": ["mio"], "may": ["approve"]})
    team.be("kei")
    status, said = team.stopgap("resume", "last", "--yes")
    assert status == 4
    assert "the approval of aki does not count: aki may not approve" in said
    team.path.unlink()
    status, said = team.stopgap("resume", "last", "--yes")
    assert (status, team.written) == (4, False)
    assert "was begun under roles, and there is no roles.yaml here any more" in said


def test_an_emergency_goes_first_and_is_approved_after_where_a_role_says_so(team: Team) -> None:
    status, said = team.run("--emergency", "it sends spam")
    assert (status, team.written) == (4, False)
    assert "kei may not begin" in said
    assert "before it is approved" in said
    team.write(night={"people": ["kei"], "may": ["emergency"]})
    status, said = team.run("--emergency", "it sends spam")
    assert (status, team.written) == (0, True), said
    for words in (("show", "last"), ("status", "--offline")):
        shown = team.stopgap(*words)[1]
        assert "It went first, in an emergency: it sends spam" in shown, words
        assert "not approved yet: 1 more person is to look: stopgap approve" in shown, words
    assert "It went first, in an emergency" in said
    report = team.stopgap("report", "last", "--format", "md", "-o", str(team.bench.top / "r.md"))
    assert report[0] == 0, report
    assert "Went first in an emergency, and is not approved yet" in (team.bench.top / "r.md").read_text()
    team.be("aki")
    assert team.stopgap("approve", "last", "--yes")[0] == 0
    assert "not approved yet" not in team.stopgap("show", "last")[1]


def test_a_plan_in_a_file_is_approved_for_one_run(team: Team) -> None:
    plan = str(team.bench.top / "plan.json")
    assert team.run("--dry-run", "--save-plan", plan)[0] == 0
    team.be("aki")
    status, said = team.stopgap("approve", plan, "--yes")
    assert status == 0, said
    assert team.stopgap("approve", plan, "--yes")[0] == 4, "once is enough"
    team.be("kei")
    status, said = team.run("--plan", plan)
    assert (status, team.written) == (0, True), said
    assert team.stopgap("undo", "last", "--yes")[0] == 0
    status, said = team.run("--plan", plan)
    assert (status, team.written) == (4, False), "a second run takes a second approval"


def test_a_plan_that_shows_other_steps_than_its_digest_is_not_approved(team: Team) -> None:
    plan = team.bench.top / "plan.json"
    team.run("--dry-run", "--save-plan", str(plan))
    saved = json.loads(plan.read_text())
    saved["approve"]["steps"] = saved["approve"]["steps"].replace("new", "old")
    plan.write_text(json.dumps(saved))
    team.be("aki")
    status, said = team.stopgap("approve", str(plan), "--yes")
    assert (status, "not those of its digest" in said) == (4, True)


def test_a_runbook_may_ask_for_two_people_and_then_needs_roles(team: Team) -> None:
    team.write(shift={"people": ["kei", "aki"], "may": ["run"]})
    assert team.run(approve=2)[0] == 4
    team.path.unlink()
    status, said = team.run(approve=2)
    assert (status, team.written) == (4, False)
    assert "takes 2 people, and there is no roles.yaml" in said


def test_a_copy_of_a_shipped_runbook_with_another_step_is_not_that_runbook(team: Team) -> None:
    team.write(shift={"people": ["kei"], "may": ["run"], "runbooks": ["contain"]})
    (team.bench.top / "contain.yaml").write_text(json.dumps({"name": "Contain", "steps": [file(team.bench, "x")]}))
    status, said = team.stopgap(
        "run", str(team.bench.top / "contain.yaml"), "-i", str(team.bench.inventory), "-t", "a", "--yes"
    )
    assert (status, team.written) == (4, False)
    assert "kei may not run a runbook that the roles do not know" in said


def test_an_undo_and_an_answer_take_roles_too_and_bear_the_name(team: Team) -> None:
    team.write(shift={"people": ["kei"], "may": ["run"]})
    assert team.run()[0] == 0
    status, said = team.stopgap("undo", "last", "--yes")
    assert (status, team.written) == (4, True)
    assert "kei may not undo" in said
    team.write(lead={"people": ["aki"], "may": ["undo"]})
    team.be("aki")
    assert team.stopgap("undo", "last", "--yes")[0] == 0
    assert [(each.person, each.action) for each in team.records(Authorized)] == [("kei", "run"), ("aki", "undo")]


def test_without_roles_everything_is_as_before(team: Team) -> None:
    team.path.unlink()
    assert team.run()[0] == 0
    assert not team.records(Authorized)
    assert not team.records(ApprovalAsked)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{people: {}, roles: {}}", "people"),
        ("{people: {kei: {}}, roles: {r: {people: [kei], may: [run]}}}", "nobody can tell that somebody is kei"),
        ("{people: {kei: {page: k}}, roles: {r: {people: [kie], may: [run]}}}", "there is no person"),
        ("{people: {kei: {page: k}, aki: {page: k}}, roles: {r: {people: [kei], may: [run]}}}", "has this name"),
        (
            "{people: {kei: {keys: [ssh-ed25519 A]}, aki: {keys: [ssh-ed25519 A x]}},"
            " roles: {r: {people: [kei], may: [run]}}}",
            "a key of kei too",
        ),
        ("{people: {kei: {page: k}}, roles: {r: {people: [kei], may: [fly]}}}", "fly"),
        ("{people: {kei: {page: k}}, roles: {r: {people: [kei], may: [run], runbooks: [contian]}}}", "contian"),
    ],
)
def test_what_is_wrong_in_roles_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_roles(text, "roles.yaml")
    assert said in str(error.value)
    assert all(problem.position for problem in error.value.problems)


def test_a_broken_or_dangling_roles_file_is_not_no_roles_file(team: Team) -> None:
    team.path.write_text("people: [")
    assert team.run()[0] == 2
    team.path.unlink()
    team.path.symlink_to("nowhere")
    assert team.run()[0] == 2
    assert not team.written


def test_roles_that_others_can_write_are_refused(team: Team) -> None:
    team.path.chmod(0o666)
    status, said = team.run()
    assert (status, team.written) == (4, False), said
    assert "others can change" in said


def test_roles_count_by_site_and_host(team: Team) -> None:
    roles = parse_roles(
        "{people: {kei: {page: k}}, roles: {r: {people: [kei], may: [run], sites: [tokyo], hosts: [web*]}}}", "r"
    )
    assert may(roles, "kei", "run", Subject("contain", (("web1", "tokyo"), ("web2", "tokyo"))))
    assert not may(roles, "kei", "run", Subject("contain", (("web1", "tokyo"), ("web2", "osaka"))))
    assert not may(roles, "kei", "run", Subject("contain", (("web1", ""),)))
    assert not may(roles, "kei", "run", Subject("contain", (("db1", "tokyo"),)))
    assert not may(roles, "nobody", "run", Subject("contain", (("web1", "tokyo"),)))


def test_a_signature_holds_for_its_words_its_person_and_its_purpose(team: Team) -> None:
    roles = _roles()
    act = Act(person="kei", action="run", run="r", at="2026-11-29T00:00Z")  # type: ignore[arg-type]
    signature = sign_act(act, team.keys["kei"])
    assert signed_by(roles, act.text(), signature) == act
    for text, by in (
        (act.text().replace('"run":"r"', '"run":"s"'), signature),
        (act.text().replace("kei", "aki"), sign_act(act, team.keys["kei"])),
        (
            act.model_copy(update={"person": "aki"}).text(),
            sign_act(act.model_copy(update={"person": "aki"}), team.keys["kei"]),
        ),
        (act.text(), sign_act(act, team.keys["stranger"])),
        ("{}", signature),
    ):
        with pytest.raises(ActRefused):
            signed_by(roles, text, by)


def _roles() -> Roles:
    roles = roles_here()
    assert roles
    return roles


def _record(act: Act, team: Team) -> Authorized:
    return Authorized(
        person=act.person,
        action="approve",
        act=act.text(),
        signature=sign_act(act, team.keys[act.person]),
        roles=_roles().sha256,
    )
