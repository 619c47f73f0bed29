"""Bringing a path to a wanted state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from stopgap.orchestrator.change import PathChange, make_directory, make_link, remove_path, write_file
from stopgap.orchestrator.facts import File, FileFact
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Facts, Parameters, Planned, Probe, Task, Unplannable
from stopgap.orchestrator.template import render_file
from stopgap.orchestrator.text import tr

_FORMS = ("content", "template", "link_to", "directory", "absent")


class HostFileParams(Parameters):
    """The path, and exactly one of content, template, link_to, directory and absent."""

    path: Annotated[str, StringConstraints(pattern=r"^/[^\x00]*[^/\x00]$")] = Field(
        description="Absolute path; the parent directory must exist."
    )
    content: str | None = Field(default=None, description="The file's whole text.")
    template: str | None = Field(default=None, description="A template below templates/ for the text.")
    values: Mapping[str, Any] = Field(default={}, description="Variables for the template.")
    link_to: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        default=None, description="Target of a symbolic link to create."
    )
    directory: bool = Field(default=False, description="Create a directory.")
    absent: bool = Field(default=False, description="Remove the path; a directory must be empty.")
    mode: Annotated[str, StringConstraints(pattern=r"^[0-7]{3,4}$")] | None = Field(
        default=None,
        description="Permission bits in octal, quoted, such as '0640'. Default: unchanged, or 0644 for a new "
        "file and 0755 for a new directory.",
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = [name for name in _FORMS if getattr(self, name) not in {None, False}]
        if len(given) != 1:
            raise ValueError(
                tr(
                    "exactly one of {forms} is needed, not {given}",
                    forms=", ".join(_FORMS),
                    given=" and ".join(given) or "none",
                )
            )
        if self.values and self.template is None:
            raise ValueError(tr("`values` are for a `template`"))
        if self.mode is not None and (self.absent or self.link_to):
            raise ValueError(tr("`mode` is for a file or a directory"))
        return self


class HostFileFacts(Facts):
    """Facts of the file at the path."""

    file: FileFact


class HostFile(Task[HostFileParams, HostFileFacts]):
    """Put a file, a link or a directory in place, or take it away.

    A new file belongs to the login's account, usually root; an existing file keeps owner and group. Change and undo
    keep access control lists, security labels, capabilities, extended attributes and inode flags; the preview names
    attributes lost by the change, such as a hard link. A path through a directory writable by another account is
    refused.
    """

    name = "host.file"
    vantages = ("target", "upstream", "spare", "controller")

    def probe(self, params: HostFileParams, scene: Scene) -> Probe:
        """Read the path."""
        return {"file": File(params.path)}

    def plan(self, params: HostFileParams, facts: HostFileFacts, scene: Scene) -> Iterator[Planned]:
        """Give the change, if the path is not as wanted."""
        try:
            change = _change(params, facts.file)
        except ValidationError as error:
            raise Unplannable(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None
        if change:
            yield change


def _change(params: HostFileParams, before: FileFact) -> PathChange | None:
    mode = None if params.mode is None else int(params.mode, 8)
    if params.absent:
        return remove_path(params.path, before)
    if params.link_to is not None:
        return make_link(params.path, params.link_to, before)
    if params.directory:
        if before.kind == "directory" and mode not in {None, before.mode}:
            return PathChange(path=params.path, before=before, after=before.model_copy(update={"mode": mode}))
        return make_directory(params.path, before, mode=0o755 if mode is None else mode)
    text = render_file(params.template, params.values) if params.template else params.content or ""
    kept = before.mode if before.kind == "file" else 0o644
    return write_file(params.path, text, before, mode=kept if mode is None else mode)
