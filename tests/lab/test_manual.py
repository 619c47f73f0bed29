"""The manual of an incident, carried out by pasting its blocks: by the operator, then by hand, and back."""

from __future__ import annotations

from pathlib import Path

from pasting.__main__ import carry_out, made
from pasting.blocks import blocks

from .conftest import Lab
from .operator import Operator


def test_every_block_does_what_the_manual_says(lab: Lab, tmp_path: Path) -> None:
    manual = tmp_path / "manual.html"
    try:
        made(tmp_path / "first", manual)
        found = blocks(manual.read_text())
        assert {block.kind for block in found if block.host} == {"by-hand", "undo"}
        assert {block.kind for block in found if not block.host} == {"do"}
        carry_out(found, tmp_path / "second")
    finally:
        for home in ("first", "second"):
            Operator(lab, tmp_path / home).undo_all()
