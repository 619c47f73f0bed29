"""Guards call once their time is over, in order, and not where they were cancelled."""

from __future__ import annotations

import threading

from stopgap.orchestrator.remote.guard import Guards


def test_calls_come_in_the_order_of_their_times() -> None:
    guards, over, both = Guards(), [], threading.Event()

    def last() -> None:
        over.append("last")
        both.set()

    guards.guard(0.2, last)
    guards.guard(0.0, lambda: over.append("first"))
    assert both.wait(10)
    assert over == ["first", "last"]


def test_cancelled_guard_makes_no_call() -> None:
    guards, over, after = Guards(), [], threading.Event()
    guards.guard(0.05, lambda: over.append("cancelled")).cancel()
    guards.guard(0.1, after.set)
    assert after.wait(10)
    assert not over


def test_all_guards_share_one_thread() -> None:
    guards, before = Guards(), threading.active_count()
    made = [guards.guard(60, lambda: None) for _ in range(20)]
    assert threading.active_count() <= before + 1
    for each in made:
        each.cancel()


def test_call_that_takes_long_delays_no_other() -> None:
    guards, stuck, other = Guards(), threading.Event(), threading.Event()
    guards.guard(0.0, stuck.wait)
    guards.guard(0.05, other.set)
    try:
        assert other.wait(10)
    finally:
        stuck.set()
