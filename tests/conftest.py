"""What all tests have in common: garbage collection as in a process of Stopgap's, and the longest tests first."""

import gc

import pytest

gc.set_threshold(50_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin long tests before all others, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
