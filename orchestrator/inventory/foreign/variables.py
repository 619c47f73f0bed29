"""The variables of an Ansible host, with templates filled in as far as they name other variables.

`ansible-inventory` prints templates and values of inline vaults as written. A template that does more than name
variables needs Ansible's plug-ins, and is not evaluated here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NAMED = re.compile(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}")
_DEEPEST = 16
_LONGEST = 4096


class NotFilledIn(LookupError):  # noqa: N818
    """A variable is a template or a vault that cannot be filled in here; the message says which."""


class Variables:
    """The variables of one host."""

    def __init__(self, name: str, values: Mapping[str, Any], folder: Path) -> None:
        """Take the values; `folder`: the folder of the inventory."""
        own = {
            "inventory_hostname": name,
            "inventory_hostname_short": name.split(".", maxsplit=1)[0],
            "inventory_dir": str(folder),
        }
        self._values = {**own, **values}

    def first(self, *names: str) -> Any:  # noqa: ANN401
        """Return the first variable that has a value; None without. Raises NotFilledIn."""
        return next((self._filled(name, name, 0) for name in names if self._values.get(name) not in (None, "")), None)

    def text(self, name: str) -> str:
        """Return a variable as text; empty without. Raises NotFilledIn."""
        value = self.first(name)
        return "" if value is None else str(value)

    def given(self, *names: str) -> bool:
        """Return True if one of the variables has a value, whatever the value is."""
        return any(self._values.get(name) for name in names)

    def starting_with(self, prefix: str) -> dict[str, Any]:
        """Return the variables with a prefix, by the rest of the name. Raises NotFilledIn."""
        return {name[len(prefix) :]: self.first(name) for name in self._values if name.startswith(prefix)}

    def _filled(self, variable: str, name: str, depth: int) -> Any:  # noqa: ANN401
        return self._fill(variable, self._values[name], depth)

    def _fill(self, variable: str, value: Any, depth: int) -> Any:  # noqa: ANN401
        if isinstance(value, dict) and "__ansible_vault" in value:
            raise NotFilledIn(f"its {variable} is an inline vault: ansible-inventory opens vaulted files alone")
        if isinstance(value, list):
            return [self._fill(variable, item, depth) for item in value]
        if isinstance(value, dict):
            return {key: self._fill(variable, item, depth) for key, item in value.items()}
        if not isinstance(value, str) or ("{{" not in value and "{%" not in value):
            return value
        if depth > _DEEPEST:
            raise NotFilledIn(f"its {variable} is a template that leads back to itself")
        if whole := _NAMED.fullmatch(value.strip()):
            return self._of(variable, whole[1], value, depth)
        filled = _NAMED.sub(lambda found: str(self._of(variable, found[1], value, depth)), value)
        if "{{" in filled or "{%" in filled or len(filled) > _LONGEST:
            raise NotFilledIn(f"its {variable} is a template that only Ansible fills in: {value[:60]}")
        return filled

    def _of(self, variable: str, name: str, template: str, depth: int) -> Any:  # noqa: ANN401
        if name not in self._values:
            raise NotFilledIn(f"its {variable} is a template, and {name} is not a variable: {template[:60]}")
        return self._fill(variable, self._values[name], depth + 1)
