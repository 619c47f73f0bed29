"""The lab as a whole: brought up, taken down, looked at."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from . import answers, break_in, image, keys, machine, namespaces, overlay
from .failure import LabError
from .state import NAMESPACES, OWNER, STATE, is_own, require_own
from .topology import BY_NAME, HOSTS, NODES, Node, far_ends

BOOT_LIMIT = 60.0


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def ssh_command(host: Node) -> list[str]:
    """An SSH client in the operator's namespace; the remote command is its next argument."""
    return [
        "nsenter", f"--net={NAMESPACES / BY_NAME['operator'].namespace}",
        "ssh", "-F", "none", "-i", str(STATE / keys.OPERATOR), "-o", f"UserKnownHostsFile={STATE / keys.KNOWN_HOSTS}",
        "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
        "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR",
        f"root@{host.addresses[0]}",
    ]  # fmt: skip


def up() -> None:
    """Bring the lab up, or repair it; returns once every host answers.

    Raises LabError when another tree's lab is up, or a host does not come up.
    """
    with _alone():
        bases = {host: _image(host) for host in HOSTS}
        start = time.monotonic()
        require_own()
        if _leftovers():
            ailing = _ailing()
            if not ailing:
                say("The lab is up already: nothing to do.")
                return
            say(f"The lab is up, but not whole ({', '.join(ailing)}): starting it afresh.")
        for last in (False, True):
            _clear()
            try:
                _start(bases)
                break
            except LabError as error:
                if last:
                    _clear(keep_state=True)
                    raise
                say(f"{error} Trying once more.")
            except BaseException:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                _clear(keep_state=True)
                raise
        say(f"The lab is up ({time.monotonic() - start:.1f} s). Take it down with scripts/lab down.")


def down() -> None:
    """Take the lab down and leave nothing of it; mends whatever a crash left. Idempotent."""
    with _alone():
        require_own()
        found = _leftovers() or STATE.exists()
        _clear()
        say("The lab is down." if found else "The lab is not up: nothing to do.")


def status() -> bool:
    """Print a line a host, with `!` after a service that does not answer; true when all of them do."""
    require_own()
    failing = answers.failing()
    for host in HOSTS:
        probes = [probe for probe in answers.PROBES if probe.host == host]
        silent = sorted({probe.service.name for probe in failing if probe.host == host})
        services = sorted({probe.service.name for probe in probes})
        state = "paused" if machine.frozen(host) else "down" if not machine.whole(host) else "up"
        notes = " ".join(f"{name}!" if name in silent else name for name in services)
        print(f"{host.name:10} {state:7} {notes:14} {' '.join(host.addresses[:2])}")
    return not failing and all(machine.whole(host) for host in HOSTS)


def plug(host: Node, plugged: bool) -> None:
    """Plug in the cables of a host at their far ends, or pull them."""
    for far, interface in far_ends(host):
        namespaces.set_port(BY_NAME[far], interface, plugged)


def reboot(host: Node) -> None:
    """Boot one host afresh, as after a power cut: what it wrote is there, what its kernel knew is not.

    Raises LabError when it does not answer to SSH in time.
    """
    with _alone():
        base = _image(host)
        directory = STATE / "hosts" / host.name
        token = machine.token(host)
        machine.kill(host)
        image.remove_tree(directory / "work")  # a volatile overlay is not mounted twice
        namespaces.renew(host)
        nspawn = machine.boot(host, directory, base, token)
        ssh = [probe for probe in answers.PROBES if probe.host == host and probe.service == answers.SSH]
        if answers.wait(lambda: nspawn.poll() is None, BOOT_LIMIT, ssh):
            raise LabError(f"{host.name} did not boot: see {directory}/console.")


def _image(host: Node) -> Path:
    """What a host boots: this machine's Debian, or, where it serves customers, what `STOPGAP_LAB_DEBIAN` names.

    `STOPGAP_LAB_IMAGE_` and the host's name, in capitals, names the directory of another image for one host.
    """
    if other := os.environ.get(f"STOPGAP_LAB_IMAGE_{host.name.upper()}"):
        return Path(other)
    asked = os.environ.get("STOPGAP_LAB_DEBIAN") if "apache2" in host.services else None
    return image.ensure(say, asked or image.own_release())


def _start(bases: Mapping[Node, Path]) -> None:
    STATE.mkdir(mode=0o755)
    OWNER.symlink_to(STATE)
    for host in HOSTS:
        (STATE / "hosts" / host.name).mkdir(parents=True)
    token = secrets.token_hex(16)
    host_keys = keys.make(STATE)
    namespaces.build()
    running = {}
    for host in HOSTS:
        directory = STATE / "hosts" / host.name
        overlay.seed(directory / "upper", bases[host], host, host_keys[host.name], STATE / keys.OPERATOR)
        running[host.name] = machine.boot(host, directory, bases[host], token)
    silent = answers.wait(lambda: all(nspawn.poll() is None for nspawn in running.values()), BOOT_LIMIT)
    ended = [name for name, nspawn in running.items() if nspawn.poll() is not None]
    if ended:
        raise LabError(f"{', '.join(ended)} did not boot: see {STATE}/hosts/{ended[0]}/console.")
    if silent:
        which = ", ".join(sorted({f"{probe.host.name} ({probe.service.name})" for probe in silent}))
        raise LabError(f"Not answering after {BOOT_LIMIT:.0f} s: {which}; see {STATE}/hosts/*/console.")
    break_in.imitate(ssh_command(BY_NAME["web"]), token)


def _clear(keep_state: bool = False) -> None:
    """Kill and remove all that belongs to the lab, in whatever state it is."""
    machine.kill_all()
    spared = _own_line()
    for process in namespaces.processes():
        if process not in spared:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    namespaces.remove()
    if not keep_state:
        image.remove_tree(STATE)
    OWNER.unlink(missing_ok=True)


def _own_line() -> set[int]:
    """The running process and its ancestors: `down` may have been typed in a shell inside a namespace of the lab."""
    line, process = set(), os.getpid()
    while process:
        line.add(process)
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return line


def _leftovers() -> bool:
    return machine.any_left() or any(namespaces.exists(node) for node in NODES)


def _ailing() -> list[str]:
    """Hosts that are not wholly there, or do not answer; all of them when their keys are lost."""
    if not is_own():
        return [host.name for host in HOSTS]
    silent = {probe.host for probe in answers.failing()}
    return [host.name for host in HOSTS if host in silent or not machine.whole(host)]


@contextmanager
def _alone() -> Iterator[None]:
    """One `up` or `down` at a time on this machine. A lock on a directory leaves no file behind."""
    directory = os.open("/run", os.O_RDONLY)
    try:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another `scripts/lab up` or `down` to end …")
            fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)
