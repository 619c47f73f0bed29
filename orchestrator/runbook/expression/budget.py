"""The budget of an evaluation: every node, character and item is charged before its creation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from stopgap.orchestrator.runbook.expression.failure import ExpressionError
from stopgap.orchestrator.runbook.expression.view import Missing, View
from stopgap.orchestrator.template import fit_to_show

NODE = 32
"""Units for an evaluated node; a character costs 1."""
ITEM = 8
"""Units for an item of a list or mapping, in addition to the item's own cost."""
OF_ONE = 4 << 20
"""Units for one expression or template: about 0.3 s, or 4 MiB of text."""
OF_CHECK = 16 * OF_ONE
"""Units for all expressions of a runbook, for each check against one target."""
LARGEST = 1 << 128
"""Exclusive bound of whole numbers: the size of an IPv6 network fits."""
_NO_CHARACTER = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # The other lone surrogates stand for bytes (PEP 383).


class Budget:
    """The remaining units; `whole` is a parent budget, charged too, such as the budget of a whole check."""

    __slots__ = ("_left", "_whole")

    def __init__(self, units: int = OF_ONE, whole: Budget | None = None) -> None:
        self._left = units
        self._whole = whole

    def spend(self, units: int) -> None:
        """Charge units; raises ExpressionError if the budget is too small."""
        self._left -= units
        if self._left < 0:
            message = "this would take too much time or memory"
            raise ExpressionError(message, "shorter texts and lists, smaller widths, fewer repetitions")
        if self._whole is not None:
            self._whole.spend(units)

    def take(self, *values: object) -> None:
        """Charge whole values, read or made, at any depth; raises ExpressionError.

        An item repeated in a list is charged for each repetition. Raises TypeError for types closed to templates.
        """
        for value in values:
            self._take(value)

    def _take(self, value: object) -> None:
        fit_to_show(value)
        if isinstance(value, Missing):
            raise ExpressionError(value.reason, value.hint)
        if isinstance(value, View):
            raise ExpressionError("this is no single value", "name one of its fields, such as target.address")
        if isinstance(value, str):
            self.spend(len(value))
            if not value.isascii() and (found := _NO_CHARACTER.search(value)):
                message = f"U+{ord(found[0]):04X} is half of a character, and cannot be encoded"
                raise ExpressionError(message, "write the character itself, or \\U and its eight digits")
        elif isinstance(value, bool):
            return
        elif isinstance(value, (int, float, Decimal)) and not -LARGEST <= value <= LARGEST:
            raise ExpressionError("the number is too large, or none")
        elif isinstance(value, Mapping):
            self.spend(ITEM * len(value))
            for key, item in value.items():
                self._take(key)
                self._take(item)
        elif isinstance(value, (list, tuple)):
            self.spend(ITEM * len(value))
            for item in value:
                self._take(item)
