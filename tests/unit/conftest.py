"""Fixtures of tests that need no host."""

from pathlib import Path

import pytest

from .bench import Bench


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("STOPGAP_HOME", str(tmp_path / "home"))
    made = Bench(tmp_path, capsys)
    made.write_inventory()
    return made
