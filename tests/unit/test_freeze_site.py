"""`freeze-site` sets the flag that a site's software looks for, and puts back what was."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stopgap.orchestrator.runbook import parse_runbook
from tests import forkserver
from tests.unpacked import needs_debian, unpacked

RUNBOOK = Path(__file__).parents[2] / "runbooks/freeze-site.yaml"
STEPS: dict[str, dict[str, Any]] = {step["id"]: step for step in yaml.safe_load(RUNBOOK.read_text())["steps"]}
DRUSH = """#!/bin/sh
cd "$(dirname "$0")"
case $1 in
    state:get) cat "$2" 2>/dev/null ;;
    state:set) printf %s "$3" >"$2" ;;
    state:delete) rm "$2" ;;
    cache:rebuild) ;;
    *) exit 1 ;;
esac
exit 0
"""
"""The commands of Drupal's program that the runbook has need of, with files for its database."""
FLAGS = {
    "wordpress": (".maintenance", "<?php $upgrading = time();\n"),
    "magento": ("var/.maintenance.flag", "\n"),
    "nextcloud": ("config/stopgap.config.php", "<?php $CONFIG = ['maintenance' => true];\n"),
    "eccube": (".maintenance", "stopgap\n"),
    "moodle": (
        "climaintenance.html",
        "<!DOCTYPE html><meta charset=utf-8><title>Maintenance</title><p>Emergency maintenance /"
        " 緊急メンテナンスを行っています\n",
    ),
}


def stopgap(home: Path, *argv: str) -> tuple[int, str]:
    env = {**os.environ, "STOPGAP_HOME": str(home / "state")}
    done = subprocess.run([forkserver.stopgap(), *argv], capture_output=True, text=True, env=env, check=False)
    return done.returncode, done.stdout + done.stderr


def test_each_software_has_its_step_and_each_flag_its_place() -> None:
    runbook = parse_runbook(RUNBOOK.read_text(), "freeze-site")
    assert set(runbook.params["site"].choices or ()) == set(STEPS) == {*FLAGS, "drupal"}
    for site, (name, text) in FLAGS.items():
        assert STEPS[site]["with"] == {"path": f"{{{{ params.folder }}}}/{name}", "content": text}
        assert STEPS[site]["when"] == f"params.site == '{site}'"


def test_the_flag_is_set_and_the_undo_takes_it_away(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    (shop / "config").mkdir(parents=True)
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(json.dumps({"hosts": {"web": {"address": "127.0.0.1", "connection": "local"}}}))
    words = ("run", "freeze-site", "-i", str(inventory), "-t", "web", "-p", "site=nextcloud", "-p", f"folder={shop}")
    before = sorted(shop.rglob("*"))
    status, said = stopgap(tmp_path, *words, "--dry-run")
    assert status == 0, said
    assert sorted(shop.rglob("*")) == before

    status, said = stopgap(tmp_path, *words, "--yes")
    assert status == 0, said
    name, text = FLAGS["nextcloud"]
    assert sorted(shop.rglob("*")) == sorted([*before, shop / name])
    assert (shop / name).read_text() == text

    status, said = stopgap(tmp_path, "undo", "last", "--yes")
    assert status == 0, said
    assert sorted(shop.rglob("*")) == before


@pytest.mark.parametrize("before", ["", "0", "1"])
def test_drupal_gets_its_state_back_as_it_was(tmp_path: Path, before: str) -> None:
    drush = tmp_path / "drush"
    drush.write_text(DRUSH)
    drush.chmod(0o755)
    mode = tmp_path / "system.maintenance_mode"
    if before:
        mode.write_text(before)

    def play(what: str) -> int:
        *words, _ = STEPS["drupal"]["with"][what]
        return subprocess.run([*words, drush], check=False).returncode

    assert [play("argv"), play("argv"), play("stands")] == [0, 0, 0]
    assert mode.read_text() == "1"
    assert [play("undo"), play("undo")] == [0, 0]
    assert mode.read_text() == (before or "0")
    assert not (tmp_path / "stopgap.before").exists()


@needs_debian
def test_wordpress_itself_looks_for_the_flag() -> None:
    load = (unpacked("wordpress").root / "usr/share/wordpress/wp-includes/load.php").read_text()
    body = load[load.index("function wp_is_maintenance_mode") :].partition("\n}")[0]
    assert "require ABSPATH . '.maintenance';" in body
    assert "time() - $upgrading" in body
