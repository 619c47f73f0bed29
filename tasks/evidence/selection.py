"""Named selections of files by path, as find(1) expressions; `*` in a pattern also matches `/`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from stopgap.orchestrator.text import tr
from stopgap.tasks.evidence.source import Tests

Glob: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[\w./*?!+,=\[\]-]+$")]


class Selection(BaseModel):
    """A selection of files: by name, by path, or by find(1) tests."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    about: str = Field(description="Files in the selection, and the purpose")
    named: tuple[Glob, ...] = ()
    """Patterns for the last part of the path."""
    paths: tuple[Glob, ...] = ()
    """Patterns for the path, beginning with `./`."""
    without: tuple[Glob, ...] = ()
    """Patterns for excluded paths."""

    @model_validator(mode="after")
    def _one_way(self) -> Selection:
        if sum(map(bool, (self.named, self.paths, self.without))) != 1:
            raise ValueError(tr("a selection has one of `named`, `paths` and `without`"))
        return self

    def words(self) -> Tests:
        """Give the words for find(1)."""
        if self.without:
            return tuple(word for pattern in self.without for word in ("!", "-path", pattern))
        test, patterns = ("-name", self.named) if self.named else ("-path", self.paths)
        words = [word for pattern in patterns for word in ("-o", test, pattern)]
        return ("(", *words[1:], ")")
