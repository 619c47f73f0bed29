"""A collection beside other steps ends when it has to, and not before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stopgap.orchestrator.run import background as module
from stopgap.orchestrator.run.background import Background
from stopgap.orchestrator.run.interruption import Interruption

STEP = cast("Any", SimpleNamespace(target=SimpleNamespace(name="web")))


@pytest.mark.parametrize(
    ("with_steps", "end"),
    [
        (True, lambda background, _: background.steps_over("web")),
        (False, lambda background, _: background.stop("web")),
        (False, lambda _, interruption: interruption.request()),
    ],
)
def test_it_is_told_to_end_once_something_ends_it(
    with_steps: bool, end: Callable[[Background, Interruption], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TAIL", 0.0)
    background, interruption, told = Background(), Interruption(), threading.Event()
    with background.ending(STEP, told.set, interruption, with_steps=with_steps):
        assert not told.is_set()
        end(background, interruption)
        assert told.wait(30)


def test_the_end_of_other_steps_and_of_other_hosts_ends_nothing_that_goes_by_time() -> None:
    background, told = Background(), threading.Event()
    with background.ending(STEP, told.set, Interruption(), with_steps=False):
        background.steps_over("web")
        background.stop("mail")
        assert not told.wait(3 * module._POLL)
