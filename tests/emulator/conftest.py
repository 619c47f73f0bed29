"""Fixtures of tests against emulated devices."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..unit.bench import Bench
from .bench import DeviceBench


@pytest.fixture
def devices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[DeviceBench]:
    monkeypatch.setenv("STOPGAP_HOME", str(tmp_path / "home"))
    made = DeviceBench(Bench(tmp_path, capsys))
    yield made
    made.close()
