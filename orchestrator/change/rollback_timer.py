"""A rollback timer: the undo of a change, scheduled on the host before the change, as a remedy for a lock-out.

The timer's files lie below /run, emptied by a reboot like the runtime configuration of most routers. A single rename
decides between the host's rollback at the deadline and the operator's cancel over a fresh connection: the first to
rename the armed file wins.
"""

from __future__ import annotations

import hashlib
import math
import re

from stopgap.orchestrator.change.base import Change
from stopgap.orchestrator.change.status import LOST, TAKEN_BACK, TAKING_BACK_FAILED
from stopgap.orchestrator.shell import BY_SUDO, PATH, RUN_FOLDER, emit, quote

FOLDER = f'"${{{RUN_FOLDER}:-/run/stopgap}}"'
"""Folder on the host, emptied by a reboot, as a word of the shell."""
_PATIENCE = 10
"""Seconds granted to a rollback begun by the host, before the rollback is reported as failed."""

_ARMED = """\
_sl_fire='mv -f -T -- "$0".armed "$0".fired || exit 0; /bin/sh "$0".fired; echo $? >"$0".status'
(umask 077; { [ -d @folder@ ] || mkdir -p -- @folder@; } && [ -O @folder@ ] && @keep@ >@file@.armed) && {
    { [ -d /run/systemd/system ] &&
        systemd-run --quiet --collect --unit=@unit@ --on-active=@delay@ --timer-property=AccuracySec=100ms \
            /bin/sh -c "$_sl_fire" @file@ </dev/null >/dev/null 2>&1; } ||
    { command -v setsid >/dev/null &&
        (setsid /bin/sh -c "sleep @delay@; $_sl_fire" @file@ </dev/null >/dev/null 2>&1 &); }
} || {
    rm -f -- @file@.armed
    echo 'its undo could not be scheduled first, so it was not made' >&2
    exit 1
}
@do@"""


def rollback_timer_name(run: str, step: str, target: str, index: int) -> str:
    """Return the name of the rollback timer of one change: equal in every process of the run."""
    place = hashlib.sha256(f"{step}\0{target}\0{index}".encode()).hexdigest()[:8]
    return f"stopgap-{run}-{place}"


def armed(change: Change, name: str, seconds: float, *, folder: str = FOLDER) -> str:
    """Return the script to schedule the undo after a timeout in seconds, and then make the change.

    If the undo cannot be scheduled, nothing is done. The timer, a systemd timer or a separate process, outlives the
    shell, the connection and the session. Clock changes do not affect the timer.
    """
    undo = f"PATH={PATH} LC_ALL=C\nexport PATH LC_ALL\numask 022\ncd /\n{BY_SUDO}{change.undo_script()}\n"
    values = {
        "folder": folder,
        "file": f"{folder}/{quote(name)}",
        "unit": quote(name),
        "delay": str(math.ceil(seconds)),
        "keep": emit(undo.encode("utf-8", "surrogateescape")),
        "do": change.do_script(),
    }
    return re.sub("@([a-z]+)@", lambda found: values[found[1]], _ARMED)


def settle(name: str, *, folder: str = FOLDER) -> str:
    """Return the script to cancel a rollback timer: status 0, or if too late LOST, TAKEN_BACK or TAKING_BACK_FAILED.

    Idempotent before `forget`.
    """
    file = f"{folder}/{quote(name)}"
    return (
        f"if mv -f -T -- {file}.armed {file}.kept 2>/dev/null || [ -e {file}.kept ]; then\n"
        f"  {_stop(name)}; exit 0\nfi\n"
        f"[ -e {file}.fired ] || exit {LOST}\n"
        f"n=0; while [ ! -s {file}.status ]; do n=$((n + 1)); [ $n -le {_PATIENCE * 5} ] || break; sleep 0.2; done\n"
        f'case "$(cat -- {file}.status 2>/dev/null)" in 0) exit {TAKEN_BACK};; *) exit {TAKING_BACK_FAILED};; esac'
    )


def forget(name: str, *, folder: str = FOLDER) -> str:
    """Return the script to remove all files of a rollback timer, scheduled or settled; no timer fires afterwards."""
    file = f"{folder}/{quote(name)}"
    return (
        f"rm -f -- {file}.armed {file}.kept {file}.fired {file}.status; {_stop(name)}; "
        f"rmdir -- {folder} 2>/dev/null || true"
    )


def _stop(name: str) -> str:
    return f"if [ -d /run/systemd/system ]; then systemctl stop {quote(name)}.timer >/dev/null 2>&1; fi"
