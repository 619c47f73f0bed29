"""Renders files of `templates`: sandboxed, with known names only, and never with text from a host.

A template of a plug-in replaces the shipped template of the same path, unless it cannot be rendered.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.hosttext import HostText, escape
from stopgap.orchestrator.loading import load
from stopgap.orchestrator.plugins import fail, files
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.secret import Secret
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from jinja2.bccache import BytecodeCache
    from jinja2.sandbox import SandboxedEnvironment

    from stopgap.orchestrator.plugins import DataFile

_MARKUP = (".html", ".htm", ".xml", ".svg")
_SHARED = ".jinja"
"""Suffix of templates that others include, with or without markup."""
_OF_A_PROGRAM = (".conf",)
"""Read by a program, not by a person: no text is escaped for display, which would change what is meant."""


def render_file(name: str, values: Mapping[str, object], *, autoescape: bool | None = None) -> str:
    """Render a template; `name` is the path below `templates`, such as `pages/maintenance.html`.

    Without `autoescape`, the file's suffix decides on markup. In a text for people, control characters and
    bidirectional controls of every value are escaped. A line with a block tag alone leaves no empty line.
    Raises TypeError for a HostText among the values, since text of a host is escaped before display, and for a
    Secret; jinja2.TemplateError for a missing or invalid template, or for a name without a value.
    """
    _refuse_unfit(values)
    markup = name.endswith(_MARKUP) if autoescape is None else autoescape
    if own := _own(name):
        try:
            return _environment(markup, _is_for_people(name), own=True).get_template(name).render(values)
        except Exception as error:
            if not _is_shipped(name):
                raise
            _leave_out(own, error)
    return _environment(markup, _is_for_people(name)).get_template(name).render(values)


def get_ready(name: str) -> None:
    """Compile a template in advance, at an idle moment; errors are reported by the later use."""
    with suppress(Exception):
        _environment(name.endswith(_MARKUP), _is_for_people(name), own=_own(name) is not None).get_template(name)


def compile_all() -> None:
    """Compile the shipped templates and keep the bytecode, as compileall(1) does for modules."""
    for path in folder("templates").rglob("*.*"):
        name = str(path.relative_to(folder("templates")))
        for markup in {name.endswith(_MARKUP), name.endswith(_SHARED)}:
            with suppress(Exception):
                _environment(markup, _is_for_people(name)).get_template(name)


def fit_to_show(value: object) -> object:
    """Return the value unchanged; raises TypeError for a HostText or a Secret."""
    if isinstance(value, HostText):
        raise TypeError(tr("text that a host sent cannot stand in a template"))
    if isinstance(value, Secret):
        raise TypeError(tr("a secret cannot stand in a template"))
    return value


def _escaped(value: object) -> object:
    """Return a value as a person may see the value: the `finalize` of templates for people."""
    fit_to_show(value)
    return escape(value, keep_lines=True) if isinstance(value, str) and not hasattr(value, "__html__") else value


def has_inner_life(value: object) -> bool:
    """Return True if the value's attributes are hidden from every template."""
    return isinstance(value, (HostText, Secret))


def _refuse_unfit(value: object) -> None:
    fit_to_show(value)
    if isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_unfit(key)
            _refuse_unfit(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            _refuse_unfit(item)


def _own(name: str) -> DataFile | None:
    return next((file for file in files("templates") if file.plugin.name == name), None)


def _is_for_people(name: str) -> bool:
    return not name.endswith(_OF_A_PROGRAM)


def _is_shipped(name: str) -> bool:
    return (folder("templates") / name).is_file()


def _leave_out(own: DataFile, error: Exception) -> None:
    line = getattr(error, "lineno", None)
    place = tr("line {line}: ", line=line) if line else ""
    fail("templates", own.plugin.name, own.plugin.origin, f"{place}{type(error).__name__}: {error}")


def _own_source(name: str) -> tuple[str, str, None] | None:
    own = _own(name)
    return (own.path.read_text(encoding="utf-8"), str(own.path), None) if own else None


def _bytecode(markup: bool, for_people: bool) -> BytecodeCache:
    """Return the cache of compiled templates, beside the bytecode of this module and as trustworthy.

    A changed template is compiled anew: its checksum differs. Nothing is written where Python writes no bytecode.
    """
    from jinja2 import FileSystemBytecodeCache, __version__  # noqa: PLC0415
    from jinja2.bccache import Bucket  # noqa: PLC0415

    class Cache(FileSystemBytecodeCache):
        def get_cache_key(self, name: str, filename: str | None = None) -> str:
            return name.replace("/", "-")

        def dump_bytecode(self, bucket: Bucket) -> None:
            if not sys.dont_write_bytecode:
                with suppress(OSError):
                    super().dump_bytecode(bucket)

    kind = f"{'markup' if markup else 'text'}-{'people' if for_people else 'program'}"
    return Cache(str(Path(__file__).parent / "__pycache__"), f"%s.{kind}.jinja-{__version__}.cache")


@cache
def _environment(markup: bool, for_people: bool, own: bool = False) -> SandboxedEnvironment:
    load(("jinja2.sandbox",))
    from jinja2 import ChoiceLoader, FileSystemLoader, FunctionLoader, StrictUndefined  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    class Environment(ImmutableSandboxedEnvironment):
        def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
            if has_inner_life(obj) or has_inner_life(value):
                return False
            return super().is_safe_attribute(obj, attr, value)

    shipped = FileSystemLoader(folder("templates"))
    return Environment(
        loader=ChoiceLoader([FunctionLoader(_own_source), shipped]) if own else shipped,
        bytecode_cache=None if own else _bytecode(markup, for_people),
        autoescape=markup,
        undefined=StrictUndefined,
        finalize=_escaped if for_people else fit_to_show,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
