"""A secret in use: a reference, for comparison, display and storage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from stopgap.orchestrator.secret.revealed import CLOSE, OPEN, reveal, shown
from stopgap.orchestrator.secret.sources import PATTERN, fetch, validated

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret, by its reference: `env:NAME`, `file:PATH`, `keyring:SERVICE/USER`, `command:…` or `ask:…`.

    The object never holds the value, so that no copy, pickle, dump or traceback can leak the value. The text form is
    `‹secret env:NAME›`; a field of a pydantic model accepts the reference or the text form. Raises Unfit for anything
    else, without repeating the text, a possible secret value.
    """

    reference: str

    def __post_init__(self) -> None:
        """Check the form of the reference, without a lookup."""
        validated(self.reference)

    def reveal(self) -> str:
        """Return the secret value, fetched once for each process. Raises SecretError with the missing part."""
        return reveal(self.reference, fetch)

    def __str__(self) -> str:
        return shown(self.reference)

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    @classmethod
    def read(cls, value: object) -> Self:
        """Parse a Secret, its text form, or a reference; raises Unfit."""
        if isinstance(value, cls):
            return value
        text = validated(value.removeprefix(OPEN).removesuffix(CLOSE) if isinstance(value, str) else value)
        return cls(text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        from pydantic_core import core_schema  # noqa: PLC0415

        as_text = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        return core_schema.no_info_plain_validator_function(cls.read, serialization=as_text)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": PATTERN}
