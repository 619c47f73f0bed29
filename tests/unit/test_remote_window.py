"""The receive window grows where the host waits for it, and never past the caps."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from paramiko import Channel, Message, SSHException
from paramiko.common import cMSG_CHANNEL_WINDOW_ADJUST

from stopgap.orchestrator.remote import Limits
from stopgap.orchestrator.remote.transport import HardenedTransport
from stopgap.orchestrator.remote.window import Growth, Window

LIMITS = replace(Limits(), window=1000, widest_window=8000, wider_windows=12_000, channel_packet=100)
ROUND_TRIP = 0.2


class Wire:
    """Takes the messages of a channel."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def _send_user_message(self, message: Message) -> None:
        self.sent.append(message.asbytes())


def opened(wire: Wire) -> Channel:
    channel = Channel(0)
    channel._set_window(LIMITS.window, LIMITS.channel_packet)
    channel.remote_chanid = 7
    channel.transport = wire
    return channel


def read(window: Window, channel: Channel, now: float, *, rounds: int, each: float, waited: bool = True) -> float:
    """Read whole windows, each within so many seconds; return the time after."""
    for _ in range(rounds):
        now += each
        if waited:
            window.waited()
        window.taken(channel.in_window_size, now)
    return now


def test_a_window_that_comes_within_a_round_trip_doubles_up_to_the_cap() -> None:
    wire = Wire()
    channel = opened(wire)
    window = Window(channel, ROUND_TRIP, LIMITS, 0.0, Growth())
    sizes = []
    now = 0.0
    for _ in range(5):
        now = read(window, channel, now, rounds=1, each=ROUND_TRIP)
        sizes.append(channel.in_window_size)
    assert sizes == [2000, 4000, 8000, 8000, 8000]
    adjust = [
        cMSG_CHANNEL_WINDOW_ADJUST + (7).to_bytes(4, "big") + more.to_bytes(4, "big") for more in (1000, 2000, 4000)
    ]
    assert wire.sent == adjust


@pytest.mark.parametrize(
    ("each", "waited"), [(3 * ROUND_TRIP, True), (ROUND_TRIP, False)], ids=["a slow wire", "a slow reader"]
)
def test_a_window_that_nobody_waits_for_stays(each: float, waited: bool) -> None:
    wire = Wire()
    channel = opened(wire)
    read(Window(channel, ROUND_TRIP, LIMITS, 0.0, Growth()), channel, 0.0, rounds=9, each=each, waited=waited)
    assert (channel.in_window_size, wire.sent) == (LIMITS.window, [])


def test_a_window_to_a_host_that_is_near_stays() -> None:
    wire, near = Wire(), 0.005
    channel = opened(wire)
    read(Window(channel, near, LIMITS, 0.0, Growth()), channel, 0.0, rounds=9, each=near)
    assert (channel.in_window_size, wire.sent) == (LIMITS.window, [])


def test_the_channels_of_a_process_grow_by_so_much_together() -> None:
    growth = Growth()
    channels = [opened(Wire()) for _ in range(4)]
    windows = [Window(channel, ROUND_TRIP, LIMITS, 0.0, growth) for channel in channels]
    for window, channel in zip(windows, channels, strict=True):
        read(window, channel, 0.0, rounds=5, each=ROUND_TRIP)
    assert [channel.in_window_size for channel in channels] == [8000, 4000, 2000, 2000]
    for window in windows:
        window.close()
    channel = opened(Wire())
    read(Window(channel, ROUND_TRIP, LIMITS, 0.0, growth), channel, 0.0, rounds=5, each=ROUND_TRIP)
    assert channel.in_window_size == LIMITS.widest_window


@pytest.fixture
def transport() -> Iterator[HardenedTransport]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield HardenedTransport(ours, LIMITS)


def test_a_host_that_sends_more_than_the_grown_window_is_cut_off(transport: HardenedTransport) -> None:
    channel = opened(Wire())
    window = Window(channel, ROUND_TRIP, LIMITS, 0.0, Growth())
    read(window, channel, 0.0, rounds=5, each=ROUND_TRIP)
    channel.in_buffer.feed(b"x" * (LIMITS.widest_window + LIMITS.channel_packet))
    transport._taken(channel, b"")
    channel.in_buffer.feed(b"x")
    with pytest.raises(SSHException, match="beyond the receive window"):
        transport._taken(channel, b"")
