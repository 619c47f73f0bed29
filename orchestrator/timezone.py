"""Names of time zones, as an operator writes them."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator

from stopgap.orchestrator.text import tr


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(tr("no time zone; expected a name such as Asia/Tokyo or Europe/Berlin")) from None
    return name


TimeZone: TypeAlias = Annotated[str, AfterValidator(_known)]
"""The type of a field that names a time zone of the IANA database."""
