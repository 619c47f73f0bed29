"""Fixtures of tests that need no host."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .bench import Bench
from .journals import Journals
from .postgres import Cluster, programs

settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("any-machine")


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("STOPGAP_HOME", str(tmp_path / "home"))
    # Hosts of several tests are this machine: a lock that all of them share would have one test refuse another's run.
    monkeypatch.setattr("stopgap.orchestrator.run.host_lock.FOLDER", str(tmp_path / "run"))
    made = Bench(tmp_path, capsys)
    made.write_inventory()
    return made


@pytest.fixture
def public_path() -> Iterator[Path]:
    """A folder that every account may enter; pytest keeps its own to the account that runs it."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as another account")
    folder = Path(tempfile.mkdtemp(prefix="stopgap-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One cluster for the tests of a process, made for the first that asks."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: scripts/setup test")
    made = Cluster.make()
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def team(cluster: Cluster) -> Iterator[Journals]:
    """A team's empty journal, on PostgreSQL."""
    with Journals.in_postgresql(cluster) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def journals(request: pytest.FixtureRequest) -> Journals:
    """Each kind of journal in turn."""
    return Journals() if request.param == "sqlite" else request.getfixturevalue("team")
