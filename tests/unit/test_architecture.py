"""Imports run one way, and the pages for contributors name what is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", "docs/glossary.md")
ROOMS = {"orchestrator", "tasks", "stopgap", "artifacts", "rules", "runbooks", "inventories", "templates"}
ROOMS |= {"docs", "scripts", "tests"}
PRINTING = {
    "orchestrator/hosttext.py": "the types",
    "orchestrator/cli/screen.py": "the terminal",
    "orchestrator/errors.py": "a traceback of a program",
    "orchestrator/log.py": "the log",
    "orchestrator/template.py": "pages, letters and papers",
    "orchestrator/source/problem.py": "the lines of a problem",
    "orchestrator/exchange/alerts/content.py": "the text of an alert, on the page of a case system",
    "orchestrator/report/render.py": "keys of translations, compared with escaped text",
}
PRODUCTS = {
    "apache2ctl",
    "birdc",
    "exim",
    "exim4",
    "firewall-cmd",
    "httpd",
    "iptables",
    "nft",
    "postfix",
    "ufw",
    "vtysh",
}
KNOW_PRODUCTS = ("facts", "findings", "inventory/foreign", "remote/device")
"""Rooms that read what products print: closed sets of readers and tables."""
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


def test_the_drawing_of_the_layers_is_that_of_pyproject_toml() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [line.split(" | ") for line in next(c for c in contracts if c["id"] == "layers")["layers"]]
    rooms = {name for layer in layers for name in layer}
    drawing = (ROOT / "docs" / "architecture.md").read_text().split("## Layers", 1)[1].split("```")[1]
    words = ([*takewhile(rooms.__contains__, re.split(" {2,}", line.strip()))] for line in drawing.splitlines())
    assert [drawn for drawn in words if drawn] == layers


def test_every_room_of_the_engine_has_its_line_in_the_page_on_architecture() -> None:
    rooms = {folder.name for folder in (ROOT / "orchestrator").iterdir() if (folder / "__init__.py").is_file()}
    named = {path.rstrip("/") for path, _ in named_in("docs/architecture.md")}
    assert {f"orchestrator/{room}" for room in rooms} <= named


@pytest.mark.parametrize("diff", _DIFF.findall((ROOT / "CONTRIBUTING.md").read_text()), ids=lambda diff: diff[6:60])
def test_every_diff_of_the_page_for_contributors_applies(diff: str) -> None:
    checked = subprocess.run(["git", "apply", "--check", "-"], input=diff, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def sources() -> list[Path]:
    """Give every module of the engine, the tasks and the public interface."""
    return [file for folder in ("orchestrator", "tasks", "stopgap") for file in (ROOT / folder).rglob("*.py")]


def test_the_parsed_words_of_a_command_line_are_known_to_the_door_alone() -> None:
    knowing = {str(f.parent.relative_to(ROOT)) for f in sources() if re.search(r"\bNamespace\b", f.read_text())}
    assert knowing == {"orchestrator/cli/door"}, "read a command's options in door/, into a frozen value"


def calls_of_escape(file: Path) -> Iterator[ast.Call]:
    tree = ast.parse(file.read_text())
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "stopgap.orchestrator.hosttext"
        for alias in node.names
        if alias.name == "escape"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names | {"escape"}:
            yield node


def test_text_is_escaped_where_it_is_printed_and_nowhere_else() -> None:
    calling = {str(file.relative_to(ROOT)) for file in sources() if any(calls_of_escape(file))}
    assert calling == set(PRINTING), "give a model's field the type EscapedLine, and leave the rest to the printer"


def words_in(file: Path) -> set[str]:
    """Give the words of a module's texts, without its docstrings."""
    tree = ast.parse(file.read_text())
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
             and id(n) not in said]  # fmt: skip
    return {word for text in texts for word in re.findall(r"[\w-]+", text)}


def test_the_engine_names_no_product() -> None:
    engine = ROOT / "orchestrator"
    rooms = [file for file in engine.rglob("*.py") if not any(file.is_relative_to(engine / r) for r in KNOW_PRODUCTS)]
    naming = {str(file.relative_to(ROOT)): found for file in (*rooms, engine / "facts" / "program.py")
              if (found := words_in(file) & PRODUCTS)}  # fmt: skip
    assert naming == {}, "declare it in the task that uses it: ReadOnly, Task.root_programs"


def test_every_command_that_only_reads_names_the_page_that_says_so() -> None:
    nodes = [node for file in (ROOT / "tasks").rglob("*.py") for node in ast.walk(ast.parse(file.read_text()))]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    declared = [call for call in calls if ast.unparse(call.func).rpartition(".")[2] == "ReadOnly"]
    assert len(declared) > 5
    for call in declared:
        (because,) = [ast.unparse(word.value) for word in call.keywords if word.arg == "because"]
        assert because == "_LISTS" or re.search(r"\w\(\d\)", because), ast.unparse(call)


_IN_ANY_ORDER = """
import importlib, pkgutil, sys
import stopgap.orchestrator, stopgap.tasks

tops = (stopgap.orchestrator, stopgap.tasks)
found = [module for top in tops for module in pkgutil.walk_packages(top.__path__, top.__name__ + ".")]
before = {m.name: dict(vars(importlib.import_module(m.name))) for m in found if m.ispkg}
for module in found:
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        assert error.name and not error.name.startswith("stopgap"), error
for package, names in before.items():
    now = vars(sys.modules[package])
    changed = [name for name, value in names.items() if not name.startswith("__") and now[name] is not value]
    assert not changed, f"{package}: {changed}"
"""


def test_no_name_of_a_package_gives_way_to_a_module_that_is_imported_later() -> None:
    done = subprocess.run([sys.executable, "-c", _IN_ANY_ORDER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
