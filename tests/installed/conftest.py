"""Fixtures of tests that start the installed command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..emulator.bench import DeviceBench
from ..unit.bench import Bench
from .command import Installed


@pytest.fixture
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Installed:
    """The command on as many processors as the test's parameter says."""
    return Installed(tmp_path, request.param)


@pytest.fixture
def devices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[DeviceBench]:
    made = DeviceBench(Bench(tmp_path, capsys))
    yield made
    made.close()
