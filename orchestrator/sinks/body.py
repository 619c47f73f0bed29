"""The body of a webhook, by a template of the operator's."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


@cache
def compiled(template: str) -> Template:
    """Compile a template of a body, sandboxed; a name that is not there is an error. Raises ValueError."""
    from jinja2 import StrictUndefined, TemplateError  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    try:
        return environment.from_string(template)
    except TemplateError as error:
        raise ValueError(str(error)) from None
