"""More that an intruder may leave, each made on the lab's web by a command: harmless imitation, all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .conftest import Lab

_MEMFD = (
    "import os; f = os.memfd_create('x'); os.write(f, open('/usr/bin/sleep', 'rb').read()); "
    "os.execv(f'/proc/self/fd/{f}', ['x', '30d'])"
)
_TAKEN = "import signal, socket; s = socket.socket(); s.bind(('', 31337)); signal.pause()"
_PHP = "/etc/php/8.2/apache2/php.ini"
_SHARE = "/dev/shm"


class Trace(NamedTuple):
    """What was left, and what has to be found."""

    how: str
    """A shell command on web."""
    rule: str
    shown: str


TRACES = {
    "a second account with root's number": Trace(
        "echo 'toor:x:0:0::/root:/bin/bash' >>/etc/passwd", "account-second-root", "toor"
    ),
    "a history that leads to nothing": Trace(
        "echo 'ops:x:1000:1000::/home/ops:/bin/bash' >>/etc/passwd; mkdir /home/ops; "
        "ln -s /dev/null /home/ops/.bash_history",
        "history-to-nothing",
        "/home/ops/.bash_history",
    ),
    "a copy of a program that runs as root": Trace(
        "cp /usr/bin/sleep /usr/local/lib/.s; chmod 4755 /usr/local/lib/.s",
        "privileged-unpackaged",
        "/usr/local/lib/.s",
    ),
    "a process under a mount that hides it": Trace(
        "mkdir /var/empty; setsid sleep 30d >/dev/null 2>&1 </dev/null & sleep 0.2; mount --bind /var/empty /proc/$!",
        "mount-over-process",
        "/proc/",
    ),
    "a program that lives in memory alone": Trace(
        f'setsid python3 -c "{_MEMFD}" >/dev/null 2>&1 </dev/null &', "process-in-memory", "memfd:x"
    ),
    "a library forced into a program": Trace(
        f"LD_PRELOAD={_SHARE}/l.so setsid sleep 30d >/dev/null 2>&1 </dev/null &", "loader-preload-open-place", "l.so"
    ),
    "a port that no table lists": Trace(
        f'setsid python3 -c "{_TAKEN}" >/dev/null 2>&1 </dev/null &', "port-taken-unlisted", "tcp port 31337"
    ),
    "a unit that starts a program out of memory": Trace(
        f"printf '[Service]\\nExecStart={_SHARE}/netd\\n' >/etc/systemd/system/netd.service",
        "start-from-open-place",
        "netd",
    ),
    "a job that everyone may change": Trace(
        "chmod 666 /etc/cron.d/kswap", "start-file-writable", "/etc/cron.d/kswap"
    ),
    "a picture that the web server runs": Trace(
        "echo 'AddType application/x-httpd-php .jpg' >/var/www/html/uploads/.htaccess", "web-handler", ".htaccess"
    ),
    "a program that the web server may change": Trace("true", "web-program-of-server", "logo.php"),
    "a CGI program that everyone may change": Trace(
        "mkdir -p /usr/lib/cgi-bin; install -m 777 /dev/null /usr/lib/cgi-bin/form.cgi", "web-cgi-loose", "form.cgi"
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
    "a log that was taken away": Trace("echo x | gzip >/var/log/auth.log.2.gz", "log-missing", "/var/log/auth.log.1"),
}
"""What is left → how, and the finding."""
ATTACK = "http://203.0.113.10/?q=%3Cscript%3Ealert(1)%3C/script%3E"
"""What a visitor sends: `request-attack` names it with the status that it got."""


def leave(lab: Lab) -> None:
    """Leave all of it on web; the lab's own hosts alone are reached this way."""
    for what, trace in TRACES.items():
        done = lab.ssh("web", trace.how)
        assert done.returncode == 0, f"{what}: {done.stderr}"
    assert lab.http(ATTACK) == 200
