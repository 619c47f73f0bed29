r"""The one script by which a host runs the items of an exchange and says which byte belongs to which.

It goes over standard input to `/bin/sh -s`, as one compound command: the shell has parsed all of it before any of it
runs, and half of it runs nothing. No argument list, file or variable of the environment shows what it holds. It uses
the shell's builtins, /proc and sleep(1).

On standard output and standard error alike, each frame is one line that begins with the exchange's nonce:

    NONCE B index pid ticks     item begins, in the process `pid` that started `ticks` after boot (proc(5), starttime)
    NONCE E index status        item ended
    NONCE N index               item was not begun, an earlier one having failed

What stands between B and E is the item's own output, byte for byte. The script stays ready for orders on standard
input, one a line:

    k pid ticks                 end the item that runs as this process
    h                           begin nothing more from the next item on that has a pause before it

The shell itself speaks to /dev/null, so that its remarks on a killed item do not stand among the item's own words.
An item is ended with everything that began after it in the script's session, and with whatever descends from that.
A process that both left the session and lost its parents is out of reach. When standard input ends, the link is
lost: no further item is begun, and the one that runs gets no longer than the longest deadline among the items. If
nobody is there even to close standard input, all is ended after the exchange's own deadline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from stopgap.orchestrator.remote.session import Item
from stopgap.orchestrator.shell import PATH, quote

SHELL = ("/bin/sh", "-s")

_PROLOGUE = r"""
PATH=@path@ LC_ALL=C; export PATH LC_ALL; unset ENV BASH_ENV CDPATH; umask 022; cd /
exec 3<&0 4>&2 2>/dev/null
_sg_n=@nonce@
_sg_halted=
trap '_sg_halted=yes' USR1
_sg_stat() {
    _sg_pid= _sg_parent= _sg_sid= _sg_ticks=
    { read -r _sg_line </proc/$1/stat; } 2>/dev/null || return 1
    _sg_pid=${_sg_line%% *}
    set -- ${_sg_line##*") "}
    [ $# -ge 20 ] && [ "$1" != Z ] || return 1
    _sg_parent=$2 _sg_sid=$4 _sg_ticks=${20}
}
_sg_stat self
_sg_born=$_sg_ticks
case $_sg_sid in $$|"$PPID") _sg_session=$_sg_sid;; *) _sg_session=none;; esac
_sg_scan() {
    _sg_found="$_sg_heads$_sg_prey" _sg_young=
    for _sg_file in /proc/[0-9]*; do
        _sg_stat "${_sg_file#/proc/}" && [ "$_sg_ticks" -ge "$_sg_since" ] || continue
        case " $$ $_sg_spared $_sg_found" in *" $_sg_pid "*|*" $_sg_parent:"*) continue;; esac
        if [ "$_sg_parent" = $$ ]; then _sg_heads="$_sg_heads$_sg_pid "
        elif [ "$_sg_sid" = "$_sg_session" ]; then _sg_prey="$_sg_prey$_sg_pid "
        else _sg_young="$_sg_young $_sg_pid:$_sg_parent"; fi
    done
    _sg_before=
    while [ "$_sg_before" != "$_sg_prey" ]; do
        _sg_before=$_sg_prey
        for _sg_each in $_sg_young; do
            case $_sg_prey in *" ${_sg_each%%:*} "*) continue;; esac
            case "$_sg_heads$_sg_prey" in *" ${_sg_each#*:} "*) _sg_prey="$_sg_prey${_sg_each%%:*} ";; esac
        done
    done
    [ "$_sg_heads$_sg_prey" != "$_sg_found" ]
}
_sg_end() {
    _sg_since=$1 _sg_heads=' ' _sg_prey=' ' _sg_rounds=
    while [ "$_sg_rounds" != ..... ] && _sg_scan; do
        _sg_rounds=$_sg_rounds.
        kill -STOP $_sg_heads $_sg_prey
    done
    # The item's own process comes last: with its end the script goes on, and finds nothing that still writes.
    [ "$_sg_prey" = ' ' ] || kill -KILL $_sg_prey
    [ "$_sg_heads" = ' ' ] || kill -KILL $_sg_heads
}
_sg_halt() { if [ $_sg_session = none ]; then kill -STOP $$; else kill -KILL $$; fi; }
_sg_end_all() {
    _sg_stat self; _sg_spared=$_sg_pid
    _sg_end "$_sg_born"
    kill -KILL $$
}
(
    trap 'kill -KILL $!; exit 0' TERM
    sleep @total@ &
    wait $! || exit 0
    _sg_halt
    _sg_end_all
) </dev/null >/dev/null 2>&1 3<&- 4>&- &
_sg_timer=$!
(
    _sg_stat self; _sg_spared="$_sg_pid $_sg_timer $_sg_timer:"
    while read -r _sg_order _sg_k _sg_t; do
        if [ "$_sg_order" = h ]; then kill -USR1 $$; fi
        if [ "$_sg_order" = k ] && _sg_stat "$_sg_k" && [ "$_sg_ticks" = "$_sg_t" ]; then _sg_end "$_sg_t"; fi
    done
    _sg_halt
    _sg_left=@longest@ _sg_since=$_sg_born _sg_heads=' ' _sg_prey=' '
    while [ $_sg_left -gt 0 ] && _sg_scan && sleep 1; do
        _sg_left=$((_sg_left - 1)) _sg_heads=' ' _sg_prey=' '
    done
    _sg_end_all
) <&3 >/dev/null 2>&1 3<&- 4>&- &
_sg_watch=$!
_sg_stop=
_sg_over() {
    # The last word closes the exchange: with it nothing may be left that would take its end for a lost link.
    [ $2 != @last@ ] || kill $_sg_watch $_sg_timer
    printf '%s %s\n' $_sg_n "$*" && printf '%s %s\n' $_sg_n "$*" >&4 || exit 1
}
_sg_item() {
    [ -z "$_sg_halted" ] || [ -z "$3" ] || _sg_stop=yes
    if [ "$_sg_stop" ]; then _sg_over N $1; return; fi
    (
        _sg_stat self
        printf '%s B %s %s %s\n' $_sg_n $1 "$_sg_pid" "$_sg_ticks" &&
            printf '%s B %s %s %s\n' $_sg_n $1 "$_sg_pid" "$_sg_ticks" >&2 || exit 125
        _sg_text=$2
        set --
        eval "$_sg_text"
    ) </dev/null 2>&4 3<&- 4>&-
    _sg_status=$?
    _sg_over E $1 $_sg_status
    [ $_sg_status = 0 ] || _sg_stop=@stop@
}
"""


def exchange_script(items: Sequence[Item], nonce: str, *, stop_on_failure: bool, total: float) -> bytes:
    """Build the script for these items; `total` is the exchange's deadline in seconds.

    Raises ValueError for a NUL in an item's script.
    """
    prologue = _PROLOGUE
    for name, value in {
        "path": PATH,
        "nonce": nonce,
        "total": str(math.ceil(total)),
        "longest": str(math.ceil(max((item.deadline for item in items), default=0))),
        "last": str(len(items) - 1),
        "stop": "yes" if stop_on_failure else "",
    }.items():
        prologue = prologue.replace(f"@{name}@", value)
    calls = "".join(
        f"_sg_item {index} {quote(item.script)}{' pause' if item.pause else ''}\n" for index, item in enumerate(items)
    )
    return f"{{\n{prologue}{calls}exit 0\n}}\n".encode("utf-8", "surrogateescape")


HALT_ORDER = b"h\n"
"""The order to begin nothing more from the next pause on."""


def kill_order(process: str) -> bytes:
    """Build the order to end an item, which began as `process` ("pid ticks", as its frame said)."""
    return f"k {process}\n".encode("ascii")
