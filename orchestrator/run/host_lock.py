"""Who is at work on a host: two operators must not plan and change it at once.

On this machine a file lock for each host, which the kernel lets go of when its process dies. On a router or spare,
which several machines reach, a note below /run that its reboot takes away: it lapses by itself after LEASE seconds,
and a process that holds this machine's lock replaces a note of this machine, whose writer must be dead. A host that
is a target alone gets no note: what its intruder could write there would keep the operator out.
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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stopgap.orchestrator.change.rollback_timer import FOLDER
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import CONTROLLER, Host
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.journal.home import private_folder
from stopgap.orchestrator.journal.lock import take
from stopgap.orchestrator.remote import Item
from stopgap.orchestrator.shell import quote

LEASE = 180
"""Seconds after which a note counts no more, by the host's time since boot; each change there renews it."""
HELD, GONE = 81, 82
"""Exit statuses: somebody else's note is there; ours no longer is."""

_DEADLINE = 10.0
_MINE = """\
umask 077
mkdir -p -- @folder@ 2>/dev/null && [ -O @folder@ ] && exec 9<@folder@ || exit 0
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
    """The claims of one process: `held` says of a host by whom it is claimed, since when."""

    who: str
    home: str = ""
    noted: frozenset[str] = frozenset()
    """Hosts that get a note."""
    take_over: bool = False
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    since: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    held: dict[str, str] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    """Hosts that were sent the claim, and may hold it though they never said so."""

    def item(self, host: Host) -> Item | None:
        """Give what claims the host, to stand before what is read there; None where nothing is to be claimed."""
        return self._item(host, _CLAIM + _WRITE) if host.name not in self.locked else None

    def guard(self, host: Host) -> Item | None:
        """Give what ends with GONE where the claim was lost meanwhile, and renews it otherwise."""
        return self._item(host, _GUARD + _WRITE) if host.name in self.locked else None

    def release(self, host: Host) -> Item | None:
        """Give what lets go of it, where the claim may be there."""
        return self._item(host, _RELEASE) if host.name in self.asked else None

    def heard(self, host: Host, output: Output) -> None:
        """Take what came of claiming it."""
        self.asked.add(host.name)
        if output.status == HELD:
            self.held[host.name] = _said(output)
        elif output.status == 0:
            self.locked.add(host.name)

    def _item(self, host: Host, script: str) -> Item | None:
        if host.name not in self.noted:
            return None
        values = {
            "folder": quote(FOLDER),
            "home": self.home,
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
def locking(folder: Path, who: str, hosts: Iterable[Host], *, take_over: bool = False) -> Iterator[HostLocks]:
    """Claim hosts on this machine, for the length of a block, and say which are to be claimed on themselves.

    `folder` is the state folder. A host that another process of this machine works on is in `held`; it is not waited
    for. Raises JournalError.
    """
    wanted = {host.name: host for host in hosts if host.name != CONTROLLER.name}
    routes = {name for host in wanted.values() for name in (*host.upstreams, host.spare)}
    trusted = {host.name for host in wanted.values() if (host.driver or host.name in routes) and host.cli is None}
    locks = HostLocks(who, _machine(folder), frozenset(trusted), take_over)
    taken: list[int] = []
    lock_files = private_folder(folder / "locks")
    try:
        for host in wanted.values():
            path = lock_files / re.sub(r"[^\w.-]", "_", f"{host.address}_{host.port}")
            descriptor = take(path)
            if descriptor is None:
                locks.held[host.name] = _holder(path)
                continue
            taken.append(descriptor)
            with suppress(OSError):  # a full disk; the lock holds without saying whose it is
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps({"who": who, "since": locks.since}).encode(), 0)
        yield locks
    finally:
        for descriptor in taken:
            os.close(descriptor)


def lost(host: Host, output: Output) -> str:
    """Say of a guard's output how the claim was lost; nothing where it stands."""
    if output.status != GONE:
        return ""
    by = _said(output)
    return f"{host.name} is no longer claimed by this run: {by or 'it was restarted, or its lock lapsed'}"


def refusal(held: Mapping[str, str], hosts: Iterable[str]) -> str:
    """Say who holds hosts that are to be changed; nothing where nobody does."""
    for host in hosts:
        if host in held:
            return f"{host} is being worked on by {held[host]}; wait for that, or add --take-over if it cannot go on"
    return ""


def _said(output: Output) -> str:
    since, _, who = output.stdout.last_line().partition(" ")
    return f"{who} since {since}" if who else ""


def _holder(path: Path) -> str:
    try:
        found = parse_json(path.read_text())
        return escape(f"{found['who']} since {found['since']}, on this machine")
    except (OSError, ValueError, KeyError, TypeError):
        return "another process on this machine"


def _machine(folder: Path) -> str:
    """Name this machine and state folder: nobody else writes notes of this name while its lock is held."""
    try:
        machine = Path("/etc/machine-id").read_text().strip()
    except OSError:
        machine = ""
    return hashlib.sha256(f"{machine}\0{socket.gethostname()}\0{folder}".encode()).hexdigest()[:16]
