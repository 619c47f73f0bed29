"""Renders the files below `templates`: sandboxed, every name must be known, and never with text that a host sent."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from orchestrator.hosttext import HostText
from orchestrator.resources import folder

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_MARKUP = (".html", ".htm", ".xml", ".svg")


def render_file(name: str, values: Mapping[str, object], *, autoescape: bool | None = None) -> str:
    """Render a template; `name` is its path below `templates`, such as `pages/maintenance.html`.

    Without `autoescape`, markup is told by the file's suffix. A block tag takes its own line with it.
    Raises TypeError for a HostText among the values: what a host said is escaped before it is shown;
    jinja2.TemplateError for a template that is not there, is wrong, or uses a name without a value.
    """
    _refuse_host_text(values)
    markup = name.endswith(_MARKUP) if autoescape is None else autoescape
    return _environment(markup).get_template(name).render(values)


def without_host_text(value: object) -> object:
    """Give the value back: the `finalize` of every template; raises TypeError for a HostText."""
    if isinstance(value, HostText):
        raise TypeError("text that a host sent cannot stand in a template")
    return value


def _refuse_host_text(value: object) -> None:
    without_host_text(value)
    if isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_host_text(key)
            _refuse_host_text(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            _refuse_host_text(item)


@cache
def _environment(markup: bool) -> SandboxedEnvironment:
    from jinja2 import FileSystemLoader, StrictUndefined  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    class Environment(ImmutableSandboxedEnvironment):
        def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
            if isinstance(obj, HostText) or isinstance(value, HostText):
                return False
            return super().is_safe_attribute(obj, attr, value)

    return Environment(
        loader=FileSystemLoader(folder("templates")),
        autoescape=markup,
        undefined=StrictUndefined,
        finalize=without_host_text,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
