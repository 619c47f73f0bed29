"""A real PostgreSQL for tests: a cluster in a temporary folder, on a Unix socket, never run by root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

ACCOUNT = "postgres"
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


def programs() -> Path | None:
    """Return the folder of the newest initdb of Debian's package; None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


@dataclass
class Cluster:
    """A running cluster; `stop` and `start` are those of a crash and of a restart."""

    folder: Path
    bin: Path
    process: subprocess.Popen[bytes] | None = None
    frozen: list[int] = field(default_factory=list)

    @classmethod
    def make(cls) -> Cluster:
        """Make and start a cluster."""
        folder, found = Path(tempfile.mkdtemp(prefix="stopgap-postgres-")), programs()
        assert found is not None, "scripts/setup test installs postgresql"
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT)
        made = cls(folder, found)
        try:
            made._run("initdb", "-D", "data", "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
            made.start()
        except BaseException:
            made.end()
            raise
        return made

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        words = [str(self.bin / "postgres"), "-D", "data", "-k", str(self.folder)]
        words += [word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}")]
        self.process = subprocess.Popen(
            [*_as_account("--pdeathsig", "QUIT"), *words],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while self.process.poll() is None:
            with suppress(psycopg.OperationalError), self.connect():
                return
        raise AssertionError("postgres ended")

    def crash(self) -> None:
        """End the server at once, as kill -9 would; its children are gone too."""
        self.thaw()
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """Let every process of the server stand still: connections stay, and nobody answers."""
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.frozen = [self.process.pid, *map(int, children)]
        for each in self.frozen:
            os.kill(each, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the server go on."""
        for each in self.frozen:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)
        self.frozen = []

    def end(self) -> None:
        """End the server, and remove what it kept."""
        self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, account: str = "owner", **more: str) -> str:
        """Return the address of the database."""
        options = "".join(f"&{key}={value}" for key, value in more.items())
        return f"postgresql://{account}@/postgres?host={self.folder}{options}"

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the owner, in autocommit mode."""
        return psycopg.connect(self.url(), autocommit=True)

    def run(self, sql: str, *values: object) -> None:
        """Carry out a statement as the owner."""
        with self.connect() as connection:
            connection.execute(sql.encode(), values or None)

    def by(self, program: str, *words: str, environ: Mapping[str, str] | None = None) -> bytes:
        """Return what a program of PostgreSQL prints: pg_dump, pg_restore, psql."""
        return self._run(program, "-h", str(self.folder), "-U", "owner", *words, environ=environ)

    def _run(self, program: str, *words: str, environ: Mapping[str, str] | None = None) -> bytes:
        done = subprocess.run(
            [*_as_account(), str(self.bin / program), *words],
            cwd=self.folder,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C", **(environ or {})},
            timeout=300,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


def _as_account(*options: str) -> list[str]:
    account = ["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *account, *options] if account or options else []
