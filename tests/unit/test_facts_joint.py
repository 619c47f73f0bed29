"""What several steps ask of one host is asked once, and each gets its own answer."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.facts import Gateways, Neighbours, Output, Routes, Writable, WritableFact, joint
from stopgap.orchestrator.facts.extended import Extended
from stopgap.orchestrator.facts.reader import Fact, Reader
from stopgap.orchestrator.hosttext import HostText

SHELLS = [shell for shell in (["/bin/sh"], ["bash"], ["busybox", "sh"]) if shutil.which(shell[0])]


def routes(*last: int) -> Routes:
    return Routes(tuple(ip_address(f"203.0.113.{n}") for n in last))


def test_routes_of_all_are_read_by_one_script_and_each_parses_its_own() -> None:
    first, second = routes(1, 2), routes(2, 3)
    ((run, asking),) = joint([first, second])
    assert isinstance(run, Routes)
    assert [str(a) for a in run.addresses] == ["203.0.113.1", "203.0.113.2", "203.0.113.3"]
    assert asking == (first, second)
    said = "".join(f"203.0.113.{n} 203.0.113.{n} dev eth{n} src 203.0.113.254\n" for n in (1, 2, 3))
    output = Output(HostText(said.encode()), HostText(b""), 0)
    assert [[fact.device for fact in each.parse(output)] for each in asking] == [["eth1", "eth2"], ["eth2", "eth3"]]


def test_neighbours_of_all_are_probed_once() -> None:
    asked = [Neighbours((ip_address(f"203.0.113.{n}"),), gateways=n == 2) for n in (1, 2)]
    ((run, asking),) = joint(asked)
    assert isinstance(run, Neighbours)
    assert (len(run.asked), run.gateways, asking) == (2, True, tuple(asked))


def test_what_cannot_be_joined_stays_apart_and_in_order() -> None:
    one, gateways, two = routes(1), Gateways(), routes(2)
    assert [asking for _, asking in joint([one, gateways, two])] == [(one, two), (gateways,)]
    many = [routes(*range(100)), *(Routes((ip_address(f"198.51.{n}.{m}"),)) for n in range(2) for m in range(100))]
    assert [(run, asking) for run, asking in joint(many)] == [(each, (each,)) for each in many]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_steps_ask_about_paths_is_asked_once_and_answered_as_alone(tmp_path: Path, shell: Sequence[str]) -> None:
    names = ("a", "b", "two\nlines", "gone", "a folder/in it", "nowhere/at all")
    (tmp_path / "a folder").mkdir()
    for name in names[:3]:
        (tmp_path / name).write_text(name)
    os.link(tmp_path / "a", tmp_path / "also a")
    os.setxattr(tmp_path / "b", "user.told", b"path 0\n")
    for kind in (Writable, Extended):
        readers = [kind((str(tmp_path / one), str(tmp_path / two))) for one, two in pairwise(names)]
        ((run, asking),) = joint(readers)
        assert asking == tuple(readers)
        output = said(run, shell)
        assert [without_room(each.parse(output)) for each in asking] == [
            without_room(each.parse(said(each, shell))) for each in readers
        ]


def said(reader: Reader[Any], shell: Sequence[str]) -> Output:
    done = subprocess.run([*shell, "-s"], input=reader.script().encode(), capture_output=True)
    return Output(HostText(done.stdout), HostText(done.stderr), done.returncode)


def without_room(facts: Sequence[Fact]) -> list[Fact]:
    """Give facts without what other processes of the machine change."""
    return [
        fact.model_copy(update={"free": None, "inodes": None}) if isinstance(fact, WritableFact) else fact
        for fact in facts
    ]


def test_too_many_paths_are_asked_about_one_by_one() -> None:
    readers = [Writable((f"/{n}",)) for n in range(65)]
    assert joint(readers) == [(each, (each,)) for each in readers]
