"""Exchanges are the currency: a run pays one to look at each host, and then one for each step that changes it."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.exchange import Line
from stopgap.orchestrator.remote.local import LocalSession

from .bench import Bench


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts by host; each exchange is one channel, and so one round trip beside those that connecting costs."""
    count: Counter[str] = Counter()
    open_line = LocalSession._open_line

    def counting(session: LocalSession, *given: Any) -> Line:
        count[session.host.name] += 1
        return open_line(session, *given)

    monkeypatch.setattr(LocalSession, "_open_line", counting)
    yield count


def files(bench: Bench, number: int, **more: Any) -> list[dict[str, Any]]:
    with_ = [{"path": str(bench.files / f"{n}"), "content": "x"} for n in range(number)]
    return [{"id": f"s{n}", "task": "host.file", "with": w, **more} for n, w in enumerate(with_)]


def test_a_dry_run_of_any_length_is_one_exchange_a_host(bench: Bench, exchanges: Counter[str]) -> None:
    assert bench.run(bench.runbook(*files(bench, 8)), "--dry-run")[0] == 0
    assert exchanges == {"a": 1}


def test_all_that_a_host_gets_is_one_exchange_to_look_and_one_to_act(bench: Bench, exchanges: Counter[str]) -> None:
    runbook = bench.runbook(*files(bench, 8))
    assert bench.run(runbook, "--yes")[0] == 0
    assert exchanges == {"a": 1 + 1}
    exchanges.clear()
    assert bench.run(runbook, "--yes")[0] == 0
    assert exchanges == {"a": 1}


def test_what_needs_the_one_before_goes_with_it(bench: Bench, exchanges: Counter[str]) -> None:
    first, second, third = files(bench, 3)
    assert bench.run(bench.runbook(first, {**second, "needs": ["s0"]}, third), "--yes")[0] == 0
    assert exchanges == {"a": 1 + 1}


def test_a_step_that_hangs_on_a_result_a_wish_or_a_retry_is_an_exchange_of_its_own(
    bench: Bench, exchanges: Counter[str]
) -> None:
    for more in ({"when": "steps.s0.changed"}, {"retry": 2}, {"confirm": "Really?"}):
        first, second = files(bench, 2)
        assert bench.run(bench.runbook(first, {**second, **more}), "--yes")[0] == 0
        assert exchanges["a"] >= 1 + 2
        bench.stopgap("undo", "last", "--yes")
        exchanges.clear()


def test_the_word_steps_is_no_result_of_a_step(bench: Bench, exchanges: Counter[str]) -> None:
    first, second, third = files(bench, 3)
    second["with"]["content"] = "the next steps: {{ params.steps }}, {# steps #} {{ 'steps' }}"
    third |= {"when": "params.steps != 'steps.s0.changed'"}
    params = {"steps": {"type": "string", "default": "none"}}
    assert bench.run(bench.runbook(first, second, third, params=params), "--yes")[0] == 0
    assert (bench.files / "1").read_text() == "the next steps: none,  steps"
    assert exchanges == {"a": 1 + 1}


def test_a_step_after_whose_failure_others_go_on_ends_an_exchange(bench: Bench, exchanges: Counter[str]) -> None:
    runbook = bench.runbook(*files(bench, 2, on_failure="continue"))
    assert bench.run(runbook, "--yes")[0] == 0
    assert exchanges == {"a": 1 + 2}


def test_commands_are_begun_alone(bench: Bench, exchanges: Counter[str]) -> None:
    command = {"id": "c", "task": "host.command", "with": {"argv": ["true"], "undo": ["true"]}}
    first, second = files(bench, 2)
    assert bench.run(bench.runbook(first, command, second), "--yes")[0] == 0
    assert exchanges == {"a": 1 + 3}


def test_an_undo_is_one_exchange_for_each_step(bench: Bench, exchanges: Counter[str]) -> None:
    bench.run(bench.runbook(*files(bench, 8)), "--yes")
    exchanges.clear()
    assert bench.stopgap("undo", "last", "--yes")[0] == 0
    assert exchanges == {"a": 8}


def test_only_hosts_that_act_or_look_are_connected_to(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    spare = {"address": "127.0.0.9", "connection": "local"}
    hosts = {"a": {"address": "127.0.0.2", "connection": "local", "spare": "s"}, "s": spare}
    bench.inventory.write_text(json.dumps({"hosts": hosts}))
    connected: list[str] = []
    made = LocalSession.__init__

    def noting(self: LocalSession, host: Host, *rest: Any) -> None:
        connected.append(host.name)
        made(self, host, *rest)

    monkeypatch.setattr(LocalSession, "__init__", noting)
    assert bench.run(bench.runbook(*files(bench, 2)), "--yes")[0] == 0
    assert connected == ["a"]
