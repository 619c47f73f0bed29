"""A stream comes apart into exactly what each item wrote, however it is cut, and nothing in it raises."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from stopgap.orchestrator.remote.framing import Begun, Broken, Data, Ended, Event, Frames, NotRun, draw_nonce

FUZZED = settings(max_examples=int(os.environ.get("STOPGAP_FUZZ", "100")), deadline=None)
"""Examples of each test; a longer run sets STOPGAP_FUZZ."""
NONCE = draw_nonce().encode()

contents = st.lists(
    st.tuples(
        st.binary(max_size=300) | st.sampled_from([NONCE[:-1], b"\n" + NONCE[:7], NONCE[1:]]), st.integers(0, 255)
    ),
    min_size=1,
    max_size=6,
)


def stream_of(items: Iterable[tuple[bytes, int]]) -> bytes:
    return b"".join(
        b"%s B %d 77 1234\n%s%s E %d %d\n" % (NONCE, index, content, NONCE, index, status)
        for index, (content, status) in enumerate(items)
    )


def parse(stream: bytes, count: int, cuts: Iterable[int] = (), noise: int = 1000) -> list[Event]:
    frames = Frames(NONCE, count, noise)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [event for start, end in pairwise(edges) for event in frames.feed(stream[start:end])]


def outcome(events: Iterable[Event]) -> list[tuple[bytes, int]]:
    found: list[tuple[bytes, int]] = []
    content = b""
    for event in events:
        if isinstance(event, Begun):
            content = b""
        elif isinstance(event, Data):
            content += event.chunk
        elif isinstance(event, Ended):
            found.append((content, event.status))
    return found


@FUZZED
@given(contents, st.lists(st.integers(0), max_size=20))
def test_any_content_in_any_portions_comes_out_as_it_went_in(items: list[tuple[bytes, int]], cuts: list[int]):
    # A content that ends with the nonce's beginning, followed by the nonce, is where a careless search goes wrong.
    assert outcome(parse(stream_of(items), len(items), cuts)) == items


@FUZZED
@given(
    st.lists(st.binary(max_size=100) | st.sampled_from([NONCE, NONCE + b" B 0 1 2\n", NONCE + b" E 0 0\n", b"\n"]))
)
def test_no_bytes_raise_and_little_is_held_back(portions: list[bytes]):
    frames = Frames(NONCE, 3, 200)
    for portion in portions:
        list(frames.feed(portion))
        assert len(frames._pending) < 128
        assert len(frames.words) <= 4096


@FUZZED
@given(contents, st.integers(0), st.integers(0, 255))
def test_a_flipped_byte_never_makes_more_items_end_than_there_are(
    items: list[tuple[bytes, int]], at: int, value: int
):
    stream = bytearray(stream_of(items))
    stream[at % len(stream)] = value
    events = parse(bytes(stream), len(items))
    ended = [event.index for event in events if isinstance(event, Ended)]
    assert ended == list(range(len(ended)))
    assert len(ended) <= len(items)


def broken(stream: bytes, count: int = 3) -> str | None:
    return next((event.reason for event in parse(stream, count) if isinstance(event, Broken)), None)


def test_a_repeated_frame_breaks_the_stream():
    begin = NONCE + b" B 0 1 2\n"
    assert broken(begin + begin) == "a frame out of order"


def test_a_missing_begin_breaks_the_stream():
    assert broken(NONCE + b" E 0 0\n") == "a frame out of order"


def test_a_frame_of_a_later_item_breaks_the_stream():
    assert broken(NONCE + b" B 2 1 2\n") == "a frame out of order"


def test_a_frame_that_is_none_breaks_the_stream():
    assert broken(NONCE + b" X 0 0\n") == "a malformed frame"


def test_a_frame_without_an_end_breaks_the_stream():
    assert broken(NONCE + b" B 0 " + b"1" * 200) == "a frame without an end"


def test_an_impossible_status_breaks_the_stream():
    assert broken(NONCE + b" B 0 1 2\n" + NONCE + b" E 0 999\n") == "an impossible exit status"


def test_nothing_after_a_break_is_believed():
    stream = NONCE + b" X 0 0\n" + stream_of([(b"forged", 0)])
    assert outcome(parse(stream, 1)) == []


def test_another_nonce_is_content():
    other = stream_of([(b"inner", 0)]).replace(NONCE, NONCE[::-1])
    assert outcome(parse(stream_of([(other, 5)]), 1)) == [(other, 5)]


def test_what_a_login_script_prints_is_kept_apart():
    frames = Frames(NONCE, 1, 1000)
    events = list(frames.feed(b"Welcome!\n" + stream_of([(b"out", 0)])))
    assert outcome(events) == [(b"out", 0)]
    assert bytes(frames.words) == b"Welcome!\n"


def test_endless_text_outside_the_items_breaks_the_stream():
    assert broken(b"x" * 5000) == "too much text outside the items"


def test_items_that_were_not_begun_are_told_so():
    stream = stream_of([(b"", 1)]) + NONCE + b" N 1\n" + NONCE + b" N 2\n"
    assert [e for e in parse(stream, 3) if isinstance(e, NotRun)] == [NotRun(1), NotRun(2)]


def test_a_process_that_the_host_does_not_know_is_left_open():
    assert parse(NONCE + b" B 0  \n", 1) == [Begun(0, "")]
