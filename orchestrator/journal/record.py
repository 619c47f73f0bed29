"""The base of all records of the journal."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """An event, frozen, without unknown fields."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")
