"""The pytest plug-in `stopgap`: collects cases of tasks and rules, where the ini options name their folders.

Nothing of the engine is imported before the first case is collected.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stopgap.orchestrator.findings import Rule


class FaultsError(Exception):
    """A case or a rule does not hold; each argument is one fault."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini options."""
    parser.addini("stopgap_cases", "folders of cases, TASK/NAME.json, below pytest's root", type="args", default=[])
    parser.addini("stopgap_rules", "folders of rules, NAME.yaml, below pytest's root", type="args", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a case or a file of rules."""
    if file_path.suffix == ".json" and file_path.parent.parent in _folders(parent.config, "stopgap_cases"):
        return CaseFile.from_parent(parent, path=file_path)
    if file_path.suffix == ".yaml" and file_path.parent in _folders(parent.config, "stopgap_rules"):
        return RuleFile.from_parent(parent, path=file_path)
    return None


class CaseFile(pytest.File):
    """A file with one case of the task that its folder is called after."""

    def collect(self) -> Iterator[pytest.Item]:
        """Give the case."""
        yield CaseItem.from_parent(self, name=self.path.stem)


class CaseItem(pytest.Item):
    """A case of a task."""

    def runtest(self) -> None:
        """Play it."""
        from stopgap.orchestrator.plugins import failures  # noqa: PLC0415 (nothing is imported for other tests)
        from stopgap.orchestrator.registry import tasks  # noqa: PLC0415
        from stopgap.testing.cases import case_faults  # noqa: PLC0415

        name, known = self.path.parent.name, tasks()
        if name not in known:
            raise FaultsError(f"no task is called {name}", *map(str, failures()))
        if faults := case_faults(known[name], json.loads(self.path.read_text(encoding="utf-8"))):
            raise FaultsError(*faults)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Give the faults alone."""
        return _told(self, excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the task and the case."""
        return self.path, 0, f"{self.path.parent.name}: {self.name}"


class RuleFile(pytest.File):
    """A file of rules."""

    def collect(self) -> Iterator[pytest.Item]:
        """Give an item for each rule; raises InvalidInput with every mistake at its line."""
        from stopgap.orchestrator.findings import load_rules  # noqa: PLC0415

        for rule in load_rules([self.path]):
            yield RuleItem.from_parent(self, name=rule.id, rule=rule)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Give the mistakes alone."""
        return str(excinfo.value)


class RuleItem(pytest.Item):
    """A rule, with its examples."""

    def __init__(self, *, rule: Rule, name: str, parent: pytest.Collector) -> None:
        super().__init__(name, parent)
        self._rule = rule

    def runtest(self) -> None:
        """Hold it against its examples."""
        from tempfile import TemporaryDirectory  # noqa: PLC0415

        from stopgap.testing.rules import rule_faults  # noqa: PLC0415

        with TemporaryDirectory(prefix="stopgap-rule-") as folder:
            if faults := rule_faults(self._rule, Path(folder)):
                raise FaultsError(*faults)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Give the faults alone."""
        return _told(self, excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the rule."""
        return self.path, 0, f"rule {self.name}"


def _folders(config: pytest.Config, option: str) -> list[Path]:
    return [config.rootpath / folder for folder in config.getini(option)]


def _told(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException]) -> str:
    if isinstance(excinfo.value, FaultsError):
        return "\n".join([f"{item.path}: {item.name}", *(f"  {fault}" for fault in excinfo.value.args)])
    return str(pytest.Item.repr_failure(item, excinfo))
