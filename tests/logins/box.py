"""A real Debian in a namespace of its own, with the accounts and SSH servers of this folder.

Its system is built once and kept in the user's cache, as the lab's images are; each box writes to a layer of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from lab_hosts.image import _sole_builder, bootstrap, cache_directory, remove_tree

from tests import forkserver

from .accounts import ACCOUNTS, PASSWORD, Account
from .hosts import HOSTS, OddHost
from .servers import SERVERS

RELEASE = "trixie"
PACKAGES = (
    *("openssh-server", "sudo", "opendoas", "tcsh", "fish", "zsh", "mksh", "busybox", "tmux", "screen", "procps"),
    *("dropbear-bin", "tinysshd", "socat", "nftables", "iproute2", "rust-coreutils", "sudo-rs"),
)
MENU = '#!/bin/bash\necho "Main menu"; select x in Status Quit; do [ "$x" = Quit ] && exit; done\n'
RECORDER = '#!/bin/sh\nexec /bin/bash -lc "$SSH_ORIGINAL_COMMAND"\n'
BASE = (
    "Port {port}\nListenAddress 127.0.0.1\nPidFile none\nUsePAM yes\nPermitRootLogin yes\nPrintMotd no\n"
    "Subsystem sftp internal-sftp\nPerSourcePenalties no\n"
)
HOST_KEYS = "".join(f"HostKey /etc/ssh/ssh_host_{kind}_key\n" for kind in ("rsa", "ecdsa", "ed25519"))
BOOT = r"""
ip link set lo up
mount -t overlay overlay -o lowerdir=@image@,upperdir=@folder@/upper,workdir=@folder@/work @folder@/root
cd @folder@/root
mount -t proc proc proc; mount --rbind /dev dev; mount --make-rslave dev
mount -t tmpfs -o mode=755 tmpfs run; mkdir -p run/sshd; mount -t tmpfs -o noexec,nosuid,mode=1777 tmpfs tmp
for config in etc/ssh/box_*.conf; do
    chroot . /usr/sbin/sshd -f "/$config" -E "/var/log/${config##*/}.log" || exit 1
done
chroot . dropbearconvert openssh dropbear /etc/ssh/ssh_host_ed25519_key /etc/dropbear/ed 2>/dev/null
chroot . dropbear -p 127.0.0.1:2217 -r /etc/dropbear/ed -P /run/dropbear.pid
chroot . socat TCP-LISTEN:2218,bind=127.0.0.1,reuseaddr,fork EXEC:"tinysshd /etc/tinyssh/keys" 2>/dev/null &
until [ -n "$(ss -Hltn 'sport = :2218')" ] && [ -n "$(ss -Hltn 'sport = :2217')" ]; do sleep 0.05; done
odd=
@hosts@
for one in $odd; do
    until [ -n "$(ss -Hltn "sport = :${one#*:}")" ]; do kill -0 "${one%:*}" || exit 1; sleep 0.05; done
done
echo up
exec cat
"""
ODD_HOST = r"""
mkdir -p @folder@/@name@/upper @folder@/@name@/work @folder@/@name@/root
unshare -m --pid --fork sh -ec '
    tools=@folder@/tools
    mount -t overlay overlay -o lowerdir=@folder@/root,upperdir=@folder@/@name@/upper,workdir=@folder@/@name@/work \
        @folder@/@name@/root
    cd @folder@/@name@/root
    mount -t proc proc proc; mount --rbind /dev dev; mount --make-rslave dev
    mount -t tmpfs -o mode=755 tmpfs run; mkdir -p run/sshd
    sed "s/^Port .*/Port @port@/" etc/ssh/box_2201.conf >etc/ssh/this.conf
    @setup@
    @server@
    sleep infinity & wait  # reaps what has ended, as init does
' </dev/null >/dev/null &
odd="$odd $!:@port@"
"""


AT_HOME = """
mount -t overlay overlay -o lowerdir="$1",upperdir="$0/home",workdir="$0/work" "$1"
shift
exec "$@"
"""


@dataclass(frozen=True)
class Box:
    """A running box."""

    pid: int
    keys: Path
    """Keys of the operator: `ed`, `rsa`, `certified` with its certificate; files of known hosts."""

    @property
    def ssh_config(self) -> Path:
        """The operator's ~/.ssh/config, for ssh(1) too, which asks the password database where home is."""
        return self.keys / "home/.ssh/config"

    def stopgap(self, folder: Path, *argv: str) -> tuple[int, str]:
        """Run a command in the box's network, with its state in the folder; give exit status and all that it says."""
        done = self._run(str(forkserver.stopgap()), *argv, env={"STOPGAP_HOME": str(folder / "state")})
        return done.returncode, done.stdout + done.stderr

    def on_host(self, *argv: str) -> str:
        """Run a command in the box itself, as root; give what it prints."""
        enter = ["nsenter", "-t", str(self.pid), "-n", "-p", "-m", "chroot", self.keys.parent / "root", *argv]
        return subprocess.run(enter, capture_output=True, text=True, check=True).stdout

    @contextmanager
    def started(self, folder: Path, *argv: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command as `stopgap` runs it; at the end of the block it is over."""
        with subprocess.Popen(
            [*self._entering(), str(forkserver.stopgap()), *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
            env=self._environment({"STOPGAP_HOME": str(folder / "state")}),
        ) as running:
            try:
                yield running
            finally:
                running.kill()

    def wait_until(self, condition: str) -> None:
        """Wait, a minute at most, until a condition of the shell holds in the box."""
        self.on_host("timeout", "60", "sh", "-c", f"until {condition}; do sleep 0.1; done")

    @contextmanager
    def gate(self, port: int, *, once: bool) -> Iterator[None]:
        """Lead a port of the box to its sshd: one connection alone, after which others are refused, or all."""
        listen = f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr{'' if once else ',fork'}"
        words = ["nsenter", "-t", str(self.pid), "-n", "-m", "chroot", str(self.keys.parent / "root")]
        with subprocess.Popen([*words, "socat", listen, "TCP:127.0.0.1:2201"]) as leading:
            try:
                self.wait_until(f"ss -Hltn 'sport = :{port}' | grep -q .")
                yield
            finally:
                leading.terminate()

    def ask(self, hosts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Log in at each of the hosts, from a process in the box's network; give what Stopgap says, by name."""
        asked = self.keys / "asked.json"
        asked.write_text(json.dumps(list(hosts)))
        done = self._run(sys.executable, Path(__file__).with_name("ask.py"), asked)
        assert done.returncode == 0, done.stderr
        answers: dict[str, str] = json.loads(done.stdout)
        return answers

    def _run(self, *program: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._entering(), *program],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=self._environment(env or {}),
        )

    def _entering(self) -> list[str]:
        at_home = ["unshare", "-m", "sh", "-ec", AT_HOME, str(self.keys), str(Path("~root").expanduser())]
        return ["nsenter", "-t", str(self.pid), "-n", *at_home]

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "SUDO_PASSWORD": PASSWORD, "HOME": str(self.keys), **more}

    def host(self, **fields: Any) -> dict[str, Any]:
        """Describe a login, as an inventory does."""
        files = {name: str(self.keys / fields.pop(name, default)) for name, default in _FILES.items()}
        return {"address": "127.0.0.1", **files, **fields}


_FILES = {"identity": "ed", "known_hosts": "known_hosts"}


@contextmanager
def box() -> Iterator[Box]:
    """Boot a box; nothing of it is left afterwards."""
    image = _image()
    folder = Path(tempfile.mkdtemp(prefix="stopgap-box-"))
    try:
        for name in ("upper", "work", "root", "keys"):
            (folder / name).mkdir(mode=0o755)
        _lay_out(image, folder / "upper", folder / "keys")
        _static_tools(folder / "tools", image)
        script = BOOT.replace("@image@", str(image)).replace("@hosts@", "".join(map(_odd_host, HOSTS)))
        script = script.replace("@folder@", str(folder))
        kinds = ["--net", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child"]
        unshare = ["unshare", *kinds, "sh", "-ec", script]
        with subprocess.Popen(unshare, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == "up\n"
                (init,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                yield Box(int(init), folder / "keys")
            finally:
                process.stdin.close()
    finally:
        remove_tree(folder)


def _odd_host(host: OddHost) -> str:
    values = {"name": host.name, "port": str(host.port), "setup": host.setup, "server": host.server}
    return re.sub("@(name|port|setup|server)@", lambda found: values[found[1]], ODD_HOST)


def _static_tools(folder: Path, image: Path) -> None:
    """Keep what a host needs that has no program but busybox: this machine's busybox is static, dropbear is not."""
    folder.mkdir()
    busybox = shutil.which("busybox")
    assert busybox is not None
    shutil.copy(busybox, folder / "busybox")
    shutil.copy(image / "usr/sbin/dropbear", folder / "dropbear")


def _image() -> Path:
    named = hashlib.sha256(f"{RELEASE} {platform.machine()} {PACKAGES}".encode()).hexdigest()[:16]
    image = cache_directory() / f"image-box-{named}"
    if not image.is_dir():
        with _sole_builder(image.parent):
            if not image.is_dir():
                _build(image)
    os.utime(image)
    return image


def _build(image: Path) -> None:
    part = image.with_suffix(".part")
    bootstrap(part, RELEASE, PACKAGES)
    for sources in (part / "etc/apt").rglob("*.*"):
        if sources.parent.name == "sources.list.d" or sources.name == "99mmdebstrap":
            sources.unlink()
    part.rename(image)


def _lay_out(image: Path, upper: Path, keys: Path) -> None:
    """Write what makes the system this box: accounts, keys and configurations."""
    for name, kind in (("ed", "ed25519"), ("rsa", "rsa"), ("certified", "ed25519"), ("authority", "ed25519")):
        _key(keys / name, kind)
    _sign(keys / "authority", keys / "certified.pub", "-n", "root")
    ssh = upper / "etc/ssh"
    ssh.mkdir(parents=True)
    for kind in ("rsa", "ecdsa", "ed25519"):
        _key(ssh / f"ssh_host_{kind}_key", kind)
    _key(ssh / "certhost", "ed25519")
    _sign(keys / "authority", ssh / "certhost.pub", "-h", "-n", "127.0.0.1,web.example")
    shutil.copy(keys / "authority.pub", ssh / "user_ca.pub")
    (ssh / "bigbanner").write_text("".join(f"LEGAL NOTICE {n}: all use is recorded.\n" for n in range(400)))
    for server in SERVERS:
        if server.port not in {2217, 2218}:
            own = "".join(f"{line}\n" for line in server.lines)
            text = BASE.format(port=server.port) + ("" if "HostKey " in own else HOST_KEYS) + own
            (ssh / f"box_{server.port}.conf").write_text(text + "Match User sftponly\nForceCommand internal-sftp\n")
    _accounts(image, upper, keys)
    for path, text in {"usr/local/bin/menu": MENU, "usr/local/bin/recorder": RECORDER}.items():
        _write(upper / path, text, 0o755)
    _write(upper / "etc/doas.conf", "permit nopass doas as root\n", 0o400)
    (upper / "usr/bin").mkdir(parents=True)
    (upper / "usr/bin/ash").symlink_to("busybox")
    (upper / "etc/dropbear").mkdir()
    _tinyssh_keys(upper / "etc/tinyssh/keys", ssh / "ssh_host_ed25519_key")
    _known_hosts(upper, keys)
    for folder in (keys / "home/.ssh", keys / "work"):
        folder.mkdir(mode=0o700, parents=True)


def _accounts(image: Path, upper: Path, keys: Path) -> None:
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, capture_output=True, text=True, check=True
    ).stdout.strip()
    tables = {name: (image / "etc" / name).read_text() for name in ("passwd", "shadow", "group")}
    tables["shadow"] = re.sub(r"^root:[^:]*:", lambda _: f"root:{hashed}:", tables["shadow"], flags=re.MULTILINE)
    sudoers = ""
    for uid, account in enumerate(ACCOUNTS, 2000):
        tables["passwd"] += f"{account.name}:x:{uid}:{uid}::/home/{account.name}:{account.shell}\n"
        tables["shadow"] += f"{account.name}:{account.shadow.format(hash=hashed)}\n"
        tables["group"] += f"{account.name}:x:{uid}:\n"
        sudoers += f"{account.sudoers.format(name=account.name)}\n" if account.sudoers else ""
        _home(upper / "home" / account.name, account, uid, keys)
    for name, text in tables.items():
        _write(upper / "etc" / name, text, 0o640 if name == "shadow" else 0o644)
    _write(upper / "etc/sudoers.d/box", sudoers, 0o440)
    _write(upper / "root/.ssh/authorized_keys", _public(keys), 0o600)
    (upper / "root").chmod(0o700)
    (upper / "root/.ssh").chmod(0o700)


def _home(home: Path, account: Account, uid: int, keys: Path) -> None:
    for name, text in {**account.files, ".ssh/authorized_keys": ""}.items():
        _write(home / name, text, 0o644)
    lines = "".join(f"{account.options}{line}\n" for line in _public(keys).splitlines())
    (home / ".ssh/authorized_keys").write_text(lines)
    home.chmod(account.home_mode)
    for path in (home, *home.rglob("*")):
        os.chown(path, uid, uid)


def _public(keys: Path) -> str:
    return "".join((keys / f"{name}.pub").read_text() for name in ("ed", "rsa"))


def _known_hosts(upper: Path, keys: Path) -> None:
    lines = [(upper / f"etc/ssh/ssh_host_{kind}_key.pub").read_text() for kind in ("ed25519", "ecdsa", "rsa")]
    (keys / "known_hosts").write_text("".join(f"[127.0.0.1]:* {line}" for line in lines))
    (keys / "authorities").write_text(f"@cert-authority [127.0.0.1]:* {(keys / 'authority.pub').read_text()}")


def _tinyssh_keys(folder: Path, private: Path) -> None:
    """Write a key of OpenSSH's in the form that tinysshd-makekey(8) writes."""
    key = load_ssh_private_key(private.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    public = key.public_key().public_bytes_raw()
    folder.mkdir(parents=True)
    (folder / "ed25519.pk").write_bytes(public)
    (folder / ".ed25519.sk").write_bytes(key.private_bytes_raw() + public)


def _key(path: Path, kind: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "box", "-f", path], check=True)


def _sign(authority: Path, public: Path, *words: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "box", *words, "-V", "-1d:+52w", public], check=True)


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
