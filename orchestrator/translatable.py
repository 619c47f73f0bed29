"""The field of a model that holds a text for readers: JSON has the English words, a file beside them the template.

`model_dump(mode="json", context=KeptTexts())` collects the texts of a record; `model_validate(…, context=…)` with the
same texts brings the templates back. Nothing of pydantic is imported before a model is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from stopgap.orchestrator.text import Argument, Text

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, SerializationInfo, ValidationInfo, ValidatorFunctionWrapHandler
    from pydantic_core import CoreSchema


class KeptTexts(dict[str, Text]):
    """The texts of a record by their English words."""

    def as_json(self) -> list[dict[str, Any]]:
        """Return the texts as plain values: each a template, the arguments, and a plural if there is one."""
        return [_plain(text) for text in self.values()]

    @classmethod
    def from_json(cls, fields: object) -> KeptTexts:
        """Return the texts of `as_json`; what is none is left out, and the English words stand alone."""
        texts = (_text(given) for given in (fields if isinstance(fields, list) else ()))
        return cls({str.__str__(text): text for text in texts if text is not None})


class KeepsText:
    """Makes pydantic keep a `Text` in a field as a `Text`."""

    def prepared(self, value: object) -> object:
        """Return the value that is validated; a subclass may change words."""
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        from pydantic_core import core_schema  # noqa: PLC0415

        given = core_schema.plain_serializer_function_ser_schema(
            _give, info_arg=True, return_schema=core_schema.str_schema()
        )
        return core_schema.with_info_wrap_validator_function(self._keep, handler(source), serialization=given)

    def _keep(self, value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> str:
        prepared = self.prepared(value)
        words: str = handler(prepared)
        if isinstance(prepared, Text):
            return prepared
        kept = info.context
        return kept.get(words, words) if kept and isinstance(kept, KeptTexts) else words


Translatable: TypeAlias = Annotated[str, KeepsText()]
"""A `str` that stays a `Text` if it is one."""


def _give(value: str, info: SerializationInfo) -> str:
    if isinstance(value, Text) and isinstance(info.context, KeptTexts):
        info.context[str.__str__(value)] = value
    return value


def _plain(text: Text) -> dict[str, Any]:
    arguments = {name: _plain(value) if isinstance(value, Text) else value for name, value in text.arguments.items()}
    plural = {"plural": text.plural} if text.plural else {}
    return {"template": text.template, **plural, "arguments": arguments}


def _text(given: object) -> Text | None:
    if not isinstance(given, Mapping) or not isinstance(given.get("arguments"), Mapping):
        return None
    template, plural = given.get("template"), given.get("plural", "")
    arguments: dict[str, Argument] = {}
    for name, value in given["arguments"].items():
        read = value if isinstance(value, str) or type(value) is int else _text(value)
        if read is None:
            return None
        arguments[str(name)] = read
    if not isinstance(template, str) or not isinstance(plural, str):
        return None
    try:
        return Text(template, arguments, plural)
    except KeyError:
        return None
