"""A path that goes from one state to another: written, replaced, linked, created or removed, atomically."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal, Self

from pydantic import model_validator

from stopgap.orchestrator.change.base import DRIFTED, Change
from stopgap.orchestrator.facts import ABSENT, File, FileFact, Reader
from stopgap.orchestrator.shell import emit, quote


class PathChange(Change):
    """Bring one absolute path from the state that was read to the state that is wanted; undo goes the other way.

    A file appears under a temporary name in its own directory, is synced, then renamed: a reader sees the old
    content or the new, never half. Raises ValueError for a state that could not be restored byte for byte.
    """

    kind: Literal["path"] = "path"
    path: str
    before: FileFact
    after: FileFact

    @model_validator(mode="after")
    def _restorable(self) -> Self:
        if not self.path.startswith("/") or "\0" in self.path:
            raise ValueError(f"{self.path!r}: a change needs an absolute path")
        for state in (self.before, self.after):
            if state.kind == "other" or (state.kind == "file" and state.content is None):
                raise ValueError(f"{self.path}: too large, or no ordinary file; it could not be put back")
        if self.before.kind != self.after.kind and "directory" in {self.before.kind, self.after.kind}:
            other = self.after if self.before.kind == "directory" else self.before
            if other.kind != "absent":
                raise ValueError(f"{self.path}: a directory is in the way")
        return self

    def describe(self) -> str:
        """Name the path and what happens to it."""
        if self.after.kind == "absent":
            return f"remove {self.path}"
        if self.after.kind == "link":
            return f"link {self.path} -> {self.after.link_to}"
        if self.after.kind == "directory":
            verb = "make directory" if self.before.kind == "absent" else "set mode of"
            return f"{verb} {self.path} ({self.after.mode:04o})"
        return f"{'write' if self.before.kind == 'absent' else 'replace'} {self.path} ({self.after.mode:04o})"

    def preview(self) -> list[str]:
        """Give a unified diff for text, a line for all else."""
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
        """Say what becomes of the path."""
        if self.before.kind == "absent":
            return f"remove {self.path}"
        return f"restore {self.path} ({self.before.kind}, {self.before.mode:04o})"

    def do_script(self) -> str:
        """Go from before to after."""
        return _transition(self.path, self.before, self.after, force=False)

    def undo_script(self, *, force: bool = False) -> str:
        """Go from after to before."""
        return _transition(self.path, self.after, self.before, force=force)

    def predicted(self) -> Mapping[Reader[Any], Any]:
        """Reading the path gives the state after."""
        return {File(self.path): self.after}


def write_file(path: str, content: str | bytes, before: FileFact, *, mode: int = 0o644) -> PathChange | None:
    """Change a file's content and mode, its owner kept (root for a new one); None where it is so already."""
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
    """Remove a file or link; None where nothing lies there."""
    return None if before.kind == "absent" else PathChange(path=path, before=before, after=ABSENT)


def make_link(path: str, to: str, before: FileFact) -> PathChange | None:
    """Make a symbolic link; None where it is there already."""
    if before.kind == "link" and before.link_to == to:
        return None
    return PathChange(path=path, before=before, after=FileFact(kind="link", mode=0o777, link_to=to))


def make_directory(path: str, before: FileFact, *, mode: int = 0o755) -> PathChange | None:
    """Make a directory whose parent exists; None where it is there already, whatever its mode."""
    if before.kind == "directory":
        return None
    return PathChange(path=path, before=before, after=FileFact(kind="directory", mode=mode))


def _lines(state: FileFact) -> list[str]:
    if state.kind == "link":
        return [f"-> {state.link_to}"]
    return (state.text() or "").splitlines()


def _is(path: str, state: FileFact) -> str:
    """Give a shell condition that holds when the path is in this state."""
    p = quote(path)
    if state.kind == "absent":
        return f"[ ! -e {p} ] && [ ! -L {p} ]"
    if state.kind == "link":
        return f'[ -L {p} ] && [ "$(readlink -- {p})" = {quote(state.link_to or "")} ]'
    owner = f'[ "$(stat -c "%a %u %g" -- {p})" = "{state.mode:o} {state.uid} {state.gid}" ]'
    if state.kind == "directory":
        return f"[ -d {p} ] && [ ! -L {p} ] && {owner}"
    return f'[ -f {p} ] && [ ! -L {p} ] && {owner} && [ "$(sha256sum <{p})" = "{state.sha256}  -" ]'


def _transition(path: str, here: FileFact, there: FileFact, *, force: bool) -> str:
    guard = "" if force else f"if ! {{ {_is(path, here)}; }}; then echo drifted; exit {DRIFTED}; fi\n"
    return f"if {_is(path, there)}; then exit 0; fi\n{guard}{_reach(path, there)}"


def _reach(path: str, state: FileFact) -> str:
    p, parent = quote(path), quote(str(PurePosixPath(path).parent))
    if state.kind == "absent":
        return f"if [ -d {p} ] && [ ! -L {p} ]; then rmdir -- {p}; else rm -f -- {p}; fi && sync -- {parent}"
    if state.kind == "directory":
        make = f"{{ [ -d {p} ] || mkdir -- {p}; }}"
        return f"{make} && chown {state.uid}:{state.gid} -- {p} && chmod {state.mode:o} -- {p} && sync -- {parent}"
    temporary = f'"$t"/{quote(PurePosixPath(path).name)}'
    if state.kind == "link":
        make = f"ln -s -- {quote(state.link_to or '')} {temporary}"
    else:
        parts = [
            f"{{ {emit(state.content or b'')} >{temporary} || {_say_what_is_free(parent)}; }}",
            f"chown {state.uid}:{state.gid} -- {temporary}",
            f"chmod {state.mode:o} -- {temporary}",
            f"touch -d @{state.modified} -- {temporary}" if state.modified else "",
            f"sync -- {temporary}",
        ]
        make = " && ".join(part for part in parts if part)
    return (
        f"umask 077; t=$(mktemp -d {parent}/.stopgap.XXXXXX) || exit 1\n"
        "trap 'rm -rf -- \"$t\"' EXIT\n"
        f"{make} && mv -f -T -- {temporary} {p} && sync -- {parent}"
    )


def _say_what_is_free(parent: str) -> str:
    """Give a command that says why a write may have failed, and fails: a shell's own printf calls it an I/O error."""
    return (
        f"{{ df -Pk -- {parent} | {{ read -r line; read -r disk size used free rest\n"
        f'case $free in 0) why="no space left";; *) why="cannot be written";; esac\n'
        f'echo {parent}": $why" >&2; }}\nfalse; }}'
    )
