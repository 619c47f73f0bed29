"""How `web` comes to look broken into: the files of `plant/`, handed over and run there, as an intruder would."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from .failure import LabError

PLANT = Path(__file__).parent / "plant"
REMOTE = r"""
for order in 1 2 3 4 5; do
    printf 'Subject: Your order %d\nTo: customer@shipping.example\n\nIt is on its way.\n' $order |
        sendmail -f shop@example.jp -t || exit
done
kit=$(mktemp -d /run/plant.XXXXXX) && tar -xC $kit --no-same-owner && sh $kit/plant TOKEN
code=$?; rm -rf $kit; exit $code
"""


def imitate(ssh: Sequence[str], token: str) -> None:
    """Plant the imitation over `ssh` (a command line that takes one remote command), and leave mail in the queue.

    The mails stay deferred, since the hosts have no name server. Raises LabError when the host refuses.
    """
    kit = io.BytesIO()
    with tarfile.open(fileobj=kit, mode="w") as archive:
        archive.add(PLANT, arcname=".")
    done = subprocess.run([*ssh, REMOTE.replace("TOKEN", token)], input=kit.getvalue(), capture_output=True)
    if done.returncode:
        raise LabError(f"web could not be made to look broken into: {done.stderr.decode(errors='replace').strip()}")
