"""`stopgap` in a process of its own, forked from this one, which has its modules loaded already."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from lab_hosts.state import NAMESPACES
from lab_hosts.topology import BY_NAME

import stopgap.orchestrator.cli.history
import stopgap.orchestrator.cli.run
import stopgap.orchestrator.cli.undo
import stopgap.orchestrator.evidence
import stopgap.orchestrator.findings
import stopgap.orchestrator.remote.ssh
import stopgap.orchestrator.report
import stopgap.orchestrator.run.runner
from stopgap.orchestrator.cli import main
from stopgap.orchestrator.registry import tasks

ROOT = Path(__file__).resolve().parents[2]
STOPGAP = str(ROOT / ".venv" / "bin" / "stopgap")
TIMEOUT = 240.0
SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def stopgap(
    home: Path, *words: str, then: Sequence[Sequence[str]] = (), before: Callable[[], None] = lambda: None
) -> subprocess.CompletedProcess[str]:
    """Run it in the operator's namespace with a state folder; `before` is called in its process first.

    With `then`, the same process goes on with these commands.
    """
    tasks()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _become(home, (words, *then), before, out, err)
        end = time.monotonic() + TIMEOUT
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                break
            if time.monotonic() > end:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return subprocess.CompletedProcess(words, 124, "", f"Traceback: still running after {TIMEOUT:.0f} s")
            time.sleep(0.01)
        out.seek(0)
        err.seek(0)
        said = (out.read().decode(errors="replace"), err.read().decode(errors="replace"))
        return subprocess.CompletedProcess(words, os.waitstatus_to_exitcode(status), *said)


def _become(
    home: Path, commands: Sequence[Sequence[str]], before: Callable[[], None], out: IO[bytes], err: IO[bytes]
) -> None:
    """Be `stopgap`, and never return."""
    code = 70
    try:
        os.setsid()
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, number in ((nothing, 0), (out.fileno(), 1), (err.fileno(), 2)):
            os.dup2(descriptor, number)
        _enter("operator")
        os.chdir(ROOT)
        os.environ["STOPGAP_HOME"] = str(home)
        before()
        code = 0
        for words in commands:
            code = main(words) or code
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.current_thread():
                thread.join()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 2
    except BaseException as error:
        print(f"Traceback: {error!r}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _enter(host: str) -> None:
    with (NAMESPACES / BY_NAME[host].namespace).open("rb") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")
