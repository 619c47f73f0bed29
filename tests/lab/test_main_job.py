"""The main job: the lab's broken-into web server is contained, proved, kept as evidence, and given back."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Lab
from .operator import CONTAIN, Operator, Ran
from .world import beacon, overlay, smtp_session

HOSTS = ("edge", "isp", "web", "spare", "neighbour")
WEB = ("http://203.0.113.10/", "http://[2001:db8:113::10]/")


@pytest.fixture(scope="module")
def operator(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    made = Operator(lab, tmp_path_factory.mktemp("state"))
    yield made
    made.undo_all()


@pytest.fixture(scope="module")
def state_before(lab: Lab) -> tuple[str, str, str]:
    return lab.rules(), lab.services("web"), lab.services("spare")


@pytest.fixture(scope="module")
def dry_run(operator: Operator, state_before: object) -> Ran:
    return operator.run(*CONTAIN, "--dry-run")


@pytest.fixture(scope="module")
def contained(operator: Operator, dry_run: Ran) -> Ran:
    """The run; everything below it looks at a contained web server."""
    return operator.run(*CONTAIN, "--yes")


def test_before_the_run_web_serves_everybody_and_its_beacon_calls_home(lab: Lab, state_before: object) -> None:
    assert [lab.http(url) for url in WEB] == [200, 200]
    assert lab.tcp("203.0.113.10", 25)
    assert beacon(lab) == {"udp4", "udp6", "tcp4", "tcp6"}


def test_a_dry_run_writes_nothing_on_any_host(
    lab: Lab, operator: Operator, state_before: tuple[str, str, str]
) -> None:
    disks = {host: overlay(host) for host in HOSTS}
    done = operator.run(*CONTAIN, "--dry-run")
    assert done.status == 0, done.err
    assert (lab.rules(), lab.services("web"), lab.services("spare")) == state_before
    assert {host: overlay(host) for host in HOSTS} == disks


def test_an_established_session_dies_with_the_cut(lab: Lab, operator: Operator, dry_run: Ran) -> None:
    with smtp_session(lab) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == "answered\n"
        blocked = operator.run(_cut_off(operator), "-t", "web", "--yes")
        assert blocked.status == 0, blocked.err
        rest = session.communicate(timeout=60)[0]
        assert session.returncode != 0, "the session went on to its end"
        assert rest.count("answered") < 299, "all questions of the session were answered"
    assert operator.stopgap("undo", "last", "--yes").status == 0


def _cut_off(operator: Operator) -> str:
    path = operator.home / "cut-off.yaml"
    path.write_text("name: Cut off\nsteps:\n  - task: traffic.block\n")
    return str(path)


def test_the_run_is_the_dry_run_and_ends_contained(dry_run: Ran, contained: Ran) -> None:
    assert contained.status == 0, contained.err
    assert contained.last["plan_digest"] == dry_run.last["plan_digest"]
    assert contained.last["containment"] == {"web": "contained"}
    assert contained.outcomes == {
        "provider": "changed",
        "wire": "skipped",
        "cut-off": "changed",
        "volatile": "unchanged",
        "mail": "changed",
        "page": "changed",
        "triage": "unchanged",
        "provider-update": "changed",
    }


def test_every_promise_of_the_verdict_was_seen_from_outside(contained: Ran) -> None:
    judged = [event for event in contained.events if event["event"] == "check-judged" and event["containment"]]
    assert all(check["holds"] for check in judged)
    assert {check["vantage"] for check in judged} >= {"isp", "spare"}


def test_the_internet_reaches_nothing_of_web_and_nothing_of_its_beacon_arrives(lab: Lab, contained: Ran) -> None:
    for address in ("203.0.113.10", "2001:db8:113::10"):
        assert not lab.tcp(address, 22)
        assert not lab.tcp(address, 25)
    assert beacon(lab) == set()


def test_a_visitor_sees_the_spares_page_on_webs_own_address(lab: Lab, contained: Ran) -> None:
    assert [lab.http(url) for url in WEB] == [503, 503]
    page = lab.exec("internet", "curl", "-gsi", "-m", "3", WEB[0]).stdout
    assert "noc@example.jp" in page
    assert "Retry-After: 3600" in page
    assert "緊急メンテナンス" in page


def test_the_operator_reaches_web_and_its_mail_server_is_gone(lab: Lab, contained: Ran) -> None:
    assert lab.tcp("203.0.113.10", 22, "operator")
    assert not lab.tcp("203.0.113.10", 25, "operator")
    assert "LISTEN" not in lab.read("web", "ss -Hltn 'sport = :25'")


def test_the_intruder_cannot_use_the_operators_way_in_to_get_out(lab: Lab, contained: Ran) -> None:
    connect = "timeout 2 bash -c 'exec 3<>/dev/tcp/10.9.0.2/2222' 2>&1 || echo no"
    assert lab.read("web", connect).endswith("no\n")


def test_a_neighbour_goes_on_and_is_named_as_not_covered(lab: Lab, contained: Ran) -> None:
    assert lab.tcp("203.0.113.30", 22)
    gaps = [gap for event in contained.events if event["event"] == "step-finished" for gap in event["gaps"]]
    assert any("203.0.113.30" in gap and "neighbour" in gap for gap in gaps)


def test_a_second_run_changes_nothing_and_is_the_dry_run_before_it(operator: Operator, contained: Ran) -> None:
    dry = operator.run(*CONTAIN, "--dry-run")
    again = operator.run(*CONTAIN, "--yes")
    assert again.status == 0, again.err
    assert {step for step, outcome in again.outcomes.items() if outcome != "unchanged"} == {"wire"}
    assert again.outcomes["wire"] == "skipped"
    assert again.last["plan_digest"] == dry.last["plan_digest"]
    assert again.last["containment"] == {"web": "contained"}


def test_the_evidence_holds_what_was_planted(operator: Operator, contained: Ran) -> None:
    triage = _evidence(operator, contained, "triage")
    histories = _tar(triage, "histories")
    assert "wget" in histories["root/.bash_history"] or "curl" in histories["root/.bash_history"]
    assert any("kswap" in name for name in _tar(triage, "cron"))
    assert "admin@localhost" in "".join(_tar(triage, "ssh").values())
    assert any(name.endswith("uploads/logo.php") for name in _tar(triage, "web-suspects"))
    assert any(name.endswith("/.. /targets") for name in _tar(triage, "temporary-files"))
    attributes = _text(triage, "attributes")
    assert any(line.split()[-1] == "/usr/sbin" and "i" in line.split()[0] for line in attributes.splitlines())
    assert "ifconfig" in attributes
    volatile = _evidence(operator, contained, "volatile")
    assert "kswapd1" in _text(volatile, "process-links") + _text(volatile, "process-arguments")
    assert "(deleted)" in _text(volatile, "process-links")


def test_verify_passes_and_names_the_file_after_one_byte_is_flipped(operator: Operator, contained: Ran) -> None:
    run = contained.last["run"]
    assert operator.stopgap("verify", run).status == 0
    path = next(_evidence(operator, contained, "triage").glob("*-histories.tar"))
    good = path.read_bytes()
    path.write_bytes(good[:700] + bytes([good[700] ^ 1]) + good[701:])
    flipped = operator.stopgap("verify", run)
    path.write_bytes(good)
    assert flipped.status == 1
    assert path.name in flipped.out


def test_the_report_tells_what_was_done(operator: Operator, contained: Ran) -> None:
    page = Path(contained.last["report"]).read_text()
    for words in ("cut off", "203.0.113.10", "stopgap_web", "203.0.113.30", contained.last["run"]):
        assert words in page
    assert "遮断" in operator.stopgap("report", contained.last["run"], "--lang", "ja", "--format", "md").out


def test_undo_gives_everything_back_byte_for_byte_and_once(
    lab: Lab, operator: Operator, contained: Ran, state_before: tuple[str, str, str]
) -> None:
    undone = operator.stopgap("undo", contained.last["run"], "--yes")
    assert undone.status == 0, undone.out + undone.err
    assert (lab.rules(), lab.services("web"), lab.services("spare")) == state_before
    assert [lab.http(url) for url in WEB] == [200, 200]
    assert lab.tcp("203.0.113.10", 25)
    again = operator.stopgap("undo", contained.last["run"], "--yes")
    assert again.status == 0
    assert "nothing to undo" in again.out
    assert "Nothing is in force" in operator.stopgap("status").out


def _evidence(operator: Operator, run: Ran, step: str) -> Path:
    return operator.home / "runs" / run.last["run"] / "evidence" / "web" / step


def _text(folder: Path, artifact: str) -> str:
    return next(folder.glob(f"*-{artifact}.*")).read_text(errors="surrogateescape")


def _tar(folder: Path, artifact: str) -> dict[str, str]:
    """Contents by name, read without extracting."""
    contents: dict[str, str] = {}
    with tarfile.open(next(folder.glob(f"*-{artifact}.tar"))) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            contents[member.name.removeprefix("./")] = file.read().decode(errors="replace") if file else ""
    return contents
