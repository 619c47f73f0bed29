"""The manual of an incident, carried out by pasting its blocks: by the operator, then by hand, and back."""

from __future__ import annotations

from pathlib import Path

import yaml
from pasting.__main__ import carry_out, made
from pasting.blocks import blocks

from .conftest import ROOT, Lab
from .operator import Operator


def without_evidence(path: Path) -> Path:
    """Write the shipped containment with the steps alone that change something."""
    runbook = yaml.safe_load((ROOT / "runbooks" / "contain.yaml").read_text())
    runbook["steps"] = [step for step in runbook["steps"] if step["id"] in {"provider", "cut-off", "mail", "page"}]
    path.write_text(yaml.safe_dump(runbook, allow_unicode=True))
    return path


def test_every_block_does_what_the_manual_says(lab: Lab, tmp_path: Path) -> None:
    manual = tmp_path / "manual.html"
    try:
        made(tmp_path / "first", manual, without_evidence(tmp_path / "contain.yaml"))
        found = blocks(manual.read_text())
        assert {block.kind for block in found if block.host} == {"by-hand", "undo"}
        assert {block.kind for block in found if not block.host} == {"do"}
        carry_out(found, tmp_path / "second")
    finally:
        for home in ("first", "second"):
            Operator(lab, tmp_path / home).undo_all()
