"""The drill without its recovery, which test_recovery.py plays: mail, page, customers, papers; nothing is staged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .conftest import ROOT, Lab
from .operator import Operator


def test_the_drill_goes_as_the_letter_has_it(lab: Lab, tmp_path: Path) -> None:
    out = tmp_path / "drill"
    played = subprocess.run(
        [sys.executable, "-m", "drill_play", "--brief", "--out", str(out)], cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")}, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    try:
        assert played.returncode == 0, played.stdout + played.stderr
        assert "  NO " not in played.stdout
        assert "Subject: " in (out / "provider.txt").read_text()
        page = lab.exec("internet", "curl", "-gsH", "Accept-Language: ja", "http://203.0.113.10/").stdout
        assert "週末のご注文" in page
        for name in ("report", "manual", "incident"):
            assert '<html lang="ja">' in (out / f"{name}.ja.html").read_text()
            assert (out / f"{name}.en.md").read_text().startswith("#")
    finally:
        Operator(lab, out / "state").undo_all()
