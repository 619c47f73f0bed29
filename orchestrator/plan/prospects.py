"""Prospects of a path change on its host: obstacles to the change, and attributes lost by the change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from stopgap.orchestrator.change import (
    Activate,
    AnyChange,
    AttributesChange,
    DeviceChange,
    FreezeChange,
    PathChange,
    ProviderChange,
    RunCommands,
)
from stopgap.orchestrator.facts import Extended, ExtendedFact, File, FileFact, Reader, Writable, WritableFact
from stopgap.orchestrator.facts.extended import APPEND_ONLY, IMMUTABLE, NO_COW, VERITY
from stopgap.orchestrator.text import tr, trn

_OF_THE_CONTENT = ("security.ima", "security.evm")
"""Signatures of a file's content or inode (the kernel's evm and ima): wrong for any other."""
_WORDS = {
    "system.posix_acl_access": tr("access control list"),
    "system.posix_acl_default": tr("default access control list"),
    "system.nfs4_acl": tr("access control list"),
    "security.capability": tr("file capabilities"),
    "security.ima": tr("signature (security.ima)"),
    "security.evm": tr("signature (security.evm)"),
}
_BECOME = tr("`become: sudo`, where sudo lets this login")
_LOST_FLAGS = {NO_COW: tr("attribute C (no copy-on-write)"), VERITY: "fs-verity"}


@dataclass(frozen=True)
class Asked:
    """The readers for the prospects of changes to some paths."""

    paths: tuple[str, ...]

    @classmethod
    def of(cls, readers: Iterable[Reader[object]]) -> Asked:
        """Return the readers for the paths read by a step: such paths are the possible changes, but for a few."""
        files = (reader for reader in readers if isinstance(reader, File) and reader.changes)
        return cls(tuple(dict.fromkeys(reader.path for reader in files)))

    @property
    def writable(self) -> Writable:
        """Reads if the paths are writable."""
        return Writable(self.paths)

    @property
    def extended(self) -> Extended:
        """Reads the attributes of the paths beside content, owner and mode; then of the parent directories."""
        return Extended((*self.paths, *(f"{_folder(path)}/." for path in self.paths)))

    def readers(self) -> tuple[Reader[object], ...]:
        """Return both readers; no readers without paths."""
        return (self.writable, self.extended) if self.paths else ()


@dataclass(frozen=True)
class Prospect:
    """The known prospects of one path."""

    writable: WritableFact | None
    extended: ExtendedFact
    folder: ExtendedFact


def prospects(asked: Asked, writable: object = None, extended: object = None) -> Mapping[str, Prospect]:
    """Return the prospects of each path, from the readers' facts or failures."""
    count = len(asked.paths)
    may = writable if isinstance(writable, tuple) else (None,) * count
    have = extended
    if not isinstance(have, tuple):
        unread = ExtendedFact(attributes=None, trouble=str(extended))
        have = (unread,) * (2 * count)
    return {path: Prospect(may[n], have[n], have[count + n]) for n, path in enumerate(asked.paths)}


def prospected(
    changes: Iterable[AnyChange],
    known: Mapping[str, Prospect],
    earlier: Sequence[AnyChange],
    uid: int | None,
    root_programs: frozenset[str] = frozenset(),
) -> tuple[tuple[AnyChange, ...], str]:
    """Return the changes as made after `earlier` changes, or the known obstacle.

    `uid` is the account of the session; `None` if unknown. `root_programs`: programs that only root may use.
    """
    made: list[AnyChange] = []
    for change in changes:
        if hindered := _for_root_alone(change, uid, root_programs):
            return (), hindered
        match change:
            case PathChange() if prospect := known.get(change.path):
                wanted = prepared(change, prospect)
                if hindered := obstacle(wanted, prospect, [*earlier, *made]):
                    return (), hindered
                made.append(wanted)
            case (
                PathChange()
                | RunCommands()
                | Activate()
                | DeviceChange()
                | AttributesChange()
                | FreezeChange()
                | ProviderChange()
            ):
                made.append(change)
            case _:
                assert_never(change)
    return tuple(made), ""


def prepared(change: PathChange, prospect: Prospect) -> PathChange:
    """Return the change with the path's extra attributes: kept, or named as lost.

    A new file belongs to the account of the session.
    """
    before, after, have = change.before, change.after, prospect.extended
    uid, gid = (prospect.writable.uid, prospect.writable.groups[0]) if prospect.writable else (0, 0)
    if before.kind == "absent":
        return change.model_copy(update={"after": after.model_copy(update={"uid": uid, "gid": gid})})
    if before.kind == after.kind == "directory":
        return change
    known = have.attributes if have.attributes is not None else {}
    barred = {name for name in known if uid and name.startswith("security.")} | {"security.evm"}
    back = {name: value for name, value in known.items() if name not in barred}
    forth = {name: value for name, value in back.items() if name not in _OF_THE_CONTENT}
    gone: list[str] = (
        []
        if have.attributes is not None
        else [tr("access control lists, labels and attributes ({trouble})", trouble=have.trouble)]
    )
    gone += [words for flag, words in _LOST_FLAGS.items() if have.flags & flag]
    if have.links > 1:
        gone.append(
            tr("the hard link with {names}", names=trn("{count} other name", "{count} other names", have.links - 1))
        )
    after_losses = gone + (_named(known.keys() - forth.keys()) if after.kind == "file" else [])
    undo_losses = gone + _named(known.keys() - back.keys() if before.kind == "file" else known.keys())
    return change.model_copy(
        update={
            "before": _having(before, have, back),
            "after": _having(after, have, forth) if before.kind == "file" else after,
            "losses": tuple(after_losses),
            "undo_losses": tuple(undo_losses),
        }
    )


def obstacle(change: PathChange, prospect: Prospect, earlier: Iterable[AnyChange]) -> str:
    """Return the known obstacle to a change after `earlier` changes on the host; empty without an obstacle."""
    if why := _marks(change, prospect):
        return why
    may = prospect.writable
    if may is None:
        return ""
    if not may.folder:
        made = any(_may_make(other, _folder(change.path)) for other in earlier)
        return "" if made or change.after.kind == "absent" else may.obstacle
    if may.obstacle:
        return may.obstacle + (
            tr(": only root may ({become})", become=_BECOME) if may.uid and "may not write" in may.obstacle else ""
        )
    if may.inside and change.before.kind == change.after.kind == "directory":
        return may.inside
    return _owner(change, may) or _room(change, may)


def _for_root_alone(change: AnyChange, uid: int | None, programs: frozenset[str]) -> str:
    if not uid:
        return ""
    match change:
        case RunCommands():
            what = next((str(command) for command in change.do if command.argv[0] in programs), "")
        case FreezeChange():
            what = "kill -STOP"
        case PathChange() | Activate() | DeviceChange() | AttributesChange() | ProviderChange():
            what = ""
        case _:
            assert_never(change)
    return (
        tr("user id {uid} may not run {what}: only root may ({become})", uid=uid, what=what, become=_BECOME)
        if what
        else ""
    )


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _named(names: Iterable[str]) -> list[str]:
    words = {_WORDS.get(name, tr("security label") if name.startswith("security.") else name) for name in names}
    return sorted(words)


def _having(state: FileFact, have: ExtendedFact, attributes: Mapping[str, bytes]) -> FileFact:
    if state.kind != "file" or have.attributes is None:
        return state
    return state.model_copy(update={"extended": dict(attributes), "flags": have.flags})


def _marks(change: PathChange, prospect: Prospect) -> str:
    for path, fact in ((change.path, prospect.extended), (_folder(change.path) or "/", prospect.folder)):
        if fact.flags & (IMMUTABLE | APPEND_ONLY):
            word = tr("immutable") if fact.flags & IMMUTABLE else tr("append-only")
            return tr("{path} is {word} (chattr(1)): host.unlock clears that", path=path, word=word)
    return ""


def _may_make(change: AnyChange, folder: str) -> bool:
    """Return True if a change creates the directory, or is a command and may create the directory."""
    match change:
        case PathChange():
            return change.path == folder and change.after.kind in {"directory", "link"}
        case RunCommands():
            return True
        case Activate() | DeviceChange() | AttributesChange() | FreezeChange() | ProviderChange():
            return False
        case _:
            assert_never(change)


def _owner(change: PathChange, may: WritableFact) -> str:
    after = change.after
    if may.uid == 0 or after.kind not in {"file", "directory"}:
        return ""
    if after.uid != may.uid or after.gid not in may.groups:
        return tr(
            "{path} belongs to user id {uid} and group {gid}, and user id {uid2} cannot give it back to "
            "them: only root can",
            path=change.path,
            uid=after.uid,
            gid=after.gid,
            uid2=may.uid,
        )
    return ""


def _room(change: PathChange, may: WritableFact) -> str:
    if change.after.kind == "absent":
        return ""
    if may.inodes == 0:
        return tr("{path}: no inode is free on its filesystem", path=change.path)
    size = -(-len(change.after.content or b"") // may.block) * may.block
    if may.free is not None and may.free < size:
        return tr(
            "{path}: {free} bytes are free on its filesystem, and it needs {size}",
            path=change.path,
            free=may.free,
            size=size,
        )
    return ""
