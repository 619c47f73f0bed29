"""Write access of the session's account to some paths, tested without a write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from stopgap.orchestrator.facts.by_path import TOGETHER, blocks, path_key
from stopgap.orchestrator.facts.presence import there
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.facts.walk import reach
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.shell import join

_ASK = r"""
# ask DIR KEY NAME...: the directory is walked to once, for all names in it.
ask() (
    reach "${1:-/}"
    reached=$? why= room=
    shift
    if [ "$reached" != 0 ]; then :
    elif read_only; then why="${wk_at:-/}: Read-only file system"
    elif [ ! -w . ] || [ ! -x . ]; then why="user id $wk_me may not write to ${wk_at:-/}"
    fi
    [ "$reached" != 0 ] || room=$(stat -f -c '%f %a %S %d %c' .) || room=
    while [ $# -gt 0 ]; do
        n=$2
        echo "path $1"
        shift 2
        case $reached in
            0) ;;
            1) printf 'absent %s\n' "$wk_why"; continue ;;
            *) printf 'why %s\n' "$wk_why"; continue ;;
        esac
        if [ "$why" ]; then printf 'why %s\n' "$why"
        elif [ -k . ] && [ "$wk_me" != 0 ] && [ ! -O . ] && [ -e "./$n" ] && [ ! -O "./$n" ]; then
            printf 'why %s/%s belongs to another account, in a directory with the sticky bit\n' "$wk_at" "$n"
        fi
        if [ "$wk_other" ] && [ -d "./$n" ] && [ ! -L "./$n" ] && [ "$(stat -c %u -- "./$n")" != "$wk_other" ]; then
            printf 'inside %s/%s: %s may write to the directory above it, and could exchange it\n' \
                "$wk_at" "$n" "$(wk_whom)"
        fi
        [ -z "$room" ] || printf 'room %s\n' "$room"
    done
)
# Whether the working directory is on a mount that is read-only, or on such a filesystem (proc(5), mountinfo).
read_only() {
    ro_at= ro_is=
    IFS=$ro_nl
    set -f
    for ro_mount in $ro_mounts; do
        ro_point=${ro_mount#* }
        case $ro_point in *\\*) ro_point=$(printf '%b' "$ro_point") ;; esac
        # Bash matches nothing by a pattern that begins with "${ro_point%/}" where that is empty.
        case $wk_at/ in "${ro_point%/}/"*) ;; *) continue ;; esac
        [ "${#ro_point}" -ge "${#ro_at}" ] || continue
        ro_at=$ro_point ro_is=${ro_mount%% *}
    done
    set +f
    unset IFS
    [ "$ro_is" = ro ]
}
# A shell reads such a file byte by byte: once, for all paths.
ro_mounts= ro_nl='
'
while read -r ro_id ro_parent ro_device ro_root ro_point ro_options ro_rest; do
    case ,$ro_options,${ro_rest##* }, in *,ro,*) ro_is=ro ;; *) ro_is=rw ;; esac
    ro_mounts=$ro_mounts$ro_is' '$ro_point$ro_nl
done </proc/self/mountinfo
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

    def joined_with(self, others: Sequence[Self]) -> Self | None:
        """Return a reader of all paths: each parses what is said of its own."""
        paths = tuple(dict.fromkeys(path for reader in (self, *others) for path in reader.paths))
        return type(self)(paths) if len(paths) <= TOGETHER else None

    def script(self) -> str:
        """Return the script: the account, then `path KEY` and lines of results, for the paths by directory."""
        asks = "\n".join(f"ask {join((folder, *names))}" for folder, names in self._by_folder().items())
        return f"{there()}{reach()}{_ASK}{asks}\ntrue"

    def parse(self, output: Output) -> tuple[WritableFact, ...]:
        """Split the blocks, one for each path."""
        account, told = blocks(output.stdout.decoded())
        keys = [path_key(path) for path in self.paths]
        if output.status != 0 or output.truncated or not told.keys() >= set(keys):
            raise UnreadableError(output.stderr.last_line() or "whether it can be written: no complete answer")
        uid, *groups = _numbers(account.removeprefix("account "))
        return tuple(_fact(told[each], uid, tuple(groups)) for each in keys)

    def _by_folder(self) -> dict[str, list[str]]:
        """Return keys and names of the paths by directory."""
        found: dict[str, list[str]] = {}
        for path in self.paths:
            folder, _, name = path.rpartition("/")
            found.setdefault(folder, []).extend((path_key(path), name))
        return found


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
