"""The examples in docstrings are run: a module with an example needs no entry anywhere."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def modules_with_examples() -> list[str]:
    engine = [file for folder in ("orchestrator", "tasks") for file in (ROOT / folder).rglob("*.py")]
    public = list((ROOT / "stopgap").glob("*.py"))
    found = [file.relative_to(ROOT).with_suffix("") for file in engine + public if ">>> " in file.read_text()]
    return sorted({".".join(("stopgap", *path.parts[path.parts[0] == "stopgap" :])) for path in found})


@pytest.mark.parametrize("module", modules_with_examples())
def test_the_examples_of_a_module_hold(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOPGAP_HOME", str(tmp_path / "home"))
    example = importlib.import_module(module.removesuffix(".__init__"))
    found = doctest.testmod(example, optionflags=doctest.ELLIPSIS)
    assert found.attempted
    assert not found.failed
