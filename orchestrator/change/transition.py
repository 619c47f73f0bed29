"""The script to bring one path of a host from one state to another, safe in a directory writable by other accounts.

The working directory is the path's directory, and stays so under any rename (`facts.walk`). A file is created under a
random name with O_EXCL, and gets content, owner and mode by its descriptor (proc(5), /proc/PID/fd), then is renamed
over the path. An account able to exchange the file changes only its own files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from stopgap.orchestrator.change.status import DRIFTED
from stopgap.orchestrator.facts import FileFact
from stopgap.orchestrator.facts.extended import KEPT_FLAGS
from stopgap.orchestrator.facts.extended_ways import ways
from stopgap.orchestrator.facts.presence import there
from stopgap.orchestrator.facts.walk import reach
from stopgap.orchestrator.shell import emit, quote

_STATE = r"""
# Prints what lies at ./$n, as the states of a change are written below.
state() {
    there "./$n"
    case $? in 1) echo absent; return ;; 2) return 1 ;; esac
    if [ -L "./$n" ]; then printf 'link '; readlink -- "./$n"
    elif [ -f "./$n" ]; then
        { sum=$(sha256sum <&3) && stat -L -c "file %a %u %g ${sum%% *}" /proc/self/fd/3 3<&3; } 3<"./$n"
    elif [ -d "./$n" ]; then stat -c 'directory %a %u %g' -- "./$n"
    else echo other; fi
}
"""
_TEMPORARY = r"""
umask 077
read -r uuid </proc/sys/kernel/random/uuid
t=.stopgap.$uuid
trap 'rm -f -- "./$t"' EXIT
"""
_FILE = r"""
room() {
    free=$(df -Pk . | { read -r line; read -r disk size used free rest; echo "$free"; })
    case $free in 0) why='no space left' ;; *) why='cannot be written' ;; esac
    echo "$wk_at: $why" >&2
    return 1
}
placed() {
    [ "$(stat -c %d:%i -- "./$n")" = "$(stat -L -c %d:%i /proc/self/fd/3 3<&3)" ] && return
    echo "$wk_at/$n: another account has put something else there" >&2
    return 1
}
set -C
{
    set +C
    { @content@ >&3 || room; } &&
        chown @owner@ /proc/self/fd/3 3>&3 && @attributes@ &&
        chmod @mode@ /proc/self/fd/3 3>&3 && @time@ sync /proc/self/fd/3 3>&3 &&
        mv -f -T -- "./$t" "./$n" && placed
} 3>"./$t" && sync .
"""
_LINK = r"""
ln -s -- @to@ "./$t" && { [ "$wk_other" ] || @owner@; } && mv -f -T -- "./$t" "./$n" && sync .
"""
_DIRECTORY = r"""
# What is made in a directory of another account's is made by that account: the kernel then sees to it that it can do
# no more there than its owner.
make() {
    case $wk_other in
        '') mkdir -- "./$n" && chmod @mode@ -- "./$n" && chown -h @owner@ -- "./$n" ;;
        @uid@)
            if command -v setpriv >/dev/null 2>&1; then setpriv --reuid @uid@ --regid @gid@ --clear-groups "$@"
            else perl -e '($(, $)) = ($ARGV[1], "$ARGV[1] $ARGV[1]"); ($<, $>) = ($ARGV[0], $ARGV[0]);
                $> == $ARGV[0] or die; exec @ARGV[2 .. $#ARGV]' @uid@ @gid@ "$@"; fi ;;
        *)
            # mkdir(2) alone gives this owner and this mode.
            if [ "$wk_me:$(id -g):@special@" = "@owner@:0" ]; then (umask @masked@; mkdir -- "./$n"); return; fi
            echo "$wk_at/$n: $(wk_whom) could exchange it before its owner is set" >&2
            false ;;
    esac
}
umask 077
make sh -c 'umask 077; mkdir -- "./$1" && chmod "$2" -- "./$1"' sh "$n" @mode@ && sync .
"""


def transition(path: str, here: FileFact, wanted: FileFact, *, force: bool) -> str:
    """Return the script, with status DRIFTED if the path is in neither state, unless `force` is set.

    `wanted.extended` and its flags are applied to a file, unless `None`.
    """
    folder, _, name = path.rpartition("/")
    gone = "exit 0" if wanted.kind == "absent" else 'echo "$wk_why" >&2; exit 1'
    if wanted.kind != "absent" and here.kind != "absent" and not force:
        gone = f"echo drifted; exit {DRIFTED}"
    expected = "*) ;;" if force else f"{_words(here)}) ;;\n    *) echo drifted; exit {DRIFTED} ;;"
    return (
        f"{there()}{reach()}{_STATE}\n"
        f"n={quote(name)}\n"
        f"reach {quote(folder or '/')}\n"
        f'case $? in 0) ;; 1) {gone} ;; *) echo "$wk_why" >&2; exit 1 ;; esac\n'
        f"now=$(state) || exit 1\n"
        f"case $now in\n    {_words(wanted)}) exit 0 ;;\n    {expected}\nesac\n"
        f"{_act(path, here, wanted)}"
    )


def _words(state: FileFact) -> str:
    """Return the output of `state` as a pattern without any other match."""
    owner = f"{state.mode:o} {state.uid} {state.gid}"
    match state.kind:
        case "absent":
            return "absent"
        case "link":
            return quote(f"link {state.link_to or ''}")
        case "directory":
            return quote(f"directory {owner}")
        case _:
            return quote(f"file {owner} {state.sha256}")


def _act(path: str, here: FileFact, wanted: FileFact) -> str:
    owner = f"{wanted.uid}:{wanted.gid}"
    values = {
        "mode": f"{wanted.mode:o}",
        "special": f"{wanted.mode & 0o7000:o}",
        "masked": f"{~wanted.mode & 0o777:03o}",
        "owner": owner,
        "uid": str(wanted.uid),
        "gid": str(wanted.gid),
    }
    match wanted.kind:
        case "absent":
            return 'case $now in directory*) rmdir -- "./$n" ;; *) rm -f -- "./$n" ;; esac && sync .'
        case "directory" if here.kind == "directory":
            enter = f'reach {quote(path)} || {{ echo "$wk_why" >&2; exit 1; }}'
            return f"{enter}\nchown {owner} . && chmod {values['mode']} . && sync ."
        case "directory":
            return _filled(_DIRECTORY, values)
        case "link":
            own = f'chown -h {owner} -- "./$t"' if wanted.uid or wanted.gid else "true"
            return _TEMPORARY + _filled(_LINK, {"to": quote(wanted.link_to or ""), "owner": own})
        case _:
            values |= {
                "content": emit(wanted.content or b""),
                "attributes": _attributes(wanted),
                "time": f"touch -c -d @{wanted.modified} /proc/self/fd/3 3>&3 &&" if wanted.modified else "",
            }
            known = wanted.extended is not None
            return (ways() if known else "") + _TEMPORARY + _filled(_FILE, values)


def _attributes(wanted: FileFact) -> str:
    if wanted.extended is None:
        return "true"
    lines = [f"x {name.encode().hex()} {value.hex()}\n" for name, value in wanted.extended.items()]
    lines.append(f"flags {wanted.flags} {KEPT_FLAGS}\n")
    return f"{emit(''.join(lines).encode())} | xa write 3>&3"


def _filled(script: str, values: Mapping[str, str]) -> str:
    return re.sub("@([a-z]+)@", lambda found: values[found[1]], script)
