"""Imports run one way, and the pages for contributors name what is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", "docs/glossary.md")
ROOMS = {"orchestrator", "tasks", "stopgap", "artifacts", "rules", "runbooks", "inventories", "templates"}
ROOMS |= {"docs", "scripts", "tests"}
_NAMED = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)(?:::(\w+(?:\.\w+)*))?`")
_DIFF = re.compile(r"^```diff\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def named_in(page: str) -> list[tuple[str, str]]:
    """Give the paths of the repository that a page names, each with the name in the file, if the page gives one."""
    text = _DIFF.sub("", (ROOT / page).read_text())
    found = [(path, name) for path, name in _NAMED.findall(text) if path.split("/")[0] in ROOMS and "/" in path]
    return sorted(set(found))


def made_in(page: str) -> set[str]:
    """Give the files that a page's diffs make."""
    return set(re.findall(r"^\+\+\+ b/(\S+)", (ROOT / page).read_text(), re.MULTILINE))


@cache
def names_of(path: Path) -> frozenset[str]:
    """Give what a module defines at its top, and in its classes as `Class.name`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        for name in _defined(node):
            found.add(name)
            found |= {f"{name}.{each}" for inner in getattr(node, "body", []) for each in _defined(inner)}
    return frozenset(found)


def _defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets):
            return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        case _:
            return []


def test_imports_keep_to_the_contracts_of_pyproject_toml() -> None:
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("page", PAGES)
def test_every_path_and_name_that_a_page_gives_is_there(page: str) -> None:
    named = named_in(page)
    assert named
    made = made_in(page)
    missing = [path for path, _ in named if not (ROOT / path).exists() and not any(f.startswith(path) for f in made)]
    assert missing == []
    unknown = [f"{path}::{name}" for path, name in named if name and name not in names_of(ROOT / path)]
    assert unknown == []


def test_every_room_of_the_engine_has_its_line_in_the_page_on_architecture() -> None:
    rooms = {folder.name for folder in (ROOT / "orchestrator").iterdir() if (folder / "__init__.py").is_file()}
    named = {path.rstrip("/") for path, _ in named_in("docs/architecture.md")}
    assert {f"orchestrator/{room}" for room in rooms} <= named


@pytest.mark.parametrize("diff", _DIFF.findall((ROOT / "CONTRIBUTING.md").read_text()), ids=lambda diff: diff[6:60])
def test_every_diff_of_the_page_for_contributors_applies(diff: str) -> None:
    checked = subprocess.run(["git", "apply", "--check", "-"], input=diff, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
