"""The command `stopgap` without Python's start: a fork of a process that has imported all modules.

A start of the interpreter with all imports takes up to a second of processor time, a fork some hundredths. For tests
whose subject is what a command does. Tests of the start itself (imports, installed scripts, terminals) start the
installed command.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def stopgap() -> Path:
    """Return the path of a program named `stopgap`, to be used like the installed one.

    The server behind the program starts with the first call, and ends with this process, however this process ends.
    """
    folder = Path(tempfile.mkdtemp(prefix="forkserver-"))
    program = folder / "stopgap"
    program.write_text(f"#!{sys.executable} -ISE\n{Path(__file__).with_name('launcher.py').read_text()}")
    program.chmod(0o755)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.forkserver.server", folder],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    _SERVERS.append((server, folder))
    atexit.register(_end)
    return program


_SERVERS: list[tuple[subprocess.Popen[bytes], Path]] = []
"""Referenced, so that the pipe to the server closes with this process and not before."""


def _end() -> None:
    """End the server of this process, if there is one."""
    while _SERVERS:
        server, folder = _SERVERS.pop()
        assert server.stdin is not None
        server.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)
