"""What an intruder does to records: lines of logs and records of logins, made on the lab's web by commands.

What was left → a shell command, the rule that has to find it, and what that shows.
"""

from __future__ import annotations

_LOGINS = """python3 - <<'END'
import struct, time
now = int(time.time())
def record(kind, at, user=b'', line=b'pts/7'):
    return struct.pack('<hxxi32s4s32s256shhiii16s20x', kind, 1, line, b'', user, b'198.51.100.2', 0, 0, 0, at, 0, b'')
with open('/var/log/wtmp', 'ab') as wtmp:
    wtmp.write(record(7, now - 7200, b'ann') + record(8, now - 6000))  # twenty minutes
    wtmp.write(bytes(384))  # one that was taken out
    wtmp.write(record(7, now - 90000, b'ann', b'pts/8'))  # one that was put in
with open('/var/log/lastlog', 'r+b') as lastlog:
    lastlog.seek(292 * 1002)
    lastlog.write(struct.pack('<i32s256s', now - 3000, b'pts/9', b'198.51.100.2'))
END"""
_NOW = "now=$(date '+%FT%T+00:00')"
_SSHD = "from 198.51.100.2 port 4022 ssh2"

RECORDS: dict[str, tuple[str, str, str]] = {
    "an account that typed, and has no history": (
        f"echo 'ann:x:1002:1002::/home/ann:/bin/bash' >>/etc/passwd; mkdir /home/ann; {_LOGINS}",
        "history-missing",
        "ann",
    ),
    "a login that was overwritten in wtmp": ("true", "login-records-blank", "/var/log/wtmp: 1 blank"),
    "a login that was put into wtmp": ("true", "login-records-backward", "/var/log/wtmp"),
    "a login that wtmp lacks": ("true", "login-unrecorded", "ann at pts/9"),
    "records of failed logins that were cut": ("printf x >>/var/log/btmp", "login-records-cut", "/var/log/btmp"),
    "a password that was guessed": (
        f'{_NOW}; for n in 1 2 3 4 5 6; do echo "$now web sshd[9]: Failed password for root {_SSHD}"; done '
        f'>>/var/log/auth.log; echo "$now web sshd[9]: Accepted password for root {_SSHD}" >>/var/log/auth.log',
        "login-after-failures",
        "root from 198.51.100.2",
    ),
    # By way of another file, so that the daemon goes on writing to the same one.
    "a login that was taken out of the log": (
        "logger -p auth.info -t 'sshd[77]' 'Accepted password for ann from 198.51.100.7 port 4077 ssh2'; "
        "until grep -q 'port 4077' /var/log/auth.log; do sleep 0.05; done; "
        "grep -v 'port 4077' /var/log/auth.log >/run/auth; cat /run/auth >/var/log/auth.log; rm /run/auth",
        "login-only-in-journal",
        "ann from 198.51.100.7",
    ),
    "a use of sudo": (
        f'{_NOW}; echo "$now web sudo:    ops : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/date -s 2020-01-01" '
        ">>/var/log/auth.log",
        "rise-list",
        "ops",
    ),
    "the clock, set by hand": ("true", "log-clock-set", "date -s 2020-01-01"),
    "a clock that jumped": (
        f'{_NOW}; echo "$now web systemd-journald[9]: Time jumped backwards, rotating." >>/var/log/syslog',
        "log-clock-stepped",
        "Time jumped backwards",
    ),
    "hours that are missing from a log": (
        'for ago in 30 2; do echo "$(date -d "$ago hours ago" \'+%FT%T+00:00\') web cron[9]: x"; done '
        ">>/var/log/syslog",
        "log-gap",
        "/var/log/syslog: 28",
    ),
    "a log that goes back in time": ("true", "log-backward", "/var/log/syslog"),
    "a log that was taken away": ("echo x | gzip >/var/log/auth.log.2.gz", "log-missing", "/var/log/auth.log.1"),
    "a log that was deleted while it is written": (
        "logger -p user.notice x; until [ -s /var/log/user.log ]; do sleep 0.05; done; rm /var/log/user.log",
        "log-deleted",
        "/var/log/user.log",
    ),
    "a log that leads to nothing": ("ln -s /dev/null /var/log/mail.err", "log-to-nothing", "/var/log/mail.err"),
    "a log with zeros in it": (r"printf 'a\0\0b\n' >>/var/log/kern.log", "log-zeros", "/var/log/kern.log"),
}
