"""What an exchange grants a host: by the deadlines of its items, and by how long the host took for its first word."""

from __future__ import annotations

import pytest

from stopgap.orchestrator.remote import Item, Limits
from stopgap.orchestrator.remote.gather import Gathering

BEGUN, ENDED = b"nonce B 0 12 345\n", b"nonce E 0 0\n"


def gathering(limits: Limits) -> Gathering:
    made = Gathering(
        [Item("first", deadline=20), Item("second")],
        b"nonce",
        stop_on_failure=False,
        limits=limits,
        sink=None,
        now=0.0,
    )
    made.sent(5.0)
    return made


@pytest.mark.parametrize(("first_word", "grace"), [(0.1, 1.0), (0.5, 2.0), (2.0, 8.0), (9.0, 10.0)])
def test_a_host_that_is_slow_to_begin_gets_as_much_longer_for_its_next_word(first_word: float, grace: float) -> None:
    made = gathering(Limits(start=10, grace=1))
    begun = 5.0 + first_word
    made.feed(BEGUN, BEGUN, begun)
    assert made.due == pytest.approx(begun + 20 + grace)
    made.feed(ENDED, ENDED, begun + 3)
    assert made.due == pytest.approx(begun + 3 + grace)


def test_a_host_that_says_nothing_gets_what_it_would_have_got() -> None:
    assert gathering(Limits(start=10, grace=1)).due == 15.0


def test_a_host_gets_the_time_to_kill_an_item_among_its_many_processes_and_goes_on_with_the_next() -> None:
    made = gathering(Limits(start=10, grace=1, killing=5))
    made.feed(BEGUN, BEGUN, 5.1)
    assert made.orders(25.1) == b"k 12 345\n"
    assert made.due == 30.1
    made.feed(b"nonce E 0 137\n", b"nonce E 0 137\n", 29.0)
    assert made.due == 30.0
    assert made.outputs()[0].truncated
