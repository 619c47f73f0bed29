"""`freeze-site` sets the flag that a site's software looks for, and takes it away again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FLAGS = {
    "wordpress": (".maintenance", "<?php $upgrading = time();\n"),
    "magento": ("var/.maintenance.flag", "\n"),
    "nextcloud": ("config/stopgap.config.php", "<?php $CONFIG = ['maintenance' => true];\n"),
}


def stopgap(home: Path, *argv: str) -> tuple[int, str]:
    code = "import sys; from stopgap.orchestrator.cli import main; sys.exit(main(sys.argv[1:]))"
    env = {**os.environ, "STOPGAP_HOME": str(home / "state")}
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, env=env, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("site", FLAGS)
def test_the_flag_is_set_and_the_undo_takes_it_away(tmp_path: Path, site: str) -> None:
    shop = tmp_path / "shop"
    for folder in ("var", "config"):
        (shop / folder).mkdir(parents=True)
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(json.dumps({"hosts": {"web": {"address": "127.0.0.1", "connection": "local"}}}))
    words = ("run", "freeze-site", "-i", str(inventory), "-t", "web", "-p", f"site={site}", "-p", f"folder={shop}")
    before = sorted(shop.rglob("*"))
    status, said = stopgap(tmp_path, *words, "--dry-run")
    assert status == 0, said
    assert sorted(shop.rglob("*")) == before

    status, said = stopgap(tmp_path, *words, "--yes")
    assert status == 0, said
    name, text = FLAGS[site]
    assert sorted(shop.rglob("*")) == sorted([*before, shop / name])
    assert (shop / name).read_text() == text

    status, said = stopgap(tmp_path, "undo", "last", "--yes")
    assert status == 0, said
    assert sorted(shop.rglob("*")) == before
