"""Hosts that serve a real shell with lies in between, met by the whole engine."""

from __future__ import annotations

import gzip
import socket
import tarfile
from pathlib import Path
from typing import Any

from stopgap.orchestrator.host import Host
from stopgap.tasks.evidence.catalogue import shipped

from ..liar import CutError, Lie, Said, lying
from ..scenario import SCENARIOS, Scenario, Steps, Use, scenario
from ..server import Field

EVIL = b"\x1b]52;c;AAAA\x07\x1b[2J\x9b31m\xc2\x9b31m\xe2\x80\xae\xe2\x81\xa6\xef\xbb\xbf\r\0\x7f"
"""OSC 52, a cleared screen, CSI in 8 bits and as C1, bidi, a mark, carriage return, NUL and DEL."""
TEMPLATE = b"{{ cycler.__init__.__globals__.os.popen('id').read() }}{% for a in 'b' %}x{% endfor %} $(id) `id`"
SETTINGS = (
    b"ansible_host=127.0.0.9\nansible_user=evil\naddress: 127.0.0.9\nuser: evil\nport: 1\njump: evil\n"
    b"become: sudo\nconnection: local\nidentity: /etc/shadow\nproxy_command: id\nSTOPGAP_HOME=/\n"
)
ADDRESS = "127.25.25.25"
_SYSTEM = "echo init systemd"
_CLEAN = {
    _SYSTEM: b"init systemd\nuid 0\n",
    "/proc/net/tcp": b"  sl  local_address rem_address   st\n",
    "cd /proc": b"boot\0007\0001 (systemd) S 0%s\0/usr/lib/systemd/systemd\0=0::/init.scope\0\0\0end\n"
    % (b" 1" * 20),
    "ask docker": b"",
    "systemctl show": b"",
    "/etc/init.d": b"",
    "for ": b"",
    "echo absent": b"absent\n",
}
"""What a host says on which no mail server runs."""
NAMES = (b"../../../../x", b"/etc/passwd", b"a\nb", b"..", b"n" * 4096, b"-rf", b"$(id)", EVIL)


def _reading(*argv: str) -> Steps:
    return lambda folder: [{"task": "host.command", "with": {"argv": list(argv), "reads": True}}]


def _writing(folder: Path) -> list[dict[str, Any]]:
    return [{"task": "host.file", "with": {"path": str(folder / "wanted"), "content": "wanted\n"}}]


def _collecting(folder: Path) -> list[dict[str, Any]]:
    return [{"task": "evidence.collect", "with": {"profile": "volatile"}}]


def _stopping(folder: Path) -> list[dict[str, Any]]:
    return [{"task": "mta.stop"}]


def always(said: Said) -> Lie:
    """Say the same to everything, and do nothing."""
    return lambda script, honest: said


def sparse_archive() -> bytes:
    """Give the head of a tar archive whose only member is sparse, and says that it has 8 EiB (GNU format)."""
    member = tarfile.TarInfo("hole")
    member.type, member.size = tarfile.GNUTYPE_SPARSE, (1 << 63) - 1
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def _in_evidence(said: bytes) -> Lie:
    """Say this as evidence, and look like a host to all else."""
    return lambda script, honest: Said(_CLEAN[_SYSTEM]) if _SYSTEM in script else Said(said, said[:100])


def _add(name: str, lie: Lie, expect: str, steps: Steps, stock: Use | None = "run") -> None:
    def serve(field: Field) -> Host:
        return field.ssh(lying(lie))

    SCENARIOS.append(Scenario(name, "whole run", serve, expect, stock, steps))


def _failing_with(said: bytes) -> Lie:
    return lambda script, honest: Said(said, said, 3)


_FAILED = "^exit 1: failed: exit status 3: "
_KEPT = f"^exit 0: unchanged: {len(shipped().profile('volatile'))} items"
_KEPT_UNREAD = _KEPT.replace("exit 0", "exit 1")
"""Kept, and some of it cannot be judged: then nobody knows what it holds."""
_PROCESS = b"/proc/1/stat:1 (systemd) S 0 1 1 0 -1 4194560 0\n"
"""No host is without a process: a list of none is one that nobody can judge."""
_UNREADABLE = "^exit 1: failed: .*stat printed something else than numbers"
_BOMB = gzip.compress(bytes(64 << 20))

_add("terminal escapes, bidi, NUL in output", _failing_with(EVIL + b"end"), _FAILED + r".*\\x1b\]52", _reading("ls"))
_add("template text and shell text in output", _failing_with(TEMPLATE), _FAILED + r".*\{\{ cycler", _reading("ls"))
_add("facts named like connection settings", _failing_with(SETTINGS), _FAILED, _reading("env"))
_add("terminal escapes in evidence", _in_evidence(EVIL * 100), _KEPT_UNREAD, _collecting)
_add("names of 4 KB, with newlines, absolute, ../../x", _in_evidence(b"\n".join(NAMES)), _KEPT_UNREAD, _collecting)
_add("a compressed bomb", _in_evidence(_BOMB), _KEPT_UNREAD, _collecting)
_add("a sparse file that claims 8 EiB", _in_evidence(sparse_archive()), _KEPT_UNREAD, _collecting)
_add("a clock far ahead", _in_evidence(b"99999999999.5 UTC\n" + _PROCESS), _KEPT, _collecting)
_add("a clock before the epoch", _in_evidence(b"-5 1901-01-01\n" + _PROCESS), _KEPT, _collecting)
_add("no number where a size should be", always(Said(b"81a4 0 0 9" + b"9" * 5000 + b" 0\n")), _UNREADABLE, _writing)
_add("NUL and noise where a fact should be", always(Said(bytes(range(256)) * 40)), _UNREADABLE, _writing)
_add("nothing where a fact should be", always(Said()), _UNREADABLE, _writing)


@scenario("a million file names", "whole run", _KEPT, "run", _collecting)
def _million(field: Field) -> Host:
    """Once: the first time that it is asked for files."""
    told: list[str] = []

    def lie(script: str, honest: object) -> Said:
        if _SYSTEM in script:
            return Said(_CLEAN[_SYSTEM])
        if told or not ("find " in script or script == "ls"):
            return Said(_PROCESS)
        told.append(script)
        names = bytearray()
        for number in range(1_000_000):
            names += b"/tmp/%d\n" % number
        return Said(bytes(names))

    return field.ssh(lying(lie))


def _lying_size(script: str, honest: object) -> Said:
    return Said(b"81a4 0 0 274877906944 0\nshort")


_add("a file that claims to have 256 GiB, in a probe", _lying_size, "^exit [01]: ", _writing, "get")


def _changing(script: str, honest: Any) -> Said:
    looks = "stat -c" in script and "mv " not in script
    return Said(b"81a4 0 0 4 0\nold\n") if looks else honest()


_add("another answer at the change than at the probe", _changing, "^exit 4: refused: it is not as it was", _writing)


def _cutting(script: str, honest: Any) -> Said:
    if "mv " in script:
        raise CutError
    return honest()  # type: ignore[no-any-return]


_add("hangs up while a change is made", _cutting, "^exit 1: unknown: ", _writing)


def _open_port(field: Field) -> Host:
    """It says that no mail server runs, while port 25 is open."""
    listener = socket.create_server((ADDRESS, 25))
    field.listeners.append(listener)
    return field.ssh(lying(_no_mail), changes={"addresses": [ADDRESS]})


def _no_mail(script: str, honest: object) -> Said:
    """Nothing of the machine under the test shows, and nothing on it is touched."""
    for part, said in _CLEAN.items():
        if part in script:
            return Said(said)
    return Said(status=127)


_CLAIM = "success claimed while the port is open"
_CAUGHT = "^exit 1: failed: .*:25"
SCENARIOS.append(Scenario(_CLAIM, "whole run", _open_port, _CAUGHT, None, _stopping, needs_root=True))
