"""The examples in docstrings are run: a module with an example needs no entry anywhere."""

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import stopgap
from stopgap import testing

ROOT = Path(__file__).resolve().parents[2]


def modules_with_examples() -> list[str]:
    engine = [file for folder in ("orchestrator", "tasks") for file in (ROOT / folder).rglob("*.py")]
    public = [file for folder in ("stopgap", "stopgap/testing") for file in (ROOT / folder).glob("*.py")]
    found = [file.relative_to(ROOT).with_suffix("") for file in engine + public if ">>> " in file.read_text()]
    return sorted({".".join(("stopgap", *path.parts[path.parts[0] == "stopgap" :])) for path in found})


@pytest.mark.parametrize("module", modules_with_examples())
def test_the_examples_of_a_module_hold(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOPGAP_HOME", str(tmp_path / "home"))
    example = importlib.import_module(module.removesuffix(".__init__"))
    found = doctest.testmod(example, optionflags=doctest.ELLIPSIS)
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize(
    "name", [*stopgap.__all__, *(f"testing.{name}" for name in testing.__all__), "fabric.namespace"]
)
def test_every_public_name_has_an_example_that_is_run(name: str) -> None:
    room, _, last = name.rpartition(".")
    value = getattr(importlib.import_module(f"stopgap.{room}".rstrip(".")), last)
    assert ">>> " in (value.__doc__ or "")
    assert value.__module__ in modules_with_examples()


def test_the_measure_of_words_counts_the_public_interface() -> None:
    said = subprocess.run(
        [sys.executable, ROOT / "scripts" / "style", "stopgap/testing"], capture_output=True, text=True
    )
    *_, pronouns, _, standard, functions, examples = said.stdout.splitlines()[-1].split()
    assert said.stdout.splitlines()[-1].startswith("public interface"), said.stderr
    assert functions == examples
    assert float(pronouns) <= 5 and float(standard) >= 6
