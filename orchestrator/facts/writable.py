"""Write access of the session's account to some paths, tested without a write."""

from __future__ import annotations

from dataclasses import dataclass

from stopgap.orchestrator.facts.presence import there
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.facts.walk import reach
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.shell import join

_ASK = r"""
ask() (
    n=${1##*/} folder=${1%/*}
    echo path
    reach "${folder:-/}"
    case $? in
        0) ;;
        1) printf 'absent %s\n' "$wk_why"; exit ;;
        *) printf 'why %s\n' "$wk_why"; exit ;;
    esac
    if read_only; then printf 'why %s: Read-only file system\n' "${wk_at:-/}"
    elif [ ! -w . ] || [ ! -x . ]; then printf 'why user id %s may not write to %s\n' "$wk_me" "${wk_at:-/}"
    elif [ -k . ] && [ "$wk_me" != 0 ] && [ ! -O . ] && [ -e "./$n" ] && [ ! -O "./$n" ]; then
        printf 'why %s/%s belongs to another account, in a directory with the sticky bit\n' "$wk_at" "$n"
    fi
    if [ "$wk_other" ] && [ -d "./$n" ] && [ ! -L "./$n" ] && [ "$(stat -c %u -- "./$n")" != "$wk_other" ]; then
        printf 'inside %s/%s: %s may write to the directory above it, and could exchange it\n' \
            "$wk_at" "$n" "$(wk_whom)"
    fi
    room=$(stat -f -c '%f %a %S %d %c' .) && printf 'room %s\n' "$room"
)
# Whether the working directory is on a mount that is read-only, or on such a filesystem (proc(5), mountinfo).
read_only() {
    ro_at= ro_is=
    while read -r ro_id ro_parent ro_device ro_root ro_point ro_options ro_rest; do
        case $ro_point in *\\*) ro_point=$(printf '%b' "$ro_point") ;; esac
        case $wk_at/ in "${ro_point%/}"/*) ;; *) continue ;; esac
        [ "${#ro_point}" -ge "${#ro_at}" ] || continue
        ro_at=$ro_point
        case ,$ro_options,${ro_rest##* }, in *,ro,*) ro_is=yes ;; *) ro_is= ;; esac
    done </proc/self/mountinfo
    [ "$ro_is" ]
}
printf 'account %s %s\n' "$(id -u)" "$(id -G)"
"""


class WritableFact(Fact):
    """The known facts on write access to one path."""

    obstacle: EscapedLine = ""
    """The reason against a change; empty without a known obstacle."""
    inside: EscapedLine = ""
    """The reason against a change inside the directory at the path, though the directory entry is changeable."""
    folder: bool = True
    """The parent directory exists."""
    uid: int = 0
    """User id of the changing account."""
    groups: tuple[int, ...] = (0,)
    free: int | None = None
    """Bytes writable by the account on the filesystem; `None` if unknown."""
    block: int = 4096
    """Block size of the filesystem, in bytes."""
    inodes: int | None = None
    """Free inodes; `None` for a filesystem without a count, or if unknown."""


@dataclass(frozen=True)
class Writable(Reader[tuple[WritableFact, ...]]):
    """Test write access to some absolute paths: directory, filesystem, free space."""

    paths: tuple[str, ...]

    def script(self) -> str:
        """Return the script: the account, then `path` and lines of results."""
        return f'{there()}{reach()}{_ASK}for p in {join(self.paths)}; do ask "$p"; done; true'

    def parse(self, output: Output) -> tuple[WritableFact, ...]:
        """Split the blocks, one for each path."""
        account, *blocks = output.stdout.decoded().split("path\n")
        if output.status != 0 or output.truncated or len(blocks) != len(self.paths):
            raise UnreadableError(output.stderr.last_line() or "whether it can be written: no complete answer")
        uid, *groups = _numbers(account.removeprefix("account "))
        return tuple(_fact(block, uid, tuple(groups)) for block in blocks)


def _fact(block: str, uid: int, groups: tuple[int, ...]) -> WritableFact:
    found = {key: text for key, _, text in (line.partition(" ") for line in block.splitlines())}
    room = _numbers(found["room"]) if "room" in found else []
    free = None
    if len(room) == 5:
        free = (room[0] if uid == 0 else room[1]) * room[2]
    return WritableFact(
        obstacle=found.get("why", found.get("absent", "")),
        inside=found.get("inside", ""),
        folder="absent" not in found,
        uid=uid,
        groups=groups,
        free=free,
        block=room[2] if free is not None else 4096,
        inodes=room[3] if free is not None and room[4] else None,
    )


def _numbers(text: str) -> list[int]:
    numbers = [parse_int(word) for word in text.split()]
    known = [number for number in numbers if number is not None]
    if not known or len(known) < len(numbers):
        raise UnreadableError("whether it can be written: something that is no number")
    return known
