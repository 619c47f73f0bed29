"""Evaluates the trees of `grammar`: node by node, each charged to a budget, over plain values and views.

No code of Jinja2 and no attribute or method of Python is reachable: operators, filters, tests and methods come from
this package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from stopgap.orchestrator.runbook.expression import filters, tests
from stopgap.orchestrator.runbook.expression.budget import ITEM, NODE, Budget
from stopgap.orchestrator.runbook.expression.failure import ExpressionError
from stopgap.orchestrator.runbook.expression.methods import ATTRIBUTES, METHOD_ROOM, method_of
from stopgap.orchestrator.runbook.expression.operators import ARITHMETIC, COMPARISONS, arithmetic
from stopgap.orchestrator.runbook.expression.text import as_text
from stopgap.orchestrator.runbook.expression.view import Missing, View
from stopgap.orchestrator.source import quoted

Node: TypeAlias = Any
"""A node of Jinja2; only the grammar imports the classes of nodes."""
Value: TypeAlias = Any


class Evaluation:
    """One expression or template, evaluated over the given names within the given budget."""

    def __init__(self, names: Mapping[str, object], budget: Budget) -> None:
        self._scopes: list[dict[str, Value]] = [dict(names)]
        self._budget = budget

    def value(self, node: Node) -> Value:
        """Return an expression's value, or Missing. Raises ExpressionError, and the exceptions of operators."""
        self._budget.spend(NODE)
        kind = type(node).__name__
        if kind in ARITHMETIC:
            return self._made(arithmetic(kind, self._whole(node.left), self._whole(node.right), self._budget))
        return _EXPRESSIONS[kind](self, node)

    def text(self, body: list[Node]) -> str:
        """Return the text of a template's statements."""
        return "".join(self._parts(body))

    def _parts(self, body: list[Node]) -> Iterator[str]:
        for node in body:
            self._budget.spend(NODE)
            yield from _STATEMENTS[type(node).__name__](self, node)

    def _output(self, node: Node) -> Iterator[str]:
        for part in node.nodes:
            if type(part).__name__ == "TemplateData":
                self._budget.spend(len(part.data))
                yield part.data
            else:
                yield self._text_of(part)

    def _text_of(self, node: Node) -> str:
        text = as_text(self._whole(node))
        self._budget.spend(len(text))
        return text

    def _if(self, node: Node) -> Iterator[str]:
        for branch in (node, *node.elif_):
            if self._truth(branch.test):
                yield from self._parts(branch.body)
                return
        yield from self._parts(node.else_)

    def _for(self, node: Node) -> Iterator[str]:
        items = filters.items_of(self._whole(node.iter))
        if node.test is not None:
            items = [item for item in items if self._within(node.target, item, lambda: self._truth(node.test))]
        for index, item in enumerate(items):
            self._budget.spend(NODE)
            loop = {"index": index + 1, "index0": index, "length": len(items), "first": not index}
            loop |= {"last": index + 1 == len(items)}
            yield self._within(node.target, item, lambda: self.text(node.body), loop=View(loop))
        if not items:
            yield from self._parts(node.else_)

    def _within(self, target: Node, item: Value, act: Callable[[], Value], **more: Value) -> Value:
        """Return the result of `act` with the loop target's names bound to the item."""
        self._scopes.append(more)
        try:
            self._bind(target, item)
            return act()
        finally:
            self._scopes.pop()

    def _assign(self, node: Node) -> Iterator[str]:
        self._bind(node.target, self.value(node.node))
        yield from ()

    def _bind(self, target: Node, value: Value) -> None:
        if type(target).__name__ == "Name":
            self._scopes[-1][target.name] = value
            return
        values = filters.items_of(value)
        if len(values) != len(target.items):
            raise ExpressionError(f"{len(values)} values for {len(target.items)} names")
        for inner, item in zip(target.items, values, strict=True):
            self._bind(inner, item)

    def _whole(self, node: Node) -> Value:
        """Return a value read as a whole, charged by its size; raises ExpressionError for a missing value."""
        value = self.value(node)
        self._budget.take(value)
        return value

    def _truth(self, node: Node) -> bool:
        value = self.value(node)
        if isinstance(value, Missing):
            raise ExpressionError(value.reason, value.hint)
        return bool(value)

    def _made(self, value: Value) -> Value:
        if not isinstance(value, Missing):
            self._budget.take(value)
        return value

    def _name(self, node: Node) -> Value:
        for scope in reversed(self._scopes):
            if node.name in scope:
                return scope[node.name]
        return Missing(f"{quoted(node.name)} is undefined")

    def _list(self, node: Node) -> Value:
        return self._made([self.value(item) for item in node.items])

    def _tuple(self, node: Node) -> Value:
        return self._made(tuple(self.value(item) for item in node.items))

    def _dict(self, node: Node) -> Value:
        return self._made({self._whole(pair.key): self.value(pair.value) for pair in node.items})

    def _either(self, node: Node) -> Value:
        first = type(node).__name__ == "Or"
        return self.value(node.left if self._truth(node.left) == first else node.right)

    def _choice(self, node: Node) -> Value:
        if self._truth(node.test):
            return self.value(node.expr1)
        return (
            self.value(node.expr2) if node.expr2 is not None else Missing("the condition is false, and has no else")
        )

    def _compare(self, node: Node) -> bool:
        left = self._whole(node.expr)
        for operand in node.ops:
            right = self._whole(operand.expr)
            if not COMPARISONS[operand.op](left, right):
                return False
            left = right
        return True

    def _sign(self, node: Node) -> Value:
        value = self._whole(node.node)
        if not isinstance(value, (int, float)):
            raise ExpressionError("a sign stands before a number alone")
        return -value if type(node).__name__ == "Neg" else +value

    def _slice(self, node: Node) -> slice:
        parts = (node.start, node.stop, node.step)
        return slice(*(None if part is None else self._whole(part) for part in parts))

    def _item(self, node: Node) -> Value:
        value = self._present(node.node)
        if type(node.arg).__name__ == "Slice":
            if not isinstance(value, (str, list, tuple)):
                raise ExpressionError("only a text or a list has a part from one place to another")
            return self._made(value[self._slice(node.arg)])
        key = self._whole(node.arg)
        if isinstance(value, (View, Mapping, str, list, tuple)):
            try:
                return value[key]
            except (LookupError, TypeError):
                pass
        return Missing(f"there is no {quoted(key)}")

    def _field(self, node: Node) -> Value:
        value = self._present(node.node)
        if isinstance(value, (View, Mapping)):
            try:
                return value[node.attr]
            except KeyError:
                return Missing(f"there is no attribute {quoted(node.attr)}")
        if node.attr in ATTRIBUTES.get(type(value), ()):
            return getattr(value, node.attr)
        return Missing(f"there is no attribute {quoted(node.attr)}")

    def _present(self, node: Node) -> Value:
        value = self.value(node)
        if isinstance(value, Missing):
            raise ExpressionError(value.reason, value.hint)
        return value

    def _arguments(self, node: Node) -> tuple[list[Value], dict[str, Value]]:
        return [self._whole(argument) for argument in node.args], {k.key: self._whole(k.value) for k in node.kwargs}

    def _call(self, node: Node) -> Value:
        words, named = self._arguments(node)
        kind = type(node.node).__name__
        if kind == "Name" and node.node.name == "range":
            whole = range(*words, **named)
            self._budget.spend(ITEM * len(whole))
            return list(whole)
        if kind == "Getattr":
            value = self._whole(node.node.node)
            if method := method_of(value, node.node.attr):
                if room := METHOD_ROOM.get(node.node.attr):
                    self._budget.spend(room(value, *words, **named))
                return self._made(method(value, *words, **named))
            raise ExpressionError(f"there is no method {quoted(node.node.attr)}")
        raise ExpressionError("only range and the methods of texts and mappings can be called")

    def _filter(self, node: Node) -> Value:
        value = self.value(node.node) if node.name in filters.MEETS_MISSING else self._whole(node.node)
        words, named = self._arguments(node)
        if node.name in filters.EACH:
            return self._made(list(self._each(node.name, filters.items_of(value), words, named)))
        return self._made(self._filtered(node.name, value, words, named))

    def _filtered(self, name: str, value: Value, words: list[Value], named: Mapping[str, Value]) -> Value:
        if room := filters.ROOM.get(name):
            self._budget.spend(room(value, *words, **named))
        return filters.FILTERS[name](value, *words, **named)

    def _each(self, name: str, items: list[Value], words: list[Value], named: Mapping[str, Value]) -> Iterator[Value]:
        for item in items:
            self._budget.spend(NODE)
            self._budget.take(item)
            if name != "map":
                if self._selected(name, item, words) == name.startswith("select"):
                    yield item
            elif "attribute" in named:
                found = filters.field_of(item, named["attribute"])
                yield named["default"] if isinstance(found, Missing) and "default" in named else found
            elif words and words[0] in filters.FILTERS and words[0] not in filters.EACH:
                yield self._made(self._filtered(words[0], item, words[1:], named))
            else:
                raise ExpressionError("map takes the name of a filter, or attribute=")

    def _selected(self, name: str, item: Value, words: list[Value]) -> bool:
        if name.endswith("attr"):
            if not words:
                raise ExpressionError(f"{name} takes the name of a field")
            item, words = filters.field_of(item, words[0]), words[1:]
        return self._tested(words[0], item, words[1:]) if words else not isinstance(item, Missing) and bool(item)

    def _test(self, node: Node) -> bool:
        value = self.value(node.node) if node.name in tests.MEETS_MISSING else self._whole(node.node)
        words, named = self._arguments(node)
        return self._tested(node.name, value, [*words, *named.values()])

    def _tested(self, name: str, value: Value, words: list[Value]) -> bool:
        if name not in tests.TESTS:
            raise ExpressionError(f"No test named {quoted(name)}")
        if isinstance(value, Missing) and name not in tests.MEETS_MISSING:
            raise ExpressionError(value.reason, value.hint)
        return tests.TESTS[name](value, *words)

    def _concat(self, node: Node) -> str:
        return "".join([self._text_of(part) for part in node.nodes])

    def _const(self, node: Node) -> Value:
        return self._made(node.value)


_EXPRESSIONS: Mapping[str, Callable[[Evaluation, Node], Value]] = MappingProxyType(
    {
        "And": Evaluation._either,
        "Call": Evaluation._call,
        "Compare": Evaluation._compare,
        "Concat": Evaluation._concat,
        "CondExpr": Evaluation._choice,
        "Const": Evaluation._const,
        "Dict": Evaluation._dict,
        "Filter": Evaluation._filter,
        "Getattr": Evaluation._field,
        "Getitem": Evaluation._item,
        "List": Evaluation._list,
        "Name": Evaluation._name,
        "Neg": Evaluation._sign,
        "Not": lambda self, node: not self._truth(node.node),
        "Or": Evaluation._either,
        "Pos": Evaluation._sign,
        "Test": Evaluation._test,
        "Tuple": Evaluation._tuple,
    }
)
_STATEMENTS: Mapping[str, Callable[[Evaluation, Node], Iterator[str]]] = MappingProxyType(
    {"Assign": Evaluation._assign, "For": Evaluation._for, "If": Evaluation._if, "Output": Evaluation._output}
)
