"""How a mail server's processes, queue and units are told, when the host may lie about them."""

import subprocess
from pathlib import Path

import pytest

from stopgap.orchestrator.facts import (
    FilesBelow,
    InitScripts,
    Output,
    PlacedFact,
    PlacedProcess,
    ProcessFact,
    ProgramFact,
    ReadOnly,
    UnitFact,
    Units,
    UnreadableError,
)
from stopgap.orchestrator.hosttext import HostText
from stopgap.tasks.mta.exim import Exim
from stopgap.tasks.mta.no_process import NoProcess
from stopgap.tasks.mta.postfix import QUEUES, Postfix
from stopgap.tasks.mta.server import Queue


def said(text: str, status: int | None = 0, *, truncated: bool = False) -> Output:
    return Output(HostText(text.encode()), HostText(b""), status, truncated=truncated)


def test_a_process_that_is_left_is_named():
    check = NoProcess(whose="Exim", programs=Exim.programs, commands=Exim.commands)
    init = PlacedProcess(pid=1, name="init", exe="/sbin/init")
    left = PlacedFact(processes=(init, PlacedProcess(pid=7, name="x", exe="/usr/sbin/exim4", parent=1)))
    assert check.judge(left).seen == "1 left: x (7)"
    assert not check.judge(left).holds
    assert check.judge(PlacedFact(processes=(init,))).holds
    assert check.trusts_target


@pytest.mark.parametrize("state", ["T", "t", "Z"])
def test_a_process_that_does_nothing_is_none_that_is_left(state: str):
    check = NoProcess(whose="Exim", programs=Exim.programs, commands=Exim.commands)
    still = PlacedProcess(pid=7, name="exim4", exe="/usr/sbin/exim4", parent=1, state=state)
    assert check.judge(PlacedFact(processes=(still,))).holds


def test_a_kernel_thread_does_not_look_like_a_mail_server():
    threads = [ProcessFact(pid=2, name="kthreadd"), ProcessFact(pid=9, name="rcu_sched")]
    assert not any(server.owns(thread) for thread in threads for server in (Postfix(), Exim()))


def test_a_queue_of_which_only_a_part_came_is_a_lower_bound():
    listed = Postfix.queue.parse(said("1795396745\n1795396744\n17953", None, truncated=True))
    assert Postfix().queued(listed) == Queue(2, "since 2026-11-23 01:19 UTC", whole=False)


def test_a_message_whose_age_is_not_known_or_a_lie_counts_all_the_same():
    listed = Postfix.queue.parse(said("0\n-5\n9e400\n{{ 7*7 }}\n\x1b]0;x\x07\n1795396744\n"))
    assert Postfix().queued(listed) == Queue(6, "since 2026-11-23 01:19 UTC")


def test_the_queue_is_the_files_of_every_instance_and_nothing_else(tmp_path: Path):
    for name in ("postfix/deferred/A/A1", "postfix/hold/B2", "postfix-in/active/C3", "postfix/defer/A/A1"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    within = FilesBelow(tuple(f"{tmp_path}/postfix*/{queue}" for queue in QUEUES))
    done = subprocess.run(["sh", "-c", within.script()], capture_output=True, text=True, check=True)
    found = within.parse(said(done.stdout))
    assert (found.count, found.whole) == (3, True)


def test_a_list_that_must_be_whole_is_not_taken_in_part():
    with pytest.raises(UnreadableError):
        ReadOnly(("mailq",), because="mailq(1) lists").asked().parse(said("half", truncated=True))


def test_a_queue_that_cannot_be_listed_is_not_an_empty_one():
    assert Postfix().queued(Postfix.queue.parse(said("", 1))) is None
    assert Exim().queued(ProgramFact(status=127)) is None


@pytest.mark.parametrize(
    "text",
    [
        "Id=--root=/x\nLoadState=loaded\n",
        "Id=a b.service\nLoadState=loaded\n",
        "Id=postfix.service\nActiveState=\x1b[2J\n",
        "Id=postfix.service\nUnitFileState=enabled) (forged\n",
    ],
)
def test_what_is_no_unit_is_not_read_as_one(text: str):
    with pytest.raises(UnreadableError):
        Units(("postfix.service",)).parse(said(text))


def test_a_unit_that_nobody_asked_for_is_not_touched():
    other = UnitFact(name="ssh.service", load="loaded", active="active", enabled="enabled")
    assert Postfix().units_among([other]) == []
    assert Exim().units_among([other]) == []


def test_init_scripts_are_told_apart_by_name():
    reader = InitScripts(("postfix", "exim4"))
    text = "script exim4\nlink exim4 /etc/rc2.d/S01exim4\nlink postfix /etc/rc0.d/K01postfix\nlink other /x\n"
    postfix, exim = reader.parse(said(text))
    assert (postfix.exists, postfix.links) == (False, ("/etc/rc0.d/K01postfix",))
    assert (exim.exists, exim.links) == (True, ("/etc/rc2.d/S01exim4",))
