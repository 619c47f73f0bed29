"""Presence of a path: an unreadable path is told apart from an absent path.

A shell's `[ -e PATH ]` is false for every error of stat(2): for ENOENT, and for EACCES, EIO, ESTALE and ELOOP.
"""

from __future__ import annotations

_THERE = r"""
# 0: something lies at the path; 1: nothing does; 2: nobody can tell, and standard error says why.
there() {
    if [ -e "$1" ] || [ -L "$1" ]; then return 0; fi
    if th_said=$(stat -- "$1" 2>&1); then return 0; fi
    th_said=${th_said%' (os error '*')'} # uutils' coreutils add the number of the error
    case $th_said in
        *': No such file or directory') return 1 ;;
        *': Not a directory')
            # The path is absent where a file stands in place of one of its directories.
            th_up=${1%/*}
            while [ "$th_up" ] && [ ! -e "$th_up" ]; do th_up=${th_up%/*}; done
            [ -d "${th_up:-/}" ] || return 1 ;;
    esac
    printf '%s: %s\n' "$1" "${th_said##*: }" >&2
    return 2
}
"""
_LISTABLE = r"""
# 0: the directory is absent, or its names can be read, and what they name; otherwise standard error says why.
listable() {
    there "$1"
    case $? in 1) return 0 ;; 2) return 2 ;; esac
    [ -d "$1" ] || return 0
    if [ ! -x "$1" ]; then th_said=': Permission denied'
    elif th_said=$(ls -A -- "$1" 2>&1 >/dev/null); then return 0; fi
    printf '%s: %s\n' "$1" "${th_said##*: }" >&2
    return 2
}
"""


def there() -> str:
    """Return the shell function `there PATH`: status 0 present, 1 absent, 2 unknown.

    With status 2 standard error gives the reason. Symbolic links are not followed at the end of the path. Requires
    stat(1).
    """
    return _THERE


def listable() -> str:
    """Return the shell function `listable DIR`, to follow `there`: status 0 for an absent or readable directory."""
    return f"{_THERE}{_LISTABLE}"
