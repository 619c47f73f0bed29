"""All limits of the connection layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits on the cost of a host. Times in seconds, sizes in bytes."""

    connect: float = 10.0
    """From the first packet to an authenticated session, jump hosts, retries and sudo's answer included. An inventory
    may say otherwise of a host: `connect_timeout`, `first_word_timeout`."""
    handshakes: int = 32
    """Most handshakes in parallel: each costs the controller's processor, and more would slow all down."""
    logins: int = 8
    """Most handshakes at one host: sshd drops unauthenticated connections at random from 10 on (MaxStartups)."""
    through: int = 16
    """Most handshakes through one jump host, over a single connection."""
    asked_once: bool = False
    """One exchange is expected of each host, as in a dry run: no channel is opened ahead of a second, and the
    connection to a host that contains no other is closed after the first. A further exchange costs round trips."""
    start: float = 10.0
    """From the script to the first byte of the answer; `first_word_timeout` of an inventory."""
    grace: float = 1.0
    """Grace for the host's next word while no item runs; then the connection is closed. A host slow to begin, as
    under the load of an intruder's programs, gets four times as long as that took, up to `start`."""
    killing: float = 5.0
    """Grace beyond the deadline of an item for the report that the item was killed: to kill it, the host's shell
    reads the state of each of its processes several times."""
    exchange: float = 900.0
    """Default deadline of one exchange."""
    banner_attempts: int = 8
    """Attempts at a server closing before its banner, as sshd does beyond MaxStartups."""
    keepalive: int = 15
    """Between keepalives on an idle connection."""
    silence: float = 30.0
    """Timeout for a peer without acknowledgements (TCP_USER_TIMEOUT, tcp(7))."""
    poll: float = 5.0
    """How often a connection's idle thread looks up whether a keepalive is due; the price of a thousand idle
    connections. What is to be done at once wakes the thread."""

    packet: int = 256 << 10
    """Longest SSH packet read, as in OpenSSH's packet.c; before authentication paramiko alone would read 4 GiB."""
    banner: int = 8 << 10
    """Most bytes from a server before its version line (RFC 4253, section 4.2)."""
    messages: int = 20_000
    """Most SSH messages without data for an open channel; a larger burst counts as flooding."""
    messages_per_second: float = 5.0
    """Refill of the allowance of messages, so that a session may last for days."""
    chatter: int = 16 << 20
    """Most bytes of such messages."""
    chatter_per_second: float = 20 << 10
    """Bytes more as time passes."""
    useful: int = 4
    """Bytes of channel data for a full credit of the message; a smaller message gets a partial credit."""
    extensions: int = 64
    """Most extensions announced by a server (RFC 8308); OpenSSH 10 announces 4."""
    key_exchange: int = 35_000
    """Longest offer of algorithms (RFC 4253, 6.1 and 7.1); OpenSSH's takes some 1500 bytes."""
    window: int = 2 << 20
    """First receive window of a channel (RFC 4254, section 5.2), and so the most unread bytes."""
    widest_window: int = 8 << 20
    """What the window of a channel may grow to with round trip and throughput; TCP's own buffers end about there."""
    wider_windows: int = 64 << 20
    """What the windows of all channels of the process may grow by together."""
    channel_packet: int = 32 << 10
    """Largest data packet of a peer on a channel."""

    stderr: int = 64 << 10
    """Kept of an item's standard error."""
    noise: int = 64 << 10
    """Most bytes outside any item, such as output of a login script; more is a protocol error."""
    kept: int = 256 << 20
    """Most bytes of all outputs of one exchange in memory; bytes for a sink do not count."""
    excess: int = 8 << 20
    """Bytes discarded of an output beyond its cap, before the item is killed."""
