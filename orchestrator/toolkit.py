"""A toolkit: one static program of the controller, kept in a host's RAM for the length of an exchange.

The program is sent over the connection as text for the shell's own printf: no other program of the host has to be
trusted, or even present. The directory of the program is private to the account, on a filesystem in RAM. A separate
process removes the directory at the end of the exchange's shell, after any kind of end, and at the latest after the
timeout.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.shell import PATH, quote

FOLDER = ".stopgap-"
"""Prefix of the directory's name; a random token of the controller follows."""
_PORTION = 16 << 10
"""Bytes for one printf."""
_OURS = r"""
# Whether root alone could exchange what lies in a directory: each directory on the way belongs to root, and others
# write to none without the sticky bit. A user's own tmpfs, such as /run/user/1000, is for that user to change.
tk_ours() {
    [ -O / ] || return 0
    tk_above=${1%/}
    while [ "$tk_above" ]; do
        if [ ! -O "$tk_above" ] || [ -L "$tk_above" ]; then return 1; fi
        tk_mode=$(stat -c %f "$tk_above" 2>/dev/null)
        [ $((0x${tk_mode:-0} & 0x12)) -eq 0 ] || [ $((0x$tk_mode & 0x200)) -ne 0 ] || return 1
        tk_above=${tk_above%/*}
    done
}
"""
_FIND = (
    _OURS
    + r"""
tk_place() {
    tk=
    while read -r tk_from tk_point tk_type tk_options tk_rest; do
        case $tk_type in tmpfs|ramfs|devtmpfs) ;; *) continue;; esac
        case ,$tk_options, in *,noexec,*|*,ro,*) continue;; esac
        case $tk_point in *\\*) continue;; esac
        tk_ours "$tk_point" || continue
        "$@" "${tk_point%/}/@folder@$tk_token" && return 0
    done </proc/self/mounts
    tk=
    return 1
}
tk_there() { [ -x "$1/busybox" ] && tk=$1; }
"""
)
_DELIVER = r"""
umask 077
tk_put() {
    mkdir "$1" 2>/dev/null || return 1
    if pour >"$1/busybox" && chmod 700 "$1/busybox" && tk_right "$1/busybox"; then tk=$1; return 0; fi
    rm -rf -- "$1"
    return 1
}
tk_right() {
    tk_kind=$("$1" stat -f -c %T "$1") || return 1
    case $tk_kind in tmpfs|ramfs) ;; *) echo "${1%/*} is no RAM: statfs says $tk_kind" >&2; return 1;; esac
    for tk_by in "$1 sha256sum" sha256sum; do
        tk_sum=$($tk_by <"$1" 2>/dev/null) || continue
        [ "${tk_sum%% *}" = @sha256@ ] || { echo "$tk_by: not what was sent" >&2; return 1; }
        printf 'sha256 as sent, by %s\n' "$tk_by"
    done
}
tk_wanted() { case ${1%/*} in $tk_first) tk_put "$1";; *) return 1;; esac; }
tk_first=/dev/shm; tk_place tk_wanted || { tk_first='/run*'; tk_place tk_wanted; } || tk_place tk_put || {
    echo 'no filesystem in RAM took the toolkit: the host itself answers' >&2
    exit 1
}
"$tk/busybox" setsid "$tk/busybox" sh -c '
    trap "" HUP INT TERM PIPE
    n=0
    while [ -d "$2" ] && [ -e /proc/$1/stat ] && [ $n -lt @seconds@ ]; do n=$((n + 1)); sleep 1; done
    rm -rf -- "$2"' sh $$ "$tk" </dev/null >/dev/null 2>&1 &
printf 'in RAM at %s\n' "$tk"
mkdir "$tk/bin"
for tk_tool in $("$tk/busybox" --list); do
    case " @host@ " in *" $tk_tool "*) continue;; esac
    printf '%s ' "$tk_tool"
    "$tk/busybox" ln -s ../busybox "$tk/bin/$tk_tool"
done
echo
"""
_USE = r"""
if tk_place tk_there; then
    echo 'answered by the toolkit' >&2
    printf '%s\n' "{ for tk_tool in @host@; do
for tk_at in @where@; do
if [ -x \$tk_at/\$tk_tool ]; then eval \"\$tk_tool() { \$tk_at/\$tk_tool \\\"\\\$@\\\"; }\"; break; fi; done; done
unset tk_tool tk_at
$tk_script
} </dev/null" | "$tk/busybox" env -i PATH="$tk/bin:@path@" LC_ALL=C exchange=$$ "$tk/busybox" sh -s
else
    echo 'the toolkit is not there: answered by the host itself' >&2
    eval "$tk_script"
fi
"""
_REMOVE = r"""
tk_place tk_there || { echo 'it is not there' >&2; exit 1; }
"$tk/busybox" rm -rf -- "$tk"
[ ! -e "$tk" ] && echo removed
"""


def root_alone() -> str:
    """Return the shell function `tk_ours DIR`: success if no other account could exchange root's files in DIR.

    For an account other than root the function always succeeds: such an account shares no writable directory with
    root.
    """
    return _OURS


class ToolkitError(Error):
    """A program on the controller differs from the plan of the step; the message names the program."""


class Carried(BaseModel):
    """A program of the controller, sent to a host with a script."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    path: str
    """On the controller."""
    sha256: str
    size: int

    def pouring(self) -> str:
        """Return the shell function `pour`, to print the program. Raises ToolkitError."""
        try:
            content = Path(self.path).read_bytes()
        except OSError as error:
            raise ToolkitError(f"{self.path}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ToolkitError(f"{self.path} has changed since the step was planned")
        portions = (content[at : at + _PORTION] for at in range(0, len(content), _PORTION))
        lines = " &&\n".join(f"printf {_format(portion)}" for portion in portions)
        return f"pour() {{\n{lines}\n}}\n"


class Toolkit(Carried):
    """A static multi-call program, such as busybox, carried into the RAM of a host."""

    host: tuple[str, ...] = ()
    """Programs run from the host even with a toolkit: the host's own answer is part of the evidence."""

    def opening(self, token: str) -> str:
        """Return the beginning of every script of an exchange.

        The text holds no secret, and is unique to the exchange.
        """
        return f"tk_token={quote(token)}\n"

    def delivery(self, seconds: int) -> str:
        """Return the script to put the program in place, after `opening` and `pouring`, with a maximum lifetime."""
        return _filled(f"{_FIND}{_DELIVER}", {"sha256": self.sha256, "seconds": str(seconds), "host": self._host()})

    def using(self, script: str) -> str:
        """Return a script to run `script` with the toolkit, in a clean environment.

        Without a delivered toolkit, the host's own shell runs `script`.
        """
        values = {"host": self._host(), "path": PATH, "where": PATH.replace(":", " ")}
        return f"tk_script={quote(script)}\n{_filled(f'{_FIND}{_USE}', values)}"

    def beside(self, script: str) -> str:
        """Return the script for the host's shell, with the toolkit's tools ahead of the host's own."""
        found = f'if tk_place tk_there; then PATH="$tk/bin:{PATH}"; echo "with the toolkit\'s tools" >&2; fi'
        return f"{_filled(_FIND, {})}{found}\n{script}"

    def removal(self) -> str:
        """Return the script to remove the program."""
        return _filled(f"{_FIND}{_REMOVE}", {})

    def _host(self) -> str:
        """Return the names usable as a shell function, since functions take precedence over applets."""
        return " ".join(name for name in self.host if re.fullmatch(r"[a-z][a-z0-9_]*", name))


def _filled(template: str, values: dict[str, str]) -> str:
    return re.sub("@([a-z0-9]+)@", lambda found: {"folder": FOLDER, **values}[found[1]], template)


def _format(content: bytes) -> str:
    """Return printf's format for the exact bytes, with escapes for NUL, `%` and backslash."""
    text = content.replace(b"\\", b"\\\\").replace(b"%", b"%%").replace(b"\0", b"\\000")
    return quote(text.decode("utf-8", "surrogateescape"))
