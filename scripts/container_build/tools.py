"""buildah and podman, with storage of their own that goes with the script."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

# podman's runtime wants control groups of version 2; a machine with others gets them for this call alone.
_UNIFIED = """
[ -e /sys/fs/cgroup/cgroup.controllers ] || { umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; }
exec "$@"
"""


@dataclass(frozen=True)
class Tools:
    """Calls of buildah and podman on one storage."""

    storage: Path

    def buildah(self, *words: str | Path) -> str:
        """Call buildah; return what it prints. Raises SystemExit where it fails."""
        return self._call("buildah", *words)

    def podman(self, *words: str | Path) -> str:
        """Call podman; return what it prints. Raises SystemExit where it fails."""
        return self._call("unshare", "--mount", "sh", "-ec", _UNIFIED, "unified", "podman", *self._place, *words)

    def run(self, image: str, *words: str | Path, options: tuple[str | Path, ...] = ()) -> str:
        """Run the image as it is meant to be run: read-only, without capabilities and without a network."""
        narrow = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--cgroups=disabled"]
        # A machine whose limits are lower than podman's own would refuse to raise them.
        limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]
        return self.podman("run", "--rm", *narrow, *limits, *(options or ("--network=none",)), image, *words)

    @property
    def _place(self) -> list[str]:
        return [f"--root={self.storage}/store", f"--runroot={self.storage}/run"]

    def _call(self, *words: str | Path) -> str:
        if words[0] == "buildah":
            words = (words[0], *self._place, *words[1:])
        env = os.environ | {"BUILDAH_ISOLATION": "chroot", "TMPDIR": str(self.storage)}
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"container: {' '.join(map(str, words[-6:]))}: {(done.stdout + done.stderr)[-3000:]}")
        return done.stdout.strip()
