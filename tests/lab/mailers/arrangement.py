"""What an arrangement of a mail server is: packages, settings, queue, and what would start it again."""

from __future__ import annotations

from dataclasses import dataclass

FAR = "198.51.100.9"
"""An address of the internet's network that nobody has: mail to it stays queued."""


@dataclass(frozen=True)
class Arrangement:
    """One mail server on a host, as Debian's packages and an administrator leave it."""

    name: str
    packages: tuple[str, ...]
    says: tuple[str, ...]
    """What the preview must say, spaces and breaks of lines aside."""
    guard: str
    """What would start the server again, in words for the table."""
    prepare: str = ""
    """Script on the host after the packages are installed; it queues a message where the server has a queue."""
    ports: tuple[int, ...] = ()
    """Mail ports that are open before."""
    queue: tuple[str, ...] = ()
    """Patterns of the queue's files."""
    kick: str = ""
    """Script that has the guard act now, beside cron's lines, hooks and init scripts, which always are."""
    holds: str = ""
    """Script that must succeed while mail is stopped."""
    clear: str = ""
    """Script to take away what `prepare` left."""
    beside_postfix: bool = False
    """The lab's Postfix stays."""
    silent: tuple[int, ...] = ()
    """Ports that take connections while mail is stopped, and answer nothing: the program is frozen."""
