"""The script of an exchange: runs the items on the host and frames the output of each item.

The script goes over standard input to `/bin/sh -s`, as one compound command: the shell parses the whole script before
the first command, and a truncated script runs nothing. An empty line comes first, for a login file that reads a line.
A text that several items have is sent once, as a variable of that shell.
No argument list, file or environment variable shows the content. The script uses the shell's builtins, /proc and
sleep(1).

On standard output and on standard error, each frame is a line with the exchange's nonce at the start:

    NONCE B index pid ticks     item begins, in the process `pid`, started `ticks` after boot (proc(5), starttime)
    NONCE E index status        item ended
    NONCE N index               item was not begun, after a failed item

The bytes between B and E are the item's own output, unchanged. The script accepts orders on standard input, a line
each:

    k pid ticks                 kill the item with the process
    h                           begin no item from the next item with a pause on

The shell's own output goes to /dev/null, so that remarks on a killed item stay out of the item's output. A kill
covers the item, all later processes of the script's session, and their descendants. A process outside the session and
without living parents is out of reach. The end of standard input means a lost connection: no further item begins, and
the current item gets at most the longest deadline among the items. If nobody closes standard input, all processes are
killed after the exchange's own deadline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from stopgap.orchestrator.remote.repeated import said_once
from stopgap.orchestrator.remote.session import Item
from stopgap.orchestrator.shell import BY_SUDO, PATH, RUN_FOLDER, SUDO_PROGRAMS, quote

SHELL = ("/bin/sh", "-s")

_PROLOGUE = r"""
PATH=@path@ LC_ALL=C; export PATH LC_ALL; unset ENV BASH_ENV CDPATH; umask 022; cd /
(:) || exit 1
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
    [ $_sg_status = 0 ] || [ -z "$4" ] || _sg_stop=yes
}
"""


# /dev/shm is the second choice: systemd-logind removes an account's files there at its last logout (RemoveIPC of
# logind.conf(5)), and so would a cut connection remove the undo of a rollback timer.
_BY_SUDO = f"""\
if [ "$(id -u)" != 0 ]; then
{SUDO_PROGRAMS}=@programs@ {RUN_FOLDER}=/tmp/stopgap-$(id -u)
[ -w /tmp ] || {RUN_FOLDER}=/dev/shm/stopgap-$(id -u)
{{ read -r _sg_line </proc/sys/kernel/random/boot_id && {RUN_FOLDER}=${RUN_FOLDER}-$_sg_line; }} 2>/dev/null
export {SUDO_PROGRAMS} {RUN_FOLDER}
{BY_SUDO}fi
"""


def exchange_script(
    items: Sequence[Item], nonce: str, *, stop_on_failure: bool, total: float, by_sudo: Sequence[str] = ()
) -> bytes:
    """Return the script for the items; `total` is the exchange's deadline in seconds.

    `by_sudo`: programs that an account other than root runs by sudo(8).

    Raises ValueError for a NUL in an item's script.
    """
    prologue = _PROLOGUE
    for name, value in {
        "path": PATH,
        "nonce": nonce,
        "total": str(math.ceil(total)),
        "longest": str(math.ceil(max((item.deadline for item in items), default=0))),
        "last": str(len(items) - 1),
    }.items():
        prologue = prologue.replace(f"@{name}@", value)
    texts, words = said_once([item.script for item in items])
    calls = texts + "".join(
        f"_sg_item {index} {word} '{'pause' if item.pause else ''}'"
        f" '{'stop' if stop_on_failure or item.required else ''}'\n"
        for index, (item, word) in enumerate(zip(items, words, strict=True))
    )
    sudo = _BY_SUDO.replace("@programs@", quote(" ".join(by_sudo))) if by_sudo else ""
    return f"\n{{\n{prologue}{sudo}{calls}exit 0\n}}\n".encode("utf-8", "surrogateescape")


HALT_ORDER = b"h\n"
"""The order to begin nothing more from the next pause on."""


def kill_order(process: str) -> bytes:
    """Return the order to kill an item, begun as `process` ("pid ticks", as in the item's frame)."""
    return f"k {process}\n".encode("ascii")
