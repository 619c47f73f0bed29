"""Canaries in every source of secrets, a task that sings, and a search through all that was written and started."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .bench import Bench

HERE = Path(__file__).parent / "canary_tasks"
PROGRAM = """\
import sys, stopgap.tasks
stopgap.tasks.__path__.append(sys.argv.pop(1))
from stopgap.orchestrator.cli import main
sys.exit(main(sys.argv[1:]))
"""
CANARIES = {"env": "kanarie-Rood/1+", "file": "canari-jaune-2", "command": "カナリア-四羽"}


def traces(data: bytes) -> list[str]:
    """Give the canaries that the bytes hold, plain or in a usual encoding."""
    return [
        canary
        for canary in CANARIES.values()
        for form in (
            canary.encode(),
            json.dumps(canary)[1:-1].encode(),
            canary.encode().hex().encode(),
            base64.b64encode(canary.encode()).rstrip(b"=")[:-1],
            base64.b64encode(b"user:" + canary.encode())[8:].rstrip(b"=")[:-1],
        )
        if form in data
    ]


class Watch:
    """Reads command line and environment of every process below one, again and again."""

    def __init__(self, top: int) -> None:
        self.found: set[str] = set()
        self.seen: set[int] = set()
        self._top = top
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.005):
            own = self._read(self._top, "cmdline")
            self.found.update(f"{hit} in {own!r}" for hit in traces(own))
            for pid in self._below(self._top):
                self.seen.add(pid)
                # A child is its parent until exec(2); and the source of a secret is the operator's own choice.
                words = self._read(pid, "cmdline")
                environment = self._read(pid, "environ")
                if words not in {b"", own} and words == self._read(pid, "cmdline") and words[:4] != b"cat\0":
                    hits = traces(words + environment)
                    self.found.update(f"{hit} in {words!r}" for hit in hits)

    def _below(self, pid: int) -> Iterator[int]:
        try:
            threads = list(Path(f"/proc/{pid}/task").iterdir())
        except OSError:
            return
        for thread in threads:
            for child in self._read(pid, f"task/{thread.name}/children").split():
                yield int(child)
                yield from self._below(int(child))

    @staticmethod
    def _read(pid: int, name: str) -> bytes:
        try:
            return Path(f"/proc/{pid}/{name}").read_bytes()
        except OSError:
            return b""


@pytest.fixture
def references(tmp_path: Path) -> dict[str, str]:
    for kind in ("file", "command"):
        (tmp_path / f"of-{kind}").write_text(CANARIES[kind] + "\n")
    return {"env": "env:CANARY", "file": f"file:{tmp_path}/of-file", "command": f"command:cat {tmp_path}/of-command"}


def stopgap(bench: Bench, *words: str) -> tuple[int, bytes]:
    """Run the command line in a process of its own, watched; give exit status and all that it said."""
    argv = [sys.executable, "-c", PROGRAM, str(HERE), *words]
    temporary = bench.top / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "CANARY": CANARIES["env"], "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment
    )
    with Watch(process.pid) as watch:
        said, _ = process.communicate(timeout=60)
    assert not watch.found
    assert watch.seen or process.returncode != 0 or words[0] != "run" or "--dry-run" in words
    return process.returncode, said


def runbook(bench: Bench, mischief: str, **step: object) -> str:
    steps = [
        {
            "id": kind,
            "task": "test.careless",
            "on_failure": "continue",
            "with": {"token": f"{{{{ params.{kind} }}}}", "path": str(bench.files / kind), "mischief": mischief},
            **step,
        }
        for kind in CANARIES
    ]
    slow = {"id": "slow", "task": "host.command", "with": {"argv": ["sleep", "0.3"], "reads": True}}
    return bench.runbook(*steps, slow, params={kind: {"type": "secret"} for kind in CANARIES})


def written(bench: Bench) -> dict[str, list[str]]:
    """Give the canaries in every file that a run left anywhere, by file."""
    found = {}
    for path in bench.top.rglob("*"):
        if path.is_file() and path.name not in {"of-file", "of-command"} and (hits := traces(path.read_bytes())):
            found[str(path)] = hits
    return found


def test_a_run_leaves_no_trace_of_a_secret(bench: Bench, references: dict[str, str]) -> None:
    given = [word for kind, reference in references.items() for word in ("-p", f"{kind}={reference}")]
    words = ("run", runbook(bench, "tell"), "-i", str(bench.inventory), "-t", "a", *given)
    for more, status in (
        (("--dry-run", "--save-plan", str(bench.top / "plan")), 0),
        (("--yes", "--json"), 0),
        (("--yes",), 0),
    ):
        code, said = stopgap(bench, *words, *more)
        assert code == status, said.decode()
        assert not traces(said)
        assert b"\xe2\x80\xb9secret env:CANARY" in said or b"\\u2039secret env:CANARY" in said
    assert {path.name: path.read_text() for path in bench.files.iterdir()} == dict.fromkeys(
        CANARIES, "nothing of it\n"
    )
    for form in ("html", "md", "json"):
        code, said = stopgap(bench, "report", "last", "--format", form)
        assert (code, traces(said)) == (0, [])
    for command in ("show", "status", "runs", "verify", "undo"):
        more = {"status": (), "runs": (), "undo": ("last", "--yes")}.get(command, ("last",))
        code, said = stopgap(bench, command, *more)
        assert (code, traces(said)) == (0, []), said
    assert (bench.top / "home" / "journal.sqlite").exists()
    assert not written(bench)


@pytest.mark.parametrize("mischief", ["file", "argv", "base64"])
def test_a_change_that_would_carry_a_secret_to_a_host_is_refused_before_anything_is_done(
    bench: Bench, references: dict[str, str], mischief: str
) -> None:
    given = [word for kind, reference in references.items() for word in ("-p", f"{kind}={reference}")]
    for on in ("target", "controller"):
        path = runbook(bench, mischief, on=on)
        for more in ("--dry-run", "--yes"):
            code, said = stopgap(bench, "run", path, "-i", str(bench.inventory), "-t", "a", *given, more)
            assert not traces(said)
            assert "it would send ‹secret env:CANARY›" in said.decode()
            assert code == 4
    assert not list(bench.files.iterdir())
    assert not written(bench)


@pytest.mark.parametrize(("mischief", "status"), [("fail", 1), ("crash", 1)])
def test_a_failure_or_a_crash_tells_no_secret(
    bench: Bench, references: dict[str, str], mischief: str, status: int
) -> None:
    given = [word for kind, reference in references.items() for word in ("-p", f"{kind}={reference}")]
    words = ("run", runbook(bench, mischief), "-i", str(bench.inventory), "-t", "a", *given, "--yes")
    for more in ((), ("--json",)):
        code, said = stopgap(bench, *words, *more)
        assert (code, traces(said)) == (status, []), said.decode()
    assert bool(list((bench.top / "home" / "errors").glob("*.txt"))) == (mischief == "crash")
    assert not written(bench)


def test_resume_fetches_the_secret_again(bench: Bench, references: dict[str, str]) -> None:
    given = [word for kind, reference in references.items() for word in ("-p", f"{kind}={reference}")]
    path = runbook(bench, "fail")
    stopgap(bench, "run", path, "-i", str(bench.inventory), "-t", "a", *given, "--yes")
    code, said = stopgap(bench, "resume", "last", "--yes")
    assert (code, traces(said)) == (1, [])
    assert "no such password ‹secret env:CANARY›" in said.decode()
    (bench.top / "of-file").unlink()
    code, said = stopgap(bench, "resume", "last", "--yes")
    assert code == 2
    assert "the parameter file: file:" in said.decode()


@pytest.mark.parametrize(("mischief", "status"), [("tell", 0), ("crash", 1)])
def test_the_log_tells_no_secret(bench: Bench, references: dict[str, str], mischief: str, status: int) -> None:
    given = [word for kind, reference in references.items() for word in ("-p", f"{kind}={reference}")]
    words = ("run", runbook(bench, mischief), "-i", str(bench.inventory), "-t", "a", *given, "--yes")
    log = bench.top / "debug.log"
    code, said = stopgap(bench, *words, "-vv", "--debug", str(log))
    assert (code, traces(said)) == (status, []), said.decode()
    assert " a slow orchestrator" not in log.read_text()
    assert " a env run: step-finished, outcome " in log.read_text()
    assert not written(bench)
