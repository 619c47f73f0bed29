"""How scripts/recall counts: what names a trace, and what is too loud on a host where nothing is wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import recall_rig
from recall_rig.__main__ import EVERY, named, plant, texts, too_loud
from recall_rig.trace import GUARD, trace

SHADOW = trace("T1", "kind", "true", r"/usr/lib/netmon\b")


def finding(severity: str, rule: str, count: int = 1, what: str = "", member: str = "") -> dict[str, Any]:
    return {"severity": severity, "id": rule, "count": count, "seen": [{"what": what, "member": member}] * count}


def test_a_trace_has_the_severity_of_the_worst_finding_that_cites_it() -> None:
    found = [
        finding("info", "lists", what="/usr/lib/netmon"),
        finding("medium", "program", member="/usr/lib/netmon"),
        finding("critical", "other", what="/usr/lib/netmonitor"),
    ]
    assert named(SHADOW, list(texts(found))) == ("medium", "program")
    assert named(SHADOW, list(texts(found[2:]))) == ("raw", "")


@pytest.mark.parametrize(
    ("found", "complaints"),
    [
        ([finding("high", "privileged-unpackaged"), finding("low", "job", 30)], []),
        ([finding("critical", "shell")], ["critical shell"]),
        ([finding("high", "shell")], ["high shell"]),
        ([finding("info", "list", 31)], ["list has 31 rows"]),
        ([finding("medium", f"m{n}") for n in range(4)], []),
        ([finding("medium", f"m{n}") for n in range(5)], ["5 medium rules: m0, m1, m2, m3, m4"]),
    ],
)
def test_what_a_clean_host_must_not_raise(found: list[dict[str, Any]], complaints: list[str]) -> None:
    assert list(too_loud(found)) == complaints


def test_traces_have_names_of_their_own_and_their_script_is_sound_and_refuses_to_run_elsewhere() -> None:
    assert len({each.id for each in EVERY}) == len(EVERY) == 1102
    script = plant(EVERY)
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
    assert script.startswith(GUARD)
    refused = subprocess.run(
        ["sh", "-s"], input=f"{GUARD}echo planted\n", text=True, capture_output=True, check=False
    )
    assert (refused.returncode, refused.stdout) == (4, "")


@pytest.mark.parametrize("script", ["habits.sh", "week.sh"])
def test_what_people_do_on_a_clean_host_is_a_sound_script(script: str) -> None:
    text = (Path(recall_rig.__file__).parent / script).read_text()
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0
