"""The nodes of a YAML document, composed from the parser's events with a limit on depth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol, TypeAlias

from stopgap.orchestrator.source.problem import Position

MAX_DEPTH = 40

_CORE = "tag:yaml.org,2002:"
_ONLY_OLD_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Characters that end a line in YAML 1.1, as libyaml reads it, and not in YAML 1.2 (section 5.4)."""


class Report(Protocol):
    """A callback for problems."""

    def __call__(
        self, position: Position, message: str, expected: str | None = None, hint: str | None = None
    ) -> None:
        """Take a problem."""


@dataclass(frozen=True)
class ScalarNode:
    """A scalar; `plain` marks a scalar without quotes, possibly a number or a constant."""

    position: Position
    text: str
    plain: bool


@dataclass(frozen=True)
class SequenceNode:
    """A list."""

    position: Position
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class MappingNode:
    """A mapping; keys are text as written."""

    position: Position
    items: list[tuple[ScalarNode, Node]] = field(default_factory=list)


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode


class _StopError(Exception):
    """A reported problem ends the parse."""


def compose(text: str, report: Report) -> Node | None:
    """Compose the single document of the text; return `None` after a reported problem.

    The fast parser of libyaml reads valid text; for invalid text the pure Python parser gives better errors.
    """
    node = _composed_by_libyaml(text)
    return node if node is not None else _composed(text, report)


def _composed_by_libyaml(text: str) -> Node | None:
    import yaml  # noqa: PLC0415

    if not yaml.__with_libyaml__ or _ONLY_OLD_BREAKS.search(text):
        return None

    def unsound(position: Position, message: str, expected: str | None = None, hint: str | None = None) -> NoReturn:
        raise _StopError

    try:
        return _Composer(yaml.parse(text, yaml.CSafeLoader), unsound).document()
    except (_StopError, yaml.YAMLError, ValueError):
        return None


def _composed(text: str, report: Report) -> Node | None:
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import MarkedYAMLError  # noqa: PLC0415

    composer = _Composer(YAML(typ="safe", pure=True).parse(text), report)
    try:
        return composer.document()
    except _StopError:
        return None
    except MarkedYAMLError as error:
        _report_syntax(error, report)
        return None
    except Exception as error:  # The parser raises many types for odd escapes and directives.
        report(composer.position, f"not YAML: {error}")
        return None


class _Composer:
    def __init__(self, events: Iterator[Any], report: Report) -> None:
        self.position = Position(1, 1)
        self._events = events
        self._report = report
        self._anchors: dict[str, Node | None] = {}

    def document(self) -> Node:
        self._next()
        if self._next() == "StreamEnd":
            self.position = Position(1, 1)
            self._stop("the file is empty", "a mapping")
        root = self._node(self._next(), 0)
        self._next()
        if self._next() != "StreamEnd":
            self._stop("a second document begins", "one document a file")
        return root

    def _next(self) -> str:
        self._event = next(self._events)
        self.position = _position(self._event.start_mark)
        return type(self._event).__name__.removesuffix("Event")

    def _node(self, kind: str, depth: int) -> Node:
        event, position = self._event, self.position
        if depth > MAX_DEPTH:
            self._stop("nested too deep", f"at most {MAX_DEPTH} levels")
        if kind == "Alias":
            return self._aliased(event.anchor)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node: Node
        if kind == "Scalar":
            node = self._scalar(event, position)
        elif kind == "SequenceStart":
            self._accept_tag(event, f"{_CORE}seq")
            node = SequenceNode(position)
            while (inner := self._next()) != "SequenceEnd":
                node.items.append(self._node(inner, depth + 1))
        else:
            self._accept_tag(event, f"{_CORE}map")
            node = self._mapping(position, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _mapping(self, position: Position, depth: int) -> MappingNode:
        node = MappingNode(position)
        while (inner := self._next()) != "MappingEnd":
            place = self.position
            key = self._node(inner, depth + 1)
            value = self._node(self._next(), depth + 1)
            if not isinstance(key, ScalarNode):
                hint = 'a template needs quotes: "{{ … }}"' if isinstance(key, MappingNode) else None
                self._report(place, "a key must be text", None, hint)
            elif key.text == "<<" and key.plain:
                self._report(place, "YAML 1.2 has no merge keys", "the keys written out")
            else:
                node.items.append((ScalarNode(place, key.text, key.plain), value))
        return node

    def _scalar(self, event: Any, position: Position) -> ScalarNode:  # noqa: ANN401
        self._accept_tag(event, f"{_CORE}str", "!")
        if bad := re.search("[\0\ud800-\udfff]", event.value):
            self._report(position, f"character U+{ord(bad[0]):04X} cannot stand in text")
        return ScalarNode(position, event.value, plain=event.implicit[0] and event.tag is None)

    def _accept_tag(self, event: Any, *known: str) -> None:  # noqa: ANN401
        if event.tag is not None and event.tag not in known:
            tag = str(event.tag).replace(_CORE, "!!")
            self._report(self.position, f"the tag {tag} means nothing here", "a value without a tag")

    def _aliased(self, name: str) -> Node:
        if name not in self._anchors:
            self._stop(f"the alias *{name} has no anchor &{name} before it")
        node = self._anchors[name]
        if node is None:
            self._stop(f"the alias *{name} stands inside of what it names")
        return node

    def _stop(self, message: str, expected: str | None = None) -> NoReturn:
        self._report(self.position, message, expected)
        raise _StopError


def _report_syntax(error: Any, report: Report) -> None:  # noqa: ANN401
    problem = " ".join(str(error.problem or error.context or "not YAML").split())
    mark = error.problem_mark or error.context_mark
    hint = None
    if "end of stream" in problem or "<stream end>" in problem:
        mark = error.context_mark or mark
        problem = "what is opened here is never closed"
    elif problem.startswith("expected ',' or") and error.context_mark:
        hint = f"look for the end of what is opened at {_position(error.context_mark)}"
    elif r"character '\t'" in problem:
        problem, hint = "a tab where YAML wants spaces", "indent with spaces"
    elif "cannot start any token" in problem:
        hint = "put the value into quotes"
    elif "mapping values are not allowed" in problem:
        problem, hint = (
            "a key and its value cannot stand here",
            "look at the indentation, or quote a value that holds ': '",
        )
    report(_position(mark) if mark else Position(1, 1), problem, None, hint)


def _position(mark: Any) -> Position:  # noqa: ANN401
    return Position(mark.line + 1, mark.column + 1)
