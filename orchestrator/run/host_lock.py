"""Host locks: no two operators plan and change a host at the same time.

On the controller a file lock guards each host; the kernel releases the lock at the end of the process. A team's
journal has a row for each host besides, for other controllers to see, with a token that each record checks. On a
router or spare, shared by several controllers, a lock file below /run guards the host until a reboot, or for LEASE
seconds. The holder of the controller's file lock replaces a lock file of the same controller, because the writer must
be dead; the holder of a team's row replaces one of the same team, because the writer is dead or finds its token gone.
A host used only as a target gets no lock file: an intruder could forge the file and keep the operator out.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from stopgap.orchestrator.change.rollback_timer import FOLDER
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import CONTROLLER, Host
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.journal.home import private_folder
from stopgap.orchestrator.journal.lock import take
from stopgap.orchestrator.journal.record_store import Locks
from stopgap.orchestrator.remote import Item
from stopgap.orchestrator.shell import quote
from stopgap.orchestrator.text import tr

LEASE = 180
"""Seconds of validity of a lock file, by the host's uptime; each change on the host renews the lock."""
HELD, GONE = 81, 82
"""Exit statuses: somebody else's note is there; ours no longer is."""

_DEADLINE = 10.0
_MINE = """\
umask 077
{ [ -d @folder@ ] || mkdir -p -- @folder@; } 2>/dev/null && [ -O @folder@ ] && exec 9<@folder@ || exit 0
flock -w 5 9 2>/dev/null
read -r now rest </proc/uptime; now=${now%%.*}
until=0 home= token= since= who=
{ read -r until home token since who <@folder@/claim; } 2>/dev/null
case $until in ''|*[!0-9]*|??????????*) until=0;; esac
[ "$until" -le "$((now + @lease@))" ] || until=0
"""
_WRITE = """\
printf '%s\\n' "$((now + @lease@)) @home@ @token@ @since@ @who@" >@folder@/claim.new &&
    mv -f @folder@/claim.new @folder@/claim
"""
_CLAIM = """\
if [ "$until" -gt "$now" ] && [ "$home" != @home@ ] && [ -z @over@ ]; then echo "$since $who"; exit @held@; fi
for f in @folder@/*.armed; do [ ! -e "$f" ] || mv -f -- "$f" "${f%.armed}.kept"; done
"""
_GUARD = """\
[ "$token" = @token@ ] || { echo "$since $who"; exit @gone@; }
"""
_RELEASE = """\
[ "$token" != @token@ ] || rm -f @folder@/claim
rmdir @folder@ 2>/dev/null || true
"""


@dataclass
class HostLocks:
    """The locks of one process; `held` maps a host to the holder and the time of a foreign lock."""

    who: str
    home: str = ""
    noted: frozenset[str] = frozenset()
    """Hosts with a lock file."""
    take_over: bool = False
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    since: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    held: dict[str, str] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    teams: dict[str, str] = field(default_factory=dict)
    """Host → the team whose database has this process's lock of the host."""
    asked: set[str] = field(default_factory=set)
    """Hosts sent a lock script, possibly locked without an answer."""

    def item(self, host: Host) -> Item | None:
        """Return the script to lock the host, sent before any read; `None` if no lock is needed."""
        return self._item(host, _CLAIM + _WRITE) if host.name not in self.locked else None

    def guard(self, host: Host) -> Item | None:
        """Return the script to renew the lock; after a lost lock, its status GONE, nothing else is begun."""
        guard = self._item(host, _GUARD + _WRITE) if host.name in self.locked else None
        return replace(guard, required=True) if guard else None

    def release(self, host: Host) -> Item | None:
        """Return the script to release the lock, if the lock may exist."""
        return self._item(host, _RELEASE) if host.name in self.asked else None

    def heard(self, host: Host, output: Output) -> None:
        """Take the output of the lock script."""
        self.asked.add(host.name)
        if output.status == HELD:
            self.held[host.name] = _said(output)
        elif output.status == 0:
            self.locked.add(host.name)

    def _item(self, host: Host, script: str) -> Item | None:
        if host.name not in self.noted or not host.has_shell:
            return None
        values = {
            "folder": FOLDER,
            "home": self.teams.get(host.name, self.home),
            "token": self.token,
            "since": self.since,
            "who": re.sub(r"[^\w@.-]", "_", self.who, flags=re.ASCII),
            "lease": str(LEASE),
            "over": quote("yes" if self.take_over else ""),
            "held": str(HELD),
            "gone": str(GONE),
        }
        return Item(re.sub("@([a-z]+)@", lambda found: values[found[1]], _MINE + script), _DEADLINE)


@contextmanager
def locking(
    folder: Path, who: str, hosts: Iterable[Host], claims: Locks, *, take_over: bool = False
) -> Iterator[HostLocks]:
    """Lock hosts on this controller for the length of the block; yield the locks still to take on the hosts.

    `folder` is the state folder, `claims` those of the journal. A host locked by another process of this controller,
    or by another controller of the team, is put into `held`, without waiting. Raises JournalError.
    """
    wanted = {host.name: host for host in hosts if host.name != CONTROLLER.name}
    routes = {name for host in wanted.values() for name in (*host.upstreams, host.spare)}
    trusted = {host.name for host in wanted.values() if (host.driver or host.name in routes) and host.has_shell}
    locks = HostLocks(who, _machine(folder), frozenset(trusted), take_over)
    taken: list[int] = []
    claimed: list[str] = []
    lock_files = private_folder(folder / "locks")
    try:
        for host in wanted.values():
            place = lock_name(host)
            path = lock_files / re.sub(r"[^\w.-]", "_", place.replace(" ", "_"))
            descriptor = take(path)
            if descriptor is None:
                locks.held[host.name] = _holder(path)
                continue
            taken.append(descriptor)
            name = f"host {place}"
            if (holder := claims.claim(name, over=take_over)) is not None:
                locks.held[host.name] = holder
                continue
            claimed.append(name)
            if team := claims.team(name):
                locks.teams[host.name] = team
            with suppress(OSError):  # on a full disk the lock holds without the holder's name
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps({"who": who, "since": locks.since}).encode(), 0)
        yield locks
    finally:
        for name in claimed:
            claims.disclaim(name)
        for descriptor in taken:
            os.close(descriptor)


def lock_name(host: Host) -> str:
    """Return what names a host's lock: address and port, and the scope of a private address: site, else jump host.

    >>> lock_name(Host(name="edge", address="9.9.9.9", site="tokyo"))
    '9.9.9.9 22'
    >>> lock_name(Host(name="edge", address="10.9.0.1", site="tokyo"))
    '10.9.0.1 22 tokyo'
    """
    scope = host.scope or host.jump or ""
    return f"{host.address} {host.port} {scope}".rstrip()


def lost(host: Host, output: Output) -> str:
    """Return the reason for a lost lock, from a guard's output; empty if the lock holds."""
    if output.status != GONE:
        return ""
    by = _said(output)
    return tr(
        "{host} is no longer claimed by this run: {by}",
        host=host.name,
        by=by or tr("it was restarted, or its lock lapsed"),
    )


def refusal(held: Mapping[str, str], hosts: Iterable[str]) -> str:
    """Return the holders of hosts due for a change; empty without foreign locks."""
    for host in hosts:
        if host in held:
            return tr(
                "{host} is being worked on by {held}; wait for that, or add --take-over if it cannot go on",
                host=host,
                held=held[host],
            )
    return ""


def _said(output: Output) -> str:
    since, _, who = output.stdout.last_line().partition(" ")
    return tr("{who} since {since}", who=who, since=since) if who else ""


def _holder(path: Path) -> str:
    try:
        found = parse_json(path.read_text())
        return tr("{found} since {found2}, on this machine", found=found["who"], found2=found["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return tr("another process on this machine")


def _machine(folder: Path) -> str:
    """Return the name of this controller and state folder, unique while the file lock is held."""
    try:
        machine = Path("/etc/machine-id").read_text().strip()
    except OSError:
        machine = ""
    return hashlib.sha256(f"{machine}\0{socket.gethostname()}\0{folder}".encode()).hexdigest()[:16]
