"""What a trace is, and the words of the shell in which traces are written."""

from __future__ import annotations

import re
from typing import NamedTuple


class Trace(NamedTuple):
    """A trace: what leaves it, and how a finding names it."""

    id: str
    kind: str
    how: str
    """A shell command that uses the words of WORDS."""
    cited: re.Pattern[str]
    """Stands in what a finding shows of it, or in the name of the file that the finding points at."""


def trace(id_: str, kind: str, how: str, cited: str) -> Trace:
    """Give a trace."""
    return Trace(id_, kind, how, re.compile(cited))


WORDS = r"""
umask 022
old() { touch -h -d '9 days ago' -- "$@"; }
put() { mkdir -p "${1%/*}"; printf '%s\n' "$2" >"$1"; old "$1"; }
prog() { mkdir -p "${1%/*}"; cp /bin/sleep "$1"; chmod 755 "$1"; old "$1"; }
unit() { mkdir -p "${1%/*}"; printf '[Unit]\nDescription=Cache\n[Service]\n%b\n[Install]\nWantedBy=multi-user.target\n' "$2" >"$1"; old "$1"; }
key() { mkdir -p "${1%/*}"; chmod 700 "${1%/*}"; printf '%s\n' "$2" >>"$1"; chmod 600 "$1"; old "$1"; }
run() { setsid "$@" >/dev/null 2>&1 </dev/null & }
runas() { name=$1; shift; setsid bash -c 'exec -a "$0" "$@"' "$name" "$@" >/dev/null 2>&1 </dev/null & }
account() { printf '%s:x:%s:%s::%s:%s\n' "$1" "$2" "$2" "$3" "$4" >>/etc/passwd; printf '%s:*:20000:0:99999:7:::\n' "$1" >>/etc/shadow; printf '%s:x:%s:\n' "$1" "$2" >>/etc/group; mkdir -p "$3"; }
"""
"""Shell functions; `old` sets the date of a file nine days back, `prog` makes a program that sleeps."""
GUARD = r"""
[ "$(cat /run/systemd/container 2>/dev/null)" = systemd-nspawn ] || { echo 'refused: no systemd-nspawn boots this host' >&2; exit 4; }
{ tr '\0' '\n' </proc/1/environ | grep -q '^STOPGAP_LAB_TOKEN=.'; } 2>/dev/null || { echo 'refused: the lab did not boot this host' >&2; exit 4; }
"""
"""Ends the shell anywhere but on a host of the lab."""
