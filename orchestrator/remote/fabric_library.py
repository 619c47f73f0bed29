"""Imports fabric without unittest.mock and the asyncio behind it, a tenth of a start: only tests of tasks need these.

To be imported before paramiko, which imports the same part of invoke.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_MOCK = "unittest.mock"


def _mock(*given: Any, **options: Any) -> Any:  # noqa: ANN401
    """Make a Mock for invoke.MockContext, the one place in invoke and fabric that makes any."""
    from unittest.mock import Mock  # noqa: PLC0415 - see above

    return Mock(*given, **options)


def _import_fabric() -> None:
    if _MOCK in sys.modules:
        return
    stand_in = ModuleType(_MOCK)
    stand_in.Mock = _mock  # type: ignore[attr-defined]
    sys.modules[_MOCK] = stand_in
    try:
        importlib.import_module("fabric")
    finally:
        del sys.modules[_MOCK]


_import_fabric()
