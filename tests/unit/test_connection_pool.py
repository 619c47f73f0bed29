"""A run's connections when they break, or when the operator stops it: sessions here are what a test says they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from stopgap.orchestrator.facts import File, Output, UnreadableError
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.plan import OutOfReach
from stopgap.orchestrator.remote import Item
from stopgap.orchestrator.run.connection_pool import ConnectionPool, releasing
from stopgap.orchestrator.run.host_lock import HostLocks

HOST = Host(name="a", address="192.0.2.1")
READERS = [File("/a"), File("/b")]


def said(text: str, status: int | None = 0) -> Output:
    return Output(HostText(text.encode()), HostText(b""), status)


@dataclass
class Line:
    """A session; `answer` gives the outputs of an exchange and may break it."""

    answer: Callable[["Line", Sequence[Item]], list[Output]]
    host: Host = HOST
    fingerprint: str | None = None
    alive: bool = True
    trouble: str | None = None
    no_shell: str | None = None
    deadlines: list[float | None] = field(default_factory=list)
    second: "Line | None" = None
    """The session beside it."""

    def beside(self) -> "Line | None":
        return self.second

    def exchange(self, items: Sequence[Item], *, deadline: float | None = None, **_: Any) -> list[Output]:
        self.deadlines.append(deadline)
        return self.answer(self, items)

    def close(self) -> None:
        self.alive = False


def absent(_: Line, items: Sequence[Item]) -> list[Output]:
    return [said("absent\n") for _ in items]


def breaks(line: Line, items: Sequence[Item]) -> list[Output]:
    line.alive, line.trouble = False, "the connection broke"
    return [said("absent\n"), *(said("", None) for _ in items[1:])]


def lost(line: Line, items: Sequence[Item]) -> list[Output]:
    line.alive = False
    return [said("", None) for _ in items]


def fleet_of(*lines: Line) -> tuple[ConnectionPool, list[Line]]:
    left, made = list(lines), []

    def connect(*_: object, **__: object) -> Line:
        made.append(left.pop(0))
        return made[-1]

    return ConnectionPool({HOST.name: HOST}, connect), made


def looks(pool: ConnectionPool) -> list[object]:
    found = pool.look([(HOST, reader) for reader in READERS])
    return [found[HOST.name, reader] for reader in READERS]


def test_a_look_whose_connection_breaks_is_made_once_more_over_a_new_one() -> None:
    pool, made = fleet_of(Line(breaks), Line(absent))
    with pool:
        assert not [look for look in looks(pool) if isinstance(look, Exception)]
    assert len(made) == 2


def test_a_long_look_leaves_the_session_to_other_exchanges_where_the_host_has_room() -> None:
    pool, made = fleet_of(Line(absent, second=Line(absent)))
    with pool:
        pool.session(HOST)
        assert not isinstance(pool.look_beside(HOST, READERS[0]), Exception)
        assert made[0].deadlines == []
        assert made[0].second is not None
        assert not made[0].second.alive


@pytest.mark.parametrize("second", [None, Line(lost)], ids=["no room", "it breaks"])
def test_a_long_look_for_which_there_is_no_room_is_made_over_the_session(second: Line | None) -> None:
    pool, made = fleet_of(Line(absent, second=second))
    with pool:
        pool.session(HOST)
        assert not isinstance(pool.look_beside(HOST, READERS[0]), Exception)
        assert len(made[0].deadlines) == 1


def test_the_pool_closes_a_long_look_that_is_under_way() -> None:
    def interrupted(line: Line, items: Sequence[Item]) -> list[Output]:
        pool.close()
        assert not line.alive
        return [said("", None)]

    pool, _ = fleet_of(Line(absent, second=Line(interrupted)))
    with pool:
        pool.session(HOST)
        assert isinstance(pool.look_beside(HOST, READERS[0]), OutOfReach)


def test_the_second_look_has_no_more_time_than_the_first_has_left() -> None:
    pool, made = fleet_of(Line(breaks), Line(absent))
    with pool:
        looks(pool)
    (left,) = made[1].deadlines
    assert left is not None
    assert 0 < left <= sum(reader.deadline for reader in READERS)


def test_a_look_whose_connection_breaks_twice_cannot_be_made() -> None:
    pool, made = fleet_of(Line(breaks), Line(breaks), Line(absent))
    with pool:
        first, second = looks(pool)
    assert not isinstance(first, Exception), "what was read before it broke"
    assert isinstance(second, UnreadableError)
    assert len(made) == 2


def test_an_answer_that_did_not_come_in_time_is_not_asked_for_again() -> None:
    pool, made = fleet_of(Line(lambda _, items: [said("", None) for _ in items]))
    with pool:
        assert all(isinstance(look, UnreadableError) for look in looks(pool))
    assert len(made[0].deadlines) == 1


def test_nothing_is_looked_at_or_connected_to_once_it_is_closed() -> None:
    pool, made = fleet_of(Line(absent))
    looks(pool)
    pool.close()
    assert all(isinstance(look, OutOfReach) for look in looks(pool))
    with pytest.raises(OutOfReach, match="interrupted"):
        pool.session(HOST)
    with pytest.raises(OutOfReach, match="interrupted"), pool.fresh(HOST):
        pass
    pool.reconnect(HOST)
    pool.release()
    assert len(made) == 1


def test_a_look_under_way_when_it_is_closed_ends_without_a_new_connection() -> None:
    def closes(line: Line, items: Sequence[Item]) -> list[Output]:
        pool.close()
        return breaks(line, items)

    pool, made = fleet_of(Line(closes), Line(absent))
    assert isinstance(looks(pool)[1], UnreadableError)
    assert len(made) == 1


def test_a_claim_that_was_cut_off_before_it_was_heard_of_is_let_go_over_a_new_connection() -> None:
    scripts: list[str] = []

    def closes(line: Line, items: Sequence[Item]) -> list[Output]:
        pool.close()
        line.alive = False
        return [said("", None) for _ in items]

    def notes(_: Line, items: Sequence[Item]) -> list[Output]:
        scripts.extend(item.script for item in items)
        return [said("") for _ in items]

    left = [Line(closes), Line(notes)]
    pool = ConnectionPool(
        {HOST.name: HOST}, lambda *_, **__: left.pop(0), HostLocks("kei@noc", noted=frozenset({HOST.name}))
    )
    with pytest.raises(OutOfReach, match="interrupted"), releasing(pool):
        looks(pool)
        pool.session(HOST)
    assert not left
    assert len(scripts) == 1
    assert "rm -f" in scripts[0]
