"""A path brought from one state to another atomically: written, replaced, linked, created or removed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from stopgap.orchestrator.change.base import Change
from stopgap.orchestrator.change.transition import transition
from stopgap.orchestrator.facts import ABSENT, File, FileFact, Reader
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.translatable import Translatable


class PathChange(Change):
    """Bring one absolute path from the read state to the wanted state; the undo reverses the change.

    A file is written under a temporary name in the same directory, synced, then renamed: a reader sees the old
    content or the new content, never a mix. Raises ValueError for a state not restorable byte for byte.
    """

    kind: Literal["path"] = "path"
    repeatable: ClassVar[bool] = True
    path: str
    before: FileFact
    after: FileFact
    losses: tuple[Translatable, ...] = ()
    """Attributes of the path lost by the change."""
    undo_losses: tuple[Translatable, ...] = ()
    """Attributes not restored by the undo."""

    @model_validator(mode="after")
    def _restorable(self) -> Self:
        if not self.path.startswith("/") or "\0" in self.path or self.path.rpartition("/")[2] in {"", ".", ".."}:
            raise ValueError(
                tr("{path}: a change needs an absolute path that ends with a name", path=f"{self.path!r}")
            )
        for state in (self.before, self.after):
            if state.kind == "other" or (state.kind == "file" and state.content is None):
                raise ValueError(
                    tr("{path}: too large, or no ordinary file; it could not be put back", path=self.path)
                )
        if self.before.kind != self.after.kind and "directory" in {self.before.kind, self.after.kind}:
            other = self.after if self.before.kind == "directory" else self.before
            if other.kind != "absent":
                raise ValueError(tr("{path}: a directory is in the way", path=self.path))
        return self

    def describe(self) -> str:
        """Return the path and the kind of change."""
        mode = f"{self.after.mode:04o}"
        if self.after.kind == "absent":
            return tr("remove {path}", path=self.path)
        if self.after.kind == "link":
            return tr("link {path} -> {link_to}", path=self.path, link_to=self.after.link_to)
        if self.after.kind == "directory":
            if self.before.kind == "absent":
                return tr("make directory {path} ({mode})", path=self.path, mode=mode)
            return tr("set mode of {path} ({mode})", path=self.path, mode=mode)
        if self.before.kind == "absent":
            return tr("write {path} ({mode})", path=self.path, mode=mode)
        return tr("replace {path} ({mode})", path=self.path, mode=mode)

    def preview(self) -> list[str]:
        """Return a unified diff for text, a line for other content; then the attributes lost."""
        return [*self._difference(), *(f"lost: {loss}" for loss in self.losses)]

    def _difference(self) -> list[str]:
        if "file" not in {self.before.kind, self.after.kind}:
            return [self.describe()]
        if b"\0" in (self.before.content or b"") + (self.after.content or b""):
            return [f"{self.describe()}, {len(self.after.content or b'')} bytes, binary"]
        lines = list(
            difflib.unified_diff(
                _lines(self.before),
                _lines(self.after),
                f"{self.path}{'  (absent)' if self.before.kind == 'absent' else ''}",
                f"{self.path}{'  (removed)' if self.after.kind == 'absent' else ''}",
                lineterm="",
            )
        )
        return lines or [self.describe()]

    def describe_undo(self) -> str:
        """Return the effect of the undo on the path."""
        if self.before.kind == "absent":
            return tr("remove {path}", path=self.path)
        lacking = tr(", without {undo_losses}", undo_losses=", ".join(self.undo_losses)) if self.undo_losses else ""
        return tr(
            "restore {path} ({kind}, {mode}){lacking}",
            path=self.path,
            kind=_kind(self.before.kind),
            mode=f"{self.before.mode:04o}",
            lacking=lacking,
        )

    def do_script(self) -> str:
        """Return the script from the state before to the state after."""
        return transition(self.path, self.before, self.after, force=False)

    def undo_script(self, *, force: bool = False) -> str:
        """Return the script from the state after to the state before."""
        return transition(self.path, self.after, self.before, force=force)

    def predicted(self) -> Mapping[Reader[Any], Any]:
        """Return the expected fact: a read of the path gives the state after."""
        return {File(self.path): self.after}


def write_file(path: str, content: str | bytes, before: FileFact, *, mode: int = 0o644) -> PathChange | None:
    """Return a change of a file's content and mode, owner kept (root for a new file); `None` if up to date."""
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    is_file = before.kind == "file"
    after = FileFact(
        kind="file",
        mode=mode,
        uid=before.uid if is_file else 0,
        gid=before.gid if is_file else 0,
        size=len(data),
        content=data,
    )
    return None if before.same_as(after) else PathChange(path=path, before=before, after=after)


def remove_path(path: str, before: FileFact) -> PathChange | None:
    """Return the removal of a file or link; `None` if the path is absent."""
    return None if before.kind == "absent" else PathChange(path=path, before=before, after=ABSENT)


def make_link(path: str, to: str, before: FileFact) -> PathChange | None:
    """Return the creation of a symbolic link; `None` if the link exists."""
    if before.kind == "link" and before.link_to == to:
        return None
    return PathChange(path=path, before=before, after=FileFact(kind="link", mode=0o777, link_to=to))


def make_directory(path: str, before: FileFact, *, mode: int = 0o755) -> PathChange | None:
    """Return the creation of a directory in an existing parent; `None` for an existing directory of any mode."""
    if before.kind == "directory":
        return None
    return PathChange(path=path, before=before, after=FileFact(kind="directory", mode=mode))


def _kind(kind: str) -> str:
    return {"file": tr("file"), "directory": tr("directory"), "link": tr("link")}.get(kind, kind)


def _lines(state: FileFact) -> list[str]:
    if state.kind == "link":
        return [f"-> {state.link_to}"]
    return (state.text() or "").splitlines()
