"""Every test that docs/promises.md names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs/promises.md").read_text())


@pytest.mark.parametrize(("file", "test"), sorted(set(NAMED)))
def test_a_promise_is_kept_by_a_test_that_exists(file: str, test: str):
    assert f"\ndef {test}(" in (ROOT / file).read_text()


def test_every_promise_names_a_test():
    rows = [line for line in (ROOT / "docs/promises.md").read_text().splitlines() if line.startswith("| ")][1:]
    assert rows
    assert all("::test_" in row for row in rows)
