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
    """Connections made at once: they cost this machine's processor, and more of them only make each slower."""
    logins: int = 8
    """Of these, at one host: sshd drops some at random from 10 on that have not logged in yet (MaxStartups)."""
    through: int = 16
    """Of these, through one jump host, which has one connection for all of them."""
    start: float = 10.0
    """From a script sent to its first word; `first_word_timeout` of an inventory."""
    grace: float = 1.0
    """What a host gets beyond a deadline to say that it has kept it; then the connection is closed."""
    exchange: float = 900.0
    """The longest that one exchange may take, unless its caller sets another deadline."""
    banner_attempts: int = 8
    """How often a server that hangs up before its banner, as sshd does beyond MaxStartups, is tried."""
    keepalive: int = 15
    """Between keepalives on an idle connection."""
    silence: float = 30.0
    """After which a peer that acknowledges nothing is given up (TCP_USER_TIMEOUT, tcp(7))."""
    poll: float = 1.0
    """How often a connection's idle thread looks up; the price of a thousand idle connections."""

    packet: int = 256 << 10
    """Longest SSH packet read, as in OpenSSH's packet.c; before authentication paramiko alone would read 4 GiB."""
    banner: int = 8 << 10
    """Everything that a server may say before its version (RFC 4253, 4.2)."""
    messages: int = 20_000
    """SSH messages that bear no data for an open channel; a peer that sends more at once is flooding."""
    messages_per_second: float = 5.0
    """How many more it may send as time passes, so that a session may last for days."""
    chatter: int = 16 << 20
    """Bytes of these messages."""
    chatter_per_second: float = 20 << 10
    """Bytes more as time passes."""
    useful: int = 4
    """Bytes of channel data from which on a message counts as data alone; one with fewer counts in part."""
    extensions: int = 64
    """Extensions that a server may name at once (RFC 8308); OpenSSH 10 names 4."""
    key_exchange: int = 35_000
    """Longest offer of algorithms (RFC 4253, 6.1 and 7.1); OpenSSH's takes some 1500 bytes."""
    window: int = 2 << 20
    """Receive window of a channel (RFC 4254, 5.2), and so the most that is held unread."""
    channel_packet: int = 32 << 10
    """Largest data packet that a peer may send on a channel."""

    stderr: int = 64 << 10
    """Kept of an item's standard error."""
    noise: int = 64 << 10
    """Read outside any item, such as what a login script prints; more is a protocol error."""
    kept: int = 256 << 20
    """Kept in memory of all outputs of one exchange; what a sink takes does not count."""
    excess: int = 8 << 20
    """Thrown away of an output beyond its cap; then the item is ended."""
