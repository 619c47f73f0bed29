"""Builds the container image from the wheel, with what requirements.txt locks, and tries it.

The base is a Debian 13 that mmdebstrap makes here, or `--base IMAGE`. Needs root, buildah and podman (apt), and PyPI.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lab_hosts.image import _sources as sources
from release_build.deb import wheels_from_pypi
from release_build.sources import ROOT, epoch, version
from release_build.wheels import build

from container_build.tools import Tools
from container_build.trial import tried

TO = ROOT / "build" / "container"
PYTHON = "3.13"
"""Of Debian 13."""
_BASE = "localhost/debian-for-stopgap"
_PACKAGES = ("ca-certificates", "openssh-client", "python3")


def main() -> int:
    """Return 0 for an image that does what it should."""
    asked = argparse.ArgumentParser(prog="scripts/container", description=__doc__)
    asked.add_argument(
        "--base", metavar="IMAGE", help="an image of Debian 13 from a registry, instead of mmdebstrap's"
    )
    asked.add_argument(
        "--lab", action="store_true", help="also a dry run of contain against the lab, which has to be up"
    )
    words = asked.parse_args()
    if missing := [name for name in ("buildah", "podman") if shutil.which(name) is None]:
        print(f"container: needs {' and '.join(missing)}: apt install buildah podman crun", file=sys.stderr)
        return 2
    shutil.rmtree(TO, ignore_errors=True)
    TO.mkdir(parents=True)
    name = f"localhost/stopgap:{version()}"
    with tempfile.TemporaryDirectory(prefix="stopgap-container-", dir="/var/tmp") as folder:
        tools, scratch = Tools(Path(folder) / "storage"), Path(folder)
        tools.storage.mkdir()
        lay_wheels(scratch / "context")
        base = words.base or debian(tools, scratch)
        tools.buildah(
            "build", "--quiet", "--layers=false", f"--timestamp={epoch()}", f"--build-arg=BASE={base}",
            "--file", ROOT / "Containerfile", "--tag", name, scratch / "context",
        )  # fmt: skip
        print("\n".join(tried(tools, name, lab=words.lab)))
        made = TO / f"stopgap-{version()}.oci.tar"
        tools.podman("save", "--quiet", "--format=oci-archive", "--output", made, name)
    print(f"{made.stat().st_size:>10}  {made.relative_to(ROOT)}")
    return 0


def lay_wheels(context: Path) -> None:
    """Lay Stopgap's wheel, those that it needs and pip's into the folder that the image is built from."""
    [own] = build(context / "own", "wheel")
    (context / "wheels").mkdir()
    wheels_from_pypi(context / "wheels", PYTHON)
    shutil.move(own, context / "wheels")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--dest", str(context / "pip"), "pip"], check=True, stdout=subprocess.DEVNULL)


def debian(tools: Tools, scratch: Path) -> str:
    """Make an image of a minimal Debian 13; return its name."""
    root = scratch / "debian.tar"
    words = ["mmdebstrap", "--variant=minbase", "--quiet", '--aptopt=Acquire::Languages "none"']
    words += [f"--include={','.join(_PACKAGES)}", "--dpkgopt=path-exclude=/usr/share/man/*", "trixie", str(root)]
    made = subprocess.run([*words, *sources("trixie", scratch)], stdin=subprocess.DEVNULL, check=False)
    if made.returncode:
        raise SystemExit("container: mmdebstrap could not make a system of Debian 13")
    container = tools.buildah("from", "scratch")
    tools.buildah("add", "--quiet", container, root, "/")
    tools.buildah("commit", "--quiet", "--rm", container, _BASE)
    root.unlink()
    return _BASE


if __name__ == "__main__":
    sys.exit(main())
