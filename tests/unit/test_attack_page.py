"""docs/attack.md lists every technique that a rule or an artifact names, with exactly these rules and artifacts."""

from __future__ import annotations

import re
from pathlib import Path

from stopgap.orchestrator.findings import shipped_rules
from stopgap.orchestrator.technique import technique_id
from stopgap.tasks.evidence.catalogue import shipped

PAGE = (Path(__file__).resolve().parents[2] / "docs/attack.md").read_text()
ROWS = {found[1]: found[0] for found in re.finditer(r"^\| (T\d{4}(?:\.\d{3})?) \|.*\|$", PAGE, re.MULTILINE)}


def test_every_tag_names_a_technique_of_the_page() -> None:
    tagged = {technique_id(tag) for rule in shipped_rules() for tag in rule.tags}
    tagged |= {technique_id(tag) for artifact in shipped().artifacts.values() for tag in artifact.tags}
    assert tagged <= set(ROWS), "a tag that is no technique of Linux, or that docs/attack.md has to list"


def test_the_page_names_the_rules_of_each_technique() -> None:
    for technique, row in ROWS.items():
        rules = {rule.id for rule in shipped_rules() if technique in map(technique_id, rule.tags)}
        artifacts = {
            artifact.id for artifact in shipped().artifacts.values() if technique in map(technique_id, artifact.tags)
        }
        assert set(re.findall(r"`([a-z0-9-]+)`", row)) == (rules or artifacts), technique


def test_what_is_not_looked_for_is_listed_as_well() -> None:
    _, _, rest = PAGE.partition("## Not looked for")
    assert len(re.findall(r"^\| T\d{4}", rest, re.MULTILINE)) > 10
