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
Depends: python3 (>= 3.11), openssh-client
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
_POSTINST = """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [ ! -d /usr/lib/stopgap/lib/python$version ]; then
        echo "stopgap: this package has no libraries for Python $version, only for: {pythons}" >&2
        exit 1
    fi
    /usr/lib/stopgap/bin/python3 -P -m compileall -q /usr/lib/stopgap/lib/python$version >/dev/null || :
fi
"""
_PRERM = """\
#!/bin/sh
set -e
find /usr/lib/stopgap -name __pycache__ -type d -prune -exec rm -rf {} +
"""


Install: TypeAlias = Callable[[Path, str], None]
"""Installs Stopgap and its libraries into a site-packages folder, for a version of Python such as `3.11`."""


def build_deb(to: Path, scratch: Path, install: Install, pythons: Sequence[str] = PYTHONS, level: int = 9) -> Path:
    """Build the package into a folder; return its path. `scratch` is an empty folder;
    `level` of the compression, from 0.
    """
    root = scratch / "root"
    for python in pythons:
        install(root / PLACE / f"lib/python{python}/site-packages", python)
    _environment(root)
    write_pages(root)
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
    needed = scratch / "needed.txt"
    entries = locked()
    needed.write_text("\n".join(entries[name] for name in runtime()) + "\n")

    def install(site: Path, python: str) -> None:
        platforms = [word for platform in _PLATFORMS for word in ("--platform", platform)]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        pip += ["--no-deps", "--no-compile", "--only-binary=:all:", "--python-version", python, *platforms]
        for asked in (["--require-hashes", "-r", str(needed)], [str(wheel)]):
            subprocess.run([*pip, "--target", str(site), *asked], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(site / "bin", ignore_errors=True)

    return install


def _environment(root: Path) -> None:
    top = root / PLACE
    (top / "bin").mkdir()
    (top / "bin/python3").symlink_to("/usr/bin/python3")
    (top / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    (root / "usr/bin").mkdir()
    launcher = root / "usr/bin/stopgap"
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)


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
    scripts = {"postinst": _POSTINST.replace("{pythons}", ", ".join(pythons)), "prerm": _PRERM}
    for name, text in scripts.items():
        (control / name).write_text(text)
        (control / name).chmod(0o755)
