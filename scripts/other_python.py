"""The unit tests on the Python of another Debian release; further words are pytest's.

A root of the release and wheels for its Python stay in the user's cache; nothing of the release is started on this
machine but Python and what the tests start, in a namespace.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from lab_hosts.image import bootstrap, cache_directory, remove_tree
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements.txt"
PACKAGES = (
    *("python3", "python3-venv", "python3-dev", "gcc", "g++", "libc6-dev", "git", "procps", "psmisc", "file"),
    *(
        "openssh-server",
        "openssh-client",
        "busybox",
        "iproute2",
        "nftables",
        "iptables",
        "openssl",
        "curl",
        "e2fsprogs",
    ),
    *("apache2-bin", "acl", "attr", "conntrack", "dropbear-bin", "zsh", "mksh", "dash", "ca-certificates"),
)
INSIDE = Path("/var/lib/stopgap")
"""In the root: the wheels and the environment."""
# Mounts that the tests need, in a namespace that ends with them.
MOUNTS = """
mount --bind "$1" "$1"
mkdir -p "$1$2"
mount --bind "$2" "$1$2"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
mount -t tmpfs tmpfs "$1/tmp"
mount -t tmpfs tmpfs "$1/run"
mkdir -p "$1/run/sshd" "$1/run/netns"
ip link set lo up
root=$1 work=$2
shift 2
exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
  PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$work" sh -c 'cd "$0" && exec "$@"' "$work" "$@"
"""


def main(arguments: list[str]) -> int:
    """Run pytest on the release's Python; return the exit status of pytest."""
    parser = argparse.ArgumentParser(prog="scripts/pythons", description=__doc__)
    parser.add_argument("--release", default="forky", help="a release of Debian (default: forky)")
    typed, pytest_words = parser.parse_known_args(arguments)
    root = _root(typed.release)
    version = _version(root)
    _install(root, version)
    print(f"Debian {typed.release}: {version}, {_said(root, 'ssh', '-V')}", flush=True)
    python = str(INSIDE / "venv/bin/python")
    words = pytest_words or ["tests/unit"]
    return _inside(root, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words).returncode


def _root(release: str) -> Path:
    """Return the root of the release, made at the first call."""
    digest = hashlib.sha256(" ".join((release, *PACKAGES)).encode()).hexdigest()[:16]
    root = cache_directory() / f"python-{digest}"
    if not root.is_dir():
        print(f"Making a root of Debian {release}, once (about a minute) …", flush=True)
        root.parent.mkdir(parents=True, exist_ok=True)
        part = root.with_suffix(".part")
        try:
            bootstrap(part, release, PACKAGES)
            part.rename(root)
        except BaseException:
            remove_tree(part)
            raise
    return root


def _version(root: Path) -> str:
    found = re.search(r"Python (\d+\.\d+\.\w+)", _said(root, "python3", "--version"))
    if not found:
        raise SystemExit("the release's python3 does not run")
    return f"Python {found[1]}"


def _install(root: Path, version: str) -> None:
    """Fetch the locked packages by this machine's pip, and install them into the root's environment."""
    short = ".".join(version.split()[1].split(".")[:2])
    stamp = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    marker = root / str(INSIDE / "installed").lstrip("/")
    if marker.is_file() and marker.read_text() == stamp:
        return
    wheels = root / str(INSIDE / "wheels").lstrip("/")
    wheels.mkdir(parents=True, exist_ok=True)
    tags = [f"--platform=manylinux_2_{n}_{os.uname().machine}" for n in (17, 27, 28, 31, 34, 35)]
    tags += [f"--platform={old}_{os.uname().machine}" for old in ("manylinux1", "manylinux2010", "manylinux2014")]
    locked = wheels.with_name("requirements.txt")
    locked.write_text(_locked(short, version.split()[1]))
    words = ["--python-version", short, "--only-binary=:all:", *tags, "--no-deps", "-q", "-r", str(locked)]
    subprocess.run([sys.executable, "-m", "pip", "download", *words, "-d", str(wheels)], check=True)
    python = str(INSIDE / "venv/bin/python")
    for command in (
        ("python3", "-m", "venv", str(INSIDE / "venv")),
        (python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--find-links", str(INSIDE / "wheels"),
         "-r", str(INSIDE / "requirements.txt")),
        (python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "-e", str(ROOT)),
    ):  # fmt: skip
        if _inside(root, *command).returncode:
            raise SystemExit(f"{' '.join(command[:5])} … failed in the root")
    marker.write_text(stamp)


def _locked(short: str, full: str) -> str:
    """Return the requirements for another Python: pip evaluates markers for the Python that pip runs on."""
    lines = REQUIREMENTS.read_text().replace("\\\n", " ").splitlines()
    kept = []
    for line in lines:
        named, _, hashes = line.partition("--hash")
        if not named.strip() or line.lstrip().startswith("#"):
            continue
        requirement = Requirement(named)
        marker = requirement.marker
        if marker is None or marker.evaluate({"python_version": short, "python_full_version": full}):
            kept.append(f"{requirement.name}{requirement.specifier} --hash{hashes}")
    return "\n".join(kept) + "\n"


def _said(root: Path, *words: str) -> str:
    done = subprocess.run(["chroot", root, *words], capture_output=True, text=True)
    return (done.stdout or done.stderr).strip()


def _inside(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    namespace = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--"]
    return subprocess.run([*namespace, "sh", "-ec", MOUNTS, "pythons", str(root), str(ROOT), *words])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
