"""`evidence.yaml` of the state folder: where the evidence of this machine is copied to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.evidence.delivery.place import Place, place_of
from stopgap.orchestrator.journal.evidence_waiting import SETTINGS
from stopgap.orchestrator.source import InvalidInput, Problem, Unfit, parse, validate
from stopgap.orchestrator.text import tr


def _place(url: str) -> str:
    try:
        place_of(url, "store")
    except UsageError as error:
        raise Unfit(str(error)) from None
    return url


class EvidenceFile(BaseModel):
    """The settings of evidence on this machine."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    store: Annotated[str, AfterValidator(_place)] = Field(
        description="Where a run's evidence is copied to once it has ended: s3://BUCKET/PREFIX, or file:///FOLDER "
        "of a mounted share. How to log in is not here, but where AWS keeps it."
    )


def store_of(home: Path) -> Place | None:
    """Return the store of the state folder's evidence.yaml; None without the file. Raises InvalidInput."""
    path = home / SETTINGS
    try:
        document = parse(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput([Problem(str(path), getattr(error, "strerror", None) or tr("is not UTF-8"))]) from None
    problems: list[Problem] = []
    read = validate(EvidenceFile, document, (), problems)
    if read is None:
        raise InvalidInput(problems)
    return place_of(read.store, "store")
