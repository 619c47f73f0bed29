"""Servers that a client should not meet, and what must hold whatever they do."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from stopgap.orchestrator.remote.transport import HardenedTransport

from .server import Field

SECONDS_OVER = 60.0
MEMORY_OVER = 100 << 20


@pytest.fixture(scope="session")
def host_key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("identity") / "id"
    paramiko.ECDSAKey.generate().write_private_key_file(str(path))
    return path


@pytest.fixture
def evil(tmp_path: Path, identity: Path, host_key: paramiko.PKey) -> Iterator[Field]:
    made = Field(tmp_path, identity, host_key)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_stays_and_memory_holds() -> Iterator[None]:
    """Afterwards no thread of a connection lives, and at no time was much memory used."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    yield
    assert _status("VmHWM") - before < MEMORY_OVER
    end = time.monotonic() + 60
    while time.monotonic() < end and _connections():
        time.sleep(0.02)
    assert not _connections()


def _connections() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if isinstance(thread, HardenedTransport)]


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    raise AssertionError(name)


@pytest.fixture
def within() -> Callable[[float], contextlib.AbstractContextManager[None]]:
    """Assert that something ends, at the latest a minute after its deadline: a hang does not, a busy machine may."""

    @contextlib.contextmanager
    def measure(deadline: float) -> Iterator[None]:
        begun = time.monotonic()
        yield
        assert time.monotonic() - begun < deadline + SECONDS_OVER

    return measure
