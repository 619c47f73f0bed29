"""Imports that are put off are made by one thread, while the others wait."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from stopgap.orchestrator.loading import load, loading


@pytest.fixture
def circle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of which each half imports the other, and says which thread imported it."""
    name = f"circle_{tmp_path.name}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "import threading\nby = threading.current_thread().name\nfrom .half import a\n"
    )
    (folder / "half.py").write_text(f"import {name}.other\na = 1\n")
    (folder / "other.py").write_text(f"import {name}.half\nb = 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_a_thread_waits_for_the_one_that_started_it(circle: str) -> None:
    seen: list[object] = []
    begun = threading.Event()

    def need() -> None:
        begun.set()
        load([circle])
        seen.append(sys.modules[circle].by)

    with loading([circle]):
        thread = threading.Thread(target=need, name="worker")
        thread.start()
        assert begun.wait(180)
        assert circle not in sys.modules
    thread.join(180)

    assert seen == [threading.current_thread().name]


def test_what_is_loaded_is_not_waited_for(circle: str, tmp_path: Path) -> None:
    load([circle])
    (tmp_path / f"{circle}_late.py").write_text("")
    done = threading.Event()

    def need() -> None:
        with loading([circle]):
            load([circle])
        done.set()

    with loading([f"{circle}_late"]):
        thread = threading.Thread(target=need)
        thread.start()
        assert done.wait(180), "a thread with all it needs waited for what another needs"
    thread.join(180)
