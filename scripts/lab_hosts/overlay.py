"""What a host is given on top of the shared image, before it boots: its files, name, keys and services."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from .topology import Node

ROOTFS = Path(__file__).parent / "rootfs"
WANTED_BY = {"frr": "multi-user.target", "bird": "multi-user.target", "nftables": "sysinit.target"}
STARTED_BY_IMAGE = ("apache2", "postfix")


def seed(upper: Path, image: Path, node: Node, host_key: Path, operator_key: Path) -> None:
    """Fill a host's overlay. A file that replaces one of the image takes its owner and mode."""
    units = Path("etc/systemd/system")
    _copy_tree(ROOTFS / node.name, upper, image)
    _write(upper, image, "etc/hostname", f"{node.name}\n")
    _write(upper, image, "etc/machine-id", f"{uuid.uuid4().hex}\n")
    _write(upper, image, "etc/ssh/ssh_host_ed25519_key", host_key.read_text(), 0o600)
    _write(upper, image, "etc/ssh/ssh_host_ed25519_key.pub", host_key.with_suffix(".pub").read_text())
    _directory(upper, image, Path("root/.ssh")).chmod(0o700)
    _write(upper, image, "root/.ssh/authorized_keys", operator_key.with_suffix(".pub").read_text(), 0o600)
    for service in STARTED_BY_IMAGE:
        if service not in node.services:
            (_directory(upper, image, units) / f"{service}.service").symlink_to("/dev/null")
    for service, target in WANTED_BY.items():
        if service in node.services:
            wants = _directory(upper, image, units / f"{target}.wants")
            (wants / f"{service}.service").symlink_to(f"/lib/systemd/system/{service}.service")


def _copy_tree(source: Path, upper: Path, image: Path) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file():
            name = path.relative_to(source)
            _write(upper, image, str(name), path.read_text())


def _write(upper: Path, image: Path, name: str, text: str, mode: int | None = None) -> None:
    target = _directory(upper, image, Path(name).parent) / Path(name).name
    target.write_text(text)
    replaced = image / name
    if replaced.is_file():
        shutil.copymode(replaced, target)
    owner = replaced if replaced.is_file() else image / Path(name).parent
    if owner.exists():
        os.chown(target, owner.stat().st_uid, owner.stat().st_gid)
    if mode is not None:
        target.chmod(mode)


def _directory(upper: Path, image: Path, name: Path) -> Path:
    """The directory in the overlay, with the image's owner and mode all the way: an overlay's own would win."""
    for part in (*reversed(name.parents), name):
        made = upper / part
        if not made.is_dir() or part == Path():
            made.mkdir(exist_ok=True)
            if (image / part).is_dir():
                shutil.copystat(image / part, made)
                os.chown(made, (image / part).stat().st_uid, (image / part).stat().st_gid)
    return upper / name
