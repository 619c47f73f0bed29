"""A provider's own program blocks: what it says, what it leaves, and what becomes of it where it misbehaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.change import DRIFTED, UNCERTAIN, ProviderChange
from stopgap.orchestrator.facts import Output, Provider, UnreadableError
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.provider_script import (
    ProviderBlock,
    ProviderRequest,
    ProviderTarget,
    StatusAnswer,
    from_provider_text,
    to_provider_text,
)
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.provider import ProviderSession
from stopgap.orchestrator.remote.session import Item
from stopgap.orchestrator.secret.agreement import agree, reference_of
from stopgap.orchestrator.secret.redaction import redact
from stopgap.orchestrator.task import Refused, Unplannable
from stopgap.tasks.traffic.block import BlockTraffic, Params
from stopgap.tasks.traffic.driver import DeviceFacts
from stopgap.tasks.traffic.provider import ProviderShows
from tests import forkserver

STAND_IN = Path(__file__).with_name("provider_stand_in.py")
OPEN, SHUT = {"groups": ["default"]}, {"groups": ["quarantine"]}
WEB = Host(name="web", address="203.0.113.10", addresses=("203.0.113.10",), upstream="cloud")
REQUEST = ProviderRequest(
    op="plan",
    label="web",
    deadline=5,
    target=ProviderTarget(name="web", addresses=("203.0.113.10",)),
    block=ProviderBlock(addresses=("203.0.113.10/32",), allowed=("198.51.100.7/32",), seconds=3600),
)
CHANGE = ProviderChange(
    about="drop", undo_about="put back", request=REQUEST.model_copy(update={"before": OPEN, "wanted": SHUT})
)


@dataclass(frozen=True)
class Cloud:
    """A provider with a state file, and the program that speaks to it."""

    folder: Path
    odd: str = ""

    @property
    def state(self) -> object:
        return json.loads((self.folder / "state").read_text())

    def set(self, value: object) -> None:
        (self.folder / "state").write_text(json.dumps(value))

    @property
    def host(self) -> Host:
        words = (sys.executable, str(STAND_IN), str(self.folder / "state"), *([self.odd] if self.odd else []))
        more: dict[str, Any] = {"exec": words, "env": ("CLOUD_TOKEN",), "may_block": ("203.0.113.10/32",)}
        return Host(name="cloud", address="cloud.example", connection="exec", driver="exec", **more)

    def have(self, script: str, *, within: float = 20) -> Output:
        agree([reference_of(self.host.exec)])
        session = ProviderSession(self.host, Limits())
        (output,) = session.exchange([Item(script, deadline=within)])
        return replace(output, stderr=output.stderr) if output.status is not None else _why(session, output)

    def plan(self) -> list[object]:
        reader = Provider(REQUEST)
        facts = DeviceFacts(provider=reader.parse(self.have(reader.script())))
        scene = Scene(target=WEB, on=self.host, upstream=self.host)
        return list(BlockTraffic().plan(Params.model_validate({"allow": ["198.51.100.7"]}), facts, scene))


def _why(session: ProviderSession, output: Output) -> Output:
    from stopgap.orchestrator.hosttext import HostText

    return replace(output, stderr=HostText((session.trouble or "").encode()))


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    made = Cloud(tmp_path)
    made.set(OPEN)
    return made


def odd(cloud: Cloud, how: str) -> Cloud:
    return replace(cloud, odd=how)


def test_a_run_blocks_once_and_its_undo_puts_the_state_before_back(cloud: Cloud) -> None:
    hosts = {"web": {"address": "203.0.113.10", "addresses": ["203.0.113.10"], "upstream": "cloud"}}
    hosts["web"] |= {"connection": "local"}
    known = {"address": "cloud.example", "connection": "exec", "exec": list(cloud.host.exec)}
    inventory, runbook = cloud.folder / "inventory.json", cloud.folder / "block.json"
    inventory.write_text(json.dumps({"hosts": hosts | {"cloud": known | {"may_block": ["203.0.113.10/32"]}}}))
    step = {"id": "cut", "task": "traffic.block", "with": {"allow": ["198.51.100.7"]}}
    runbook.write_text(json.dumps({"name": "Block", "steps": [step]}))

    def stopgap(*words: str) -> str:
        done = subprocess.run(
            [forkserver.stopgap(), *words], env={**os.environ, "STOPGAP_HOME": str(cloud.folder / "home")},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    run = ("run", str(runbook), "-i", str(inventory), "-t", "web")
    assert "nobody has agreed to run this command here" in stopgap(*run, "--dry-run")
    assert str(STAND_IN) in stopgap("trust", str(inventory), "--yes")
    said = stopgap(*run, "--dry-run")
    assert "stand-in: drop 203.0.113.10 at port-1, allow 198.51.100.7" in said
    assert cloud.state == OPEN
    said = stopgap(*run, "--yes")
    assert "exec leaves flows alive that were there before" in said
    assert "web is partly contained" in said
    assert cloud.state == SHUT
    assert "in force, as cloud says" in stopgap("status")
    assert "1 undone" in stopgap("undo", "last", "--yes")
    assert cloud.state == OPEN


def test_the_plan_is_made_once_more_of_what_the_program_says(cloud: Cloud) -> None:
    (change,) = (item for item in cloud.plan() if isinstance(item, ProviderChange))
    assert (change.request.before, change.request.wanted) == (OPEN, SHUT)
    cloud.set(SHUT)
    assert not [item for item in cloud.plan() if isinstance(item, ProviderChange)]


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ("touches-another", Refused, "203.0.113.99 goes by port-1 too, and is outside what cloud may block"),
        ("shared", Refused, "port-1 at the provider is shared"),
        ("unknown", Unplannable, "cloud's program does not know web"),
        ("talks", UnreadableError, "printed is no JSON object"),
        ("floods", UnreadableError, "more than 1 MiB"),
    ],
)
def test_a_program_that_would_cut_others_off_or_speaks_otherwise_is_not_followed(
    cloud: Cloud, how: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        odd(cloud, how).plan()


def test_making_and_undoing_twice_is_as_good_as_once(cloud: Cloud) -> None:
    for _ in range(2):
        assert cloud.have(CHANGE.do_script()).status == 0
        assert cloud.state == SHUT
    for _ in range(2):
        assert cloud.have(CHANGE.undo_script()).status == 0
        assert cloud.state == OPEN


def test_what_somebody_else_has_changed_is_left_unless_forced(cloud: Cloud) -> None:
    others = {"groups": ["quarantine", "forensics"]}
    cloud.set(others)
    assert cloud.have(CHANGE.do_script()).status == DRIFTED
    assert cloud.have(CHANGE.undo_script()).status == DRIFTED
    assert cloud.state == others
    assert cloud.have(CHANGE.undo_script(force=True)).status == 0
    assert cloud.state == OPEN


def test_a_program_that_does_nothing_has_failed_whatever_it_says(cloud: Cloud) -> None:
    output = odd(cloud, "does-nothing").have(CHANGE.do_script())
    assert output.status == 1
    assert "its status does not" in output.stderr.last_line()


def test_what_is_accepted_and_not_in_force_yet_is_waited_for(cloud: Cloud) -> None:
    assert odd(cloud, "slow").have(CHANGE.do_script()).status == 0
    assert int((cloud.folder / "state.seen").read_text()) >= 3


def test_a_program_that_dies_after_its_work_is_asked_for_the_state(cloud: Cloud) -> None:
    assert odd(cloud, "dies-after").have(CHANGE.do_script()).status == 0
    assert cloud.state == SHUT


def test_half_a_block_is_unknown_and_is_taken_back(cloud: Cloud) -> None:
    output = odd(cloud, "half-way").have(CHANGE.do_script())
    assert (output.status, cloud.state) == (UNCERTAIN, {"groups": []})
    assert "the second half failed" in output.stderr.last_line()
    assert cloud.have(CHANGE.undo_script()).status == DRIFTED
    assert cloud.have(CHANGE.undo_script(sure=False)).status == 0
    assert cloud.state == OPEN


def test_a_program_that_hangs_is_killed_with_all_that_it_has_started(cloud: Cloud) -> None:
    output = odd(cloud, "hangs-apply").have(CHANGE.do_script(), within=2)
    assert output.status is None
    assert "the program was killed" in output.stderr.last_line()
    assert cloud.state == OPEN
    child = Path(f"/proc/{(cloud.folder / 'child').read_text()}/stat")
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.05)


def test_no_secret_of_the_programs_environment_is_told_and_none_that_is_not_listed_is_given(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_TOKEN", "hunter2-hunter2")
    monkeypatch.setenv("UNLISTED", "handed on")
    output = odd(cloud, "tells-the-secret").have(CHANGE.do_script())
    assert redact(output.stderr.last_line()).endswith("no: ‹secret env:CLOUD_TOKEN› unlisted")


def test_a_shell_script_is_never_run_and_a_dialogue_is_no_shell_script(cloud: Cloud) -> None:
    output = cloud.have("rm -rf /nowhere")
    assert output.status is None
    assert "no shell" in output.stderr.last_line()
    text = CHANGE.do_script()
    assert subprocess.run(["sh", "-c", text], check=False).returncode == 69
    dialogue = from_provider_text(text)
    assert dialogue is not None
    assert to_provider_text(dialogue) == text


@pytest.mark.parametrize(
    ("ends_itself", "seconds", "holds"),
    [(False, None, True), (True, None, False), (True, 3600, True), (True, 7200, False)],
)
def test_a_provider_that_ends_the_block_itself_tells_the_end(
    ends_itself: bool, seconds: int | None, holds: bool
) -> None:
    request = REQUEST.model_copy(update={"before": OPEN, "wanted": SHUT})
    check = ProviderShows(vantage="upstream", driver="cloud", request=request, ends_itself=ends_itself)
    until = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
    assert check.judge(StatusAnswer(state=SHUT, until=until)).holds is holds
