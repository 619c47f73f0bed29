"""One mail server on the lab's web: found, stopped, kept stopped while its guard runs, and back by the undo."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from lab_hosts import image
from lab_hosts.lab import ssh_command
from lab_hosts.topology import BY_NAME

from ..conftest import ROOT, Lab
from ..operator import Operator
from .arrangement import Arrangement
from .packages import downloaded

PORTS = (25, 465, 587, 2525)
ADDRESS = "203.0.113.10"
PATIENCE = 20.0
"""Seconds that a server has to open its ports."""
SETTLED = "systemctl is-system-running --wait >/dev/null; true"
KNOCK = f"""
import socket
for port in {PORTS}:
    for address in ("{ADDRESS}", "2001:db8:113::10"):
        try:
            s = socket.create_connection((address, port), 2)
        except OSError:
            continue
        s.settimeout(1)
        try:
            s.sendall(b"QUIT\\r\\n")
            print(f"{{port}}!" if s.recv(1) else port)
        except OSError:
            print(port)
"""
"""Prints each port that takes a connection; `!` follows where somebody answers."""
RUNBOOK = """\
name: Stop the mail server
steps:
  - id: mail
    task: mta.stop
    with: {look_again: 1s}
"""
REVIEW = """\
name: Review the queue
steps:
  - task: mta.review
"""
LETTER = "x@example.com"
"""To whom each queued letter goes."""
# Each line of cron as cron runs it, and the hooks of a network that comes up.
GUARDS = """
for f in /etc/cron.d/* /var/spool/cron/crontabs/*; do [ -f "$f" ] || continue
    case $f in /etc/cron.d/*) fields=6 ;; *) fields=5 ;; esac
    grep -E '^[0-9*@]' "$f" | while read -r line; do
        case $line in @*) n=$((fields - 4)) ;; *) n=$fields ;; esac
        printf '%s\\n' "$line" | { read -r $(seq -f w%.0f 1 $n) rest
        sh -c "$rest" </dev/null >/dev/null 2>&1; }
    done
done
for d in /etc/network/if-up.d /etc/ppp/ip-up.d; do [ ! -d $d ] || run-parts $d; done
for s in exim4 sendmail opensmtpd courier-mta nullmailer postfix; do
    [ ! -x /etc/init.d/$s ] || service $s start
done </dev/null >/dev/null 2>&1
true
"""
STATE_OF = """
echo "== listeners"; ss -Hltn | awk '{print $4}' | grep -E ':(25|465|587|2525)$' | sort
echo "== units"; systemctl list-unit-files --no-legend --no-pager | grep -vw transient | sort
systemctl list-units --no-legend --no-pager --plain --state=active --type=service,socket,timer | awk '{print $1}' |
    grep -v '^\\(systemd-\\|user@\\|run-\\|session\\)' | sort
echo "== files"; find /etc -xdev \\( -type f -o -type l \\) ! -path '*/supervise/*' -printf '%p %M %u:%g %l\\n' | sort
find /etc -xdev -type f ! -path '*/supervise/*' -print0 | sort -z | xargs -0 sha256sum
"""


@dataclass(frozen=True)
class Result:
    """The row of one arrangement: what was not as wanted, empty if all was; None where nobody looked."""

    name: str
    guard: str
    said: str = ""
    """The preview, and what a run that failed said."""
    found: str | None = None
    stopped: str | None = None
    stays: str | None = None
    queue: str | None = None
    shown: str | None = None
    """By mta.review."""
    undone: str | None = None
    queues: bool = False
    """The server has a queue."""

    @property
    def columns(self) -> tuple[str | None, ...]:
        """What was looked at, in order."""
        return (self.found, self.stopped, self.stays, self.queue, self.shown, self.undone)

    @property
    def good(self) -> bool:
        """Everything was looked at, and was as wanted."""
        return all(column == "" for column in self.columns)


class Trial:
    """Tries arrangements, one after the other, on web."""

    def __init__(self, lab: Lab, home: Path) -> None:
        self.lab, self.operator = lab, Operator(lab, home / "state")
        self.runbook, self.review = home / "mail.yaml", home / "review.yaml"
        self.runbook.write_text(RUNBOOK)
        self.review.write_text(REVIEW)

    def of(self, given: Arrangement) -> Result:
        """Install, prepare, stop, wake the guards, undo, and clear up."""
        added = self._install(given)
        try:
            self._sh(given.prepare, f"{given.name}: prepare")
            self._sh(SETTLED, f"{given.name}: settle")
            if not self._waits_for(given.ports):
                raise AssertionError(f"{given.name}: not open: {given.ports}; {self._listening()}")
            return self._try(given)
        finally:
            self.operator.undo_all()
            self._sh(f"{{\n{given.clear}\n{_purge(added)}\n}} >/dev/null 2>&1\ntrue", f"{given.name}: clear")

    def _try(self, given: Arrangement) -> Result:
        before, queue = self._state(), self._queue(given)
        words = (str(self.runbook), "-i", self.operator.inventory, "-t", "web")
        shown = self.operator.stopgap("run", *words, "--dry-run")
        said = " ".join(shown.out.split())
        found = [f"not said: {each}" for each in given.says if each not in said] + _difference(before, self._state())
        row = Result(given.name, given.guard, shown.out + shown.err, found="; ".join(found), queues=bool(given.queue))
        ran = self.operator.stopgap("run", *words, "--yes")
        wrong = [*([f"exit {ran.status}"] if ran.status else []), *self._open(given)]
        row = replace(row, stopped="; ".join(wrong))
        if wrong:
            return replace(row, said=row.said + ran.out + ran.err)
        stopped = self._queue(given)
        self._sh(f"{{\n{GUARDS}\n{given.kick}\n{GUARDS}\n}} >/dev/null 2>&1\ntrue", f"{given.name}: guards")
        status = self.operator.stopgap("status")
        told = [f"status {status.status}: {_last(status.out)}"] if status.status else []
        held = self.lab.ssh("web", "sh -s", stdin=f"{given.holds}\n").returncode
        row = replace(row, stays="; ".join([*self._open(given), *told, *(["not held"] if held else [])]))
        row = replace(row, queue=_lost(queue, stopped, self._queue(given), wanted=bool(given.queue)))
        looked = (
            self.operator.stopgap("run", str(self.review), *words[1:], "--dry-run").out if given.queue else LETTER
        )
        row = replace(row, shown="" if LETTER in looked else _last(looked))
        undone = self.operator.stopgap("undo", "last", "--yes")
        self._waits_for(given.ports)
        names = _paths(queue) - _paths(self._queue(given))
        left = [
            *([f"exit {undone.status}: {_last(undone.out + undone.err)}"] if undone.status else []),
            *_difference(before, self._state()),
            *([f"{len(names)} files of the queue are gone"] if names else []),
        ]
        return replace(row, undone="; ".join(left))

    def _install(self, given: Arrangement) -> list[str]:
        self._sh("chattr -i /usr/sbin", "what the lab's break-in has made immutable")
        if not given.beside_postfix:
            purge = "! dpkg -s postfix || { systemctl stop postfix; dpkg --purge --force-depends postfix; }"
            self._sh(f"{{ {purge}; }} >/dev/null 2>&1 </dev/null", "purge postfix")
        if not given.packages:
            return []
        debs = sorted(downloaded(image.ensure(print, image.own_release()), given.packages).glob("*.deb"))
        before = self._packages()
        tar = ["tar", "-cf", "-", "-C", str(debs[0].parent), *(each.name for each in debs)]
        packed = subprocess.run(tar, stdout=subprocess.PIPE, check=True).stdout
        unpack = "rm -rf /root/debs; mkdir /root/debs; tar -xf - -C /root/debs"
        subprocess.run([*ssh_command(BY_NAME["web"]), unpack], input=packed, check=True, cwd=ROOT)
        install = "DEBIAN_FRONTEND=noninteractive dpkg -i --force-confnew /root/debs/*.deb </dev/null"
        self._sh(f"{install}; s=$?; rm -rf /root/debs; exit $s", f"{given.name}: install")
        return sorted(self._packages() - before)

    def _packages(self) -> set[str]:
        return set(self.lab.read("web", "dpkg-query -W -f '${Package}\\n'").split())

    def _sh(self, script: str, about: str) -> None:
        done = self.lab.ssh("web", "sh -s", stdin=script + "\n")
        if done.returncode:
            raise AssertionError(f"{about}: {done.stdout[-1500:]}{done.stderr[-1500:]}")

    def _state(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in self.lab.read("web", STATE_OF).splitlines():
            if line.startswith("== "):
                found[line[3:]] = here = []
            else:
                here.append(line)
        return found

    def _queue(self, given: Arrangement) -> list[str]:
        if not given.queue:
            return []
        look = f"find {' '.join(given.queue)} -type f -printf '%T@ %i %u:%g %m %s %p\\n' 2>/dev/null || true"
        return sorted(self.lab.read("web", look).splitlines())

    def _listening(self) -> str:
        return self.lab.read("web", "ss -Hltnp").replace("\n", " | ")

    def _waits_for(self, ports: tuple[int, ...]) -> bool:
        deadline = time.monotonic() + PATIENCE
        while not all(self.lab.tcp(ADDRESS, port) for port in ports):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def _open(self, given: Arrangement) -> list[str]:
        """Say which mail ports the internet reaches; a port of a frozen program counts if it says a word."""
        seen = self.lab.exec("internet", "python3", "-c", KNOCK).stdout.split()
        reached = {int(word.rstrip("!")) for word in seen}
        answered = {int(word.rstrip("!")) for word in seen if word.endswith("!")}
        return [f"{port} is open" for port in sorted(reached - set(given.silent) | answered)]


def _purge(packages: list[str]) -> str:
    names = " ".join(packages)
    return (
        "pkill -KILL -x 'master|qmgr|pickup|dma|sendmail|exim4|smtpd|msmtp|ssmtp|esmtp'\n"
        f"[ -z '{names}' ] || dpkg --purge --force-all --force-remove-reinstreq {names} </dev/null\n"
        "rm -rf /var/spool/mqueue* /var/spool/clientmqueue /var/spool/smtpd /var/spool/exim4 /var/spool/dma\n"
        "systemctl daemon-reload; systemctl reset-failed\n"
        "! dpkg -s postfix || systemctl restart postfix"
    )


def _lost(before: list[str], stopped: list[str], after: list[str], *, wanted: bool) -> str:
    """Say what is no longer as the stop found it; a server that still runs may write to its own queue before."""
    if wanted and not before:
        return "nothing was queued"
    if gone := _paths(before) - _paths(stopped):
        return f"the stop lost {' '.join(sorted(gone))}"
    changed = set(stopped) ^ set(after)
    return f"not as the stop left it: {' '.join(sorted(_paths(list(changed))))}" if changed else ""


def _paths(files: list[str]) -> set[str]:
    return {line.split()[-1] for line in files}


def _difference(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    found = []
    for name, lines in before.items():
        gone, new = set(lines) - set(after.get(name, [])), set(after.get(name, [])) - set(lines)
        found += [f"{name}: -{_short(line)}" for line in sorted(gone)]
        found += [f"{name}: +{_short(line)}" for line in sorted(new)]
    return found[:8]


def _short(line: str) -> str:
    return re.sub("[0-9a-f]{64}", "…", line)[:100]


def _last(text: str) -> str:
    return " ".join(text.split())[-300:]
