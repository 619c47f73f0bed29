"""What contains waits for no letter, and neither does what can do without one: letters go beside it."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from stopgap.orchestrator.registry import tasks

from .bench import Bench, file, outcomes
from .test_messages import tell
from .unkind_server import unkind_server


@dataclass
class Held:
    """A server that keeps its clients waiting until what is awaited has come, and hangs up then."""

    port: int
    came: bool | None = None
    """False: it gave up, so whoever was to come waited for it."""


@contextmanager
def holding(awaited: Callable[[], bool]) -> Iterator[Held]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = Held(listener.getsockname()[1])

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    end = time.monotonic() + 180
                    while not awaited() and time.monotonic() < end:
                        time.sleep(0.02)
                    held.came = awaited()
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield held


@pytest.fixture
def cut(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A step that counts as one that contains."""
    monkeypatch.setattr(type(tasks()["host.command"]), "contains", True)
    done = {"argv": ["touch", str(bench.files / "cut")], "undo": ["rm", str(bench.files / "cut")]}
    return {"id": "cut", "task": "host.command", "with": done}


def is_there(bench: Bench, name: str) -> Callable[[], bool]:
    return (bench.files / name).exists


def by_mail(held: Held) -> dict[str, Any]:
    return {"kind": "smtp", "host": "127.0.0.1", "port": held.port, "security": "none"}


def by_web(held: Held) -> dict[str, Any]:
    return {"kind": "webhook", "url": f"http://127.0.0.1:{held.port}/", "security": "none"}


@pytest.mark.parametrize("via", [by_mail, by_web])
@pytest.mark.parametrize("on_failure", ["continue", "stop", "undo"])
def test_the_cut_comes_while_the_server_of_a_letter_before_it_is_still_silent(
    via: Callable[[Held], dict[str, Any]], on_failure: str, bench: Bench, cut: dict[str, Any]
) -> None:
    with holding(is_there(bench, "cut")) as held:
        letter = {**tell(via(held)), "on_failure": on_failure}
        status, events = bench.run(bench.runbook(letter, cut, file(bench, "f")), "--yes")
    assert held.came
    ended = outcomes(events)
    assert status == 1
    assert ended["cut"] == "changed"
    assert ended["tell"] in {"failed", "unknown"}
    assert ended["f"] == ("changed" if on_failure == "continue" else "skipped")
    assert is_there(bench, "cut")() == (on_failure != "undo")


def test_the_steps_after_the_cut_do_not_wait_either_where_they_can_do_without(
    bench: Bench, cut: dict[str, Any]
) -> None:
    with holding(is_there(bench, "f")) as held:
        letter = tell(by_mail(held))
        status, events = bench.run(bench.runbook(cut, letter, file(bench, "f")), "--yes")
    assert held.came
    assert (status, outcomes(events)["f"]) == (1, "changed")


def test_a_step_that_hangs_on_a_letter_waits_for_it(bench: Bench, cut: dict[str, Any]) -> None:
    with holding(is_there(bench, "cut")) as held:
        letter = tell(by_mail(held))
        needing = file(bench, "needing", needs=["tell"])
        asking = file(bench, "asking", when="steps.tell.outcome == 'failed'")
        status, events = bench.run(bench.runbook(letter, cut, needing, asking), "--yes")
    assert held.came
    assert status == 1
    assert outcomes(events) == {"tell": "failed", "cut": "changed", "needing": "skipped", "asking": "changed"}


def test_a_letter_that_is_under_way_is_told_in_the_order_of_the_runbook(bench: Bench, cut: dict[str, Any]) -> None:
    with holding(is_there(bench, "cut")) as held:
        _, events = bench.run(bench.runbook(tell(by_mail(held)), cut), "--yes")
    assert [step["step"] for step in events[-1]["steps"]] == ["tell", "cut"]


@pytest.mark.parametrize("kind", ["smtp", "webhook"])
def test_ctrl_c_ends_a_run_whose_letter_nobody_answers(kind: str, bench: Bench) -> None:
    with unkind_server() as server:
        url = f"http://127.0.0.1:{server.port}/"
        mail = {"kind": "smtp", "host": "127.0.0.1", "port": server.port, "security": "none"}
        via = mail if kind == "smtp" else {"kind": "webhook", "url": url, "security": "none"}
        runbook = bench.runbook(tell(via))
        running = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
        assert server.reached.wait(60)
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=60)
        assert time.monotonic() - began < 20
    assert running.returncode == 130, said
    assert "interrupted" in said
