"""A walk to a directory on a host, safe against redirection by another account.

An account with write access to a directory may exchange entries of the directory for a symbolic link or another
directory. For root, following a path through such a directory means arriving at a destination chosen by the account.
Therefore the walk enters one directory at a time, verifies each step by the kernel's own name of the working
directory (proc(5), /proc/PID/cwd), and works relative to the final working directory, safe from any exchange.
"""

from __future__ import annotations

_REACH = r"""
# Makes DIR the working directory. 1: it is absent; 2: it cannot be entered; 3: another account could exchange it;
# $wk_why says why. $wk_other: the account, or `others`, that may write to it, or to a directory above it.
reach() {
    wk_left=${1#/} wk_links=0 wk_other= wk_at= wk_name= wk_why= wk_me=$(id -u)
    cd / && wk_look / || return
    while [ "$wk_left" ]; do
        wk_name=${wk_left%%/*}
        case $wk_left in */*) wk_left=${wk_left#*/} ;; *) wk_left= ;; esac
        case $wk_name in
            ''|.) ;;
            ..)
                [ -z "$wk_other" ] || wk_end 3 'it leads out of a directory of another account' || return
                wk_to=${wk_at%/*}
                cd -P .. && wk_look "${wk_to:-/}" || return ;;
            *)
                if [ -L "./$wk_name" ]; then wk_follow || return; continue; fi
                if ! cd -P -- "./$wk_name" 2>/dev/null; then wk_lost; return; fi
                wk_look "$wk_at/$wk_name" || return ;;
        esac
    done
}
# Looks at the working directory: where the kernel says that it is, whose it is, and who may write to it.
wk_look() {
    wk_now=$(readlink /proc/self/cwd && echo .) || wk_end 2 '/proc cannot be read' || return
    [ "$wk_now" = "$1$wk_newline." ] || wk_end 3 'it leads elsewhere' || return
    set -- "${1%/}" $(stat -c '%u %f' .)
    [ $# = 3 ] || wk_end 2 'stat(1) says nothing' || return
    case $wk_other in
        '') case $2 in 0|"$wk_me") ;; *) wk_other=$2 ;; esac ;;
        "$2") ;;
        *) wk_end 3 "$(wk_whom) may write to the directory above it, and could exchange it" || return ;;
    esac
    wk_at=$1
    # Others may write; in a sticky directory they take away nothing that is not theirs (unlink(2)).
    if [ -z "$wk_other" ] && [ $((0x$3 & 0x12)) -ne 0 ] && [ $((0x$3 & 0x200)) -eq 0 ]; then wk_other=others; fi
}
wk_follow() {
    case $wk_other:$(stat -c %u -- "./$wk_name") in
        :0|:"$wk_me") ;;
        *) wk_end 3 'a symbolic link that another account can change' || return ;;
    esac
    wk_links=$((wk_links + 1))
    [ "$wk_links" -le 40 ] || wk_end 2 'Too many levels of symbolic links' || return
    wk_to=$(readlink -- "./$wk_name" && echo .) || wk_end 2 'a symbolic link that cannot be read' || return
    wk_to=${wk_to%"$wk_newline."}
    wk_left=$wk_to${wk_left:+/$wk_left}
    case $wk_to in /*) wk_name=; cd / && wk_look / ;; esac
}
wk_lost() {
    wk_why=$(there "./$wk_name" 2>&1)
    case $? in
        1) wk_end 1 'no such directory' ;;
        2) wk_end 2 "${wk_why##*: }" ;;
        *) if [ -d "./$wk_name" ]; then wk_end 2 'Permission denied'; else wk_end 2 'Not a directory'; fi ;;
    esac
}
wk_whom() { case $wk_other in others) echo 'a group or everybody' ;; *) echo "user id $wk_other" ;; esac; }
wk_end() { wk_why="$wk_at/$wk_name: $2"; return "$1"; }
wk_newline='
'
"""


def reach() -> str:
    """Return the shell function `reach DIR`, to make an absolute path the working directory.

    The function `there` must come first. Status 1: absent; 2: unreadable; 3: another account could exchange a
    directory on the way; `$wk_why` names the directory and the reason. From a directory of another account the walk
    continues only to directories of the same account; a directory writable by a group or everybody ends the walk.
    `$wk_at` is the directory, `$wk_other` the other account with write access, or `others`.
    """
    return _REACH
