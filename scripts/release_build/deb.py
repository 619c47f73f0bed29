"""The Debian package: an environment of its own below /usr/lib/stopgap, over the system's Python.

One environment serves Debian 12 and 13: it has the libraries for each release's Python side by side, and
`/usr/lib/stopgap/bin/python3` is a link to /usr/bin/python3, which reads those of its own version (PEP 405).
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from release_build.pages import write_pages
from release_build.sources import ROOT, epoch, locked, runtime, version

PYTHONS = ("3.11", "3.13")
"""Of Debian 12 and 13."""
PLACE = "usr/lib/stopgap"
_PLATFORMS = ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64")
_CONTROL = """\
Package: stopgap
Version: {version}
Architecture: amd64
Maintainer: Stopgap <stopgap@localhost>
Installed-Size: {size}
Depends: python3 (>= 3.11), openssh-client, systemd | systemd-standalone-sysusers | systemd-sysusers
Recommends: man-db, bash-completion
Section: admin
Priority: optional
Description: contain a broken-into server, and keep the evidence
 Declarative runbooks drop the packets of a server that was broken into at
 a router above it, stop its mail server, show its visitors a maintenance
 page, keep the evidence, and write down what was done.
"""
_LAUNCHER = """\
#!/usr/lib/stopgap/bin/python3 -P
import sys

from stopgap.orchestrator.cli import main

sys.argv[0] = "stopgap"
sys.exit(main())
"""
HERE = Path(__file__).parent


Install: TypeAlias = Callable[[Path, str], None]
"""Installs Stopgap and its libraries into a site-packages folder, for a version of Python such as `3.11`."""


def build_deb(to: Path, scratch: Path, install: Install, pythons: Sequence[str] = PYTHONS, level: int = 6) -> Path:
    """Build the package into a folder; return its path. `scratch` is an empty folder;
    `level` of the compression, from 0.
    """
    root = scratch / "root"
    for python in pythons:
        install(root / PLACE / f"lib/python{python}/site-packages", python)
    _environment(root)
    write_pages(root)
    _services(root)
    _papers(root)
    _control(root, pythons)
    for path in sorted(root.rglob("*")):
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)
    made = to / f"stopgap_{version()}_amd64.deb"
    env = os.environ | {"SOURCE_DATE_EPOCH": str(epoch())}
    words = ["dpkg-deb", "--root-owner-group", "-Zxz", f"-z{level}", "--build", str(root), str(made)]
    subprocess.run(words, env=env, check=True, capture_output=True)
    return made


def from_pypi(wheel: Path, scratch: Path) -> Install:
    """Return what installs a wheel of Stopgap, and its locked dependencies from PyPI, hashes checked, by pip."""

    def install(site: Path, python: str) -> None:
        wheels = scratch / f"wheels-{python}"
        if not wheels.exists():
            wheels.mkdir()
            wheels_from_pypi(wheels, python)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        pip += ["--no-deps", "--no-compile", "--no-index", "--only-binary=:all:", "--python-version", python]
        pip += [word for platform in _PLATFORMS for word in ("--platform", platform)]
        every = map(str, (*sorted(wheels.iterdir()), wheel))
        subprocess.run([*pip, "--target", str(site), *every], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(site / "bin", ignore_errors=True)

    return install


def wheels_from_pypi(to: Path, python: str) -> None:
    """Fetch the wheels of the locked dependencies for a version of Python into a folder, hashes checked."""
    entries = locked()
    needed = to.with_name(f"{to.name}.txt")
    needed.write_text("\n".join(entries[name] for name in runtime()) + "\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
    pip += ["--no-deps", "--only-binary=:all:", "--python-version", python, "--require-hashes", "-r", str(needed)]
    pip += [word for platform in _PLATFORMS for word in ("--platform", platform)]
    subprocess.run([*pip, "--dest", str(to)], check=True, stdout=subprocess.DEVNULL)


def _environment(root: Path) -> None:
    top = root / PLACE
    (top / "bin").mkdir()
    (top / "bin/python3").symlink_to("/usr/bin/python3")
    (top / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    (root / "usr/bin").mkdir()
    launcher = root / "usr/bin/stopgap"
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)


def _services(root: Path) -> None:
    """Units, their account and their settings, as they lie in `rootfs`; none is enabled."""
    shutil.copytree(HERE / "rootfs", root, dirs_exist_ok=True)
    (root / "etc/stopgap").mkdir()
    for path in (HERE / "rootfs").rglob("*"):
        (root / path.relative_to(HERE / "rootfs")).chmod(0o755 if path.is_dir() else 0o644)


def _papers(root: Path) -> None:
    papers = root / "usr/share/doc/stopgap"
    papers.mkdir(parents=True)
    shutil.copy(ROOT / "LICENSE", papers / "copyright")
    (papers / "changelog.gz").write_bytes(gzip.compress((ROOT / "CHANGELOG.md").read_bytes(), 9, mtime=0))


def _control(root: Path, pythons: Sequence[str]) -> None:
    control = root / "DEBIAN"
    control.mkdir()
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()) // 1024
    (control / "control").write_text(_CONTROL.format(version=version(), size=size))
    settings = sorted(path for path in (root / "etc").rglob("*") if path.is_file())
    (control / "conffiles").write_text("".join(f"/{path.relative_to(root)}\n" for path in settings))
    for source in (HERE / "maintainer").iterdir():
        (control / source.name).write_text(source.read_text().replace("@PYTHONS@", ", ".join(pythons)))
        (control / source.name).chmod(0o755)
