"""Two sites in network namespaces: a database's network, and behind it two sites with the same private addresses."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

SITES = ("osaka", "tokyo")
RUNNERS = 2
"""Runners of each site."""
EDGE, LAN = "10.1.0.1", "10.1.1.0/24"
"""The router of each site, and the network behind it: both sites have the same."""
DATABASE = "10.77.0.1"
PATIENCE = 300.0
"""Seconds in which anything that is waited for has to come."""
_HUB = "sgq-db"
_CLI = "from stopgap.orchestrator.cli import main; import sys; sys.exit(main(sys.argv[1:]))"


def wait_until(holds: Callable[[], bool], what: str, pause: float = 0.3) -> None:
    """Wait for something; raises SystemExit when patience is over."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"not within {PATIENCE:.0f} s: {what}")
        time.sleep(pause)


def do(*words: str, feed: str = "") -> str:
    """Run a command; raises SystemExit with what it says where it fails."""
    done = subprocess.run(words, cwd="/", capture_output=True, text=True, input=feed)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def within(namespace: str, *words: str) -> list[str]:
    """Return the words that run a command in a namespace."""
    return ["ip", "netns", "exec", namespace, *words]


class Database:
    """A PostgreSQL of its own: on a Unix socket, and in the lab in a namespace over TCP too."""

    def __init__(self, folder: Path, namespace: str = "", settings: str = "") -> None:
        self.folder, self._namespace, self._settings = folder, namespace, settings
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self._as = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._as:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._do("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "--no-sync")
        with (folder / "data" / "pg_hba.conf").open("a") as file:
            file.write("host all all 10.77.0.0/24 trust\n")
        self.start()

    @property
    def address(self) -> str:
        """The address for this machine."""
        return f"postgresql://postgres@/postgres?host={self.folder}"

    @property
    def far(self) -> str:
        """The address for the namespaces."""
        return f"postgresql://postgres@{DATABASE}/postgres"

    def start(self) -> None:
        """Start the server, after a crash too."""
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        listen = DATABASE if self._namespace else ""
        options = f"-k {self.folder} -h '{listen}' -c max_connections=200 {self._settings}"
        self._do(
            "pg_ctl", "-D", str(self.folder / "data"), "-o", options, "-l", str(self.folder / "log"), "-w", "start"
        )

    def cpu(self) -> float:
        """Return the seconds of CPU of all processes of the server so far, those that have ended included."""
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        ticks = 0
        for pid, fields in ((postmaster, 4), *((int(child), 2) for child in children)):
            with contextlib.suppress(OSError):  # it ends in between, and counts as a child of the postmaster then
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, stat[11 : 11 + fields]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """Kill the postmaster and its processes with -9."""
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (postmaster, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in (postmaster, *children)), "the database ends"
        )

    def stop(self) -> None:
        """Stop the server at once."""
        self._do("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def _do(self, program: str, *words: str) -> None:
        inside = within(self._namespace) if self._namespace else []
        # Its own output goes to a file: a server that is started holds the pipe open.
        with (self.folder.parent / "pg.out").open("w+") as said:
            done = subprocess.run(
                [*inside, *self._as, str(self._bin / program), *words], cwd="/", stdout=said, stderr=said
            )
            if done.returncode:
                said.seek(0)
                raise SystemExit(f"{program}: {said.read()}")


class Networks:
    """The namespaces: of the database, of each site with its SSH server, of each runner between the two."""

    def __init__(self, top: Path, targets: int) -> None:
        self.top = top
        self._servers: list[subprocess.Popen[bytes]] = []
        self.down()
        self._bridge(_HUB, f"{DATABASE}/24")
        for kind in ("host", "identity"):
            do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(top / kind))
        for number, site in enumerate(SITES):
            self._bridge(self.lan(site), f"{EDGE}/24")
            self._hosts(site, targets)
            for runner in range(RUNNERS):
                name = self.runner(site, runner)
                do("ip", "netns", "add", name)
                self._link(name, "wan", _HUB, f"10.77.0.{11 + number * 10 + runner}/24")
                self._link(name, "lan", self.lan(site), f"10.1.0.{11 + runner}/24")
                do("ip", "-n", name, "route", "add", LAN, "via", EDGE)
            self._serve(self.lan(site))

    @staticmethod
    def lan(site: str) -> str:
        """The namespace of a site's router."""
        return f"sgq-{site}"

    @staticmethod
    def host(site: str, number: int) -> str:
        """The namespace of a host behind a site's router."""
        return f"sgq-{site}-h{number}"

    @staticmethod
    def runner(site: str, number: int) -> str:
        """The namespace of a runner."""
        return f"sgq-{site}-{number}"

    @staticmethod
    def target(number: int) -> str:
        """The address of a host behind the router, the same at each site."""
        return f"10.1.1.{10 + number}"

    def cut(self, site: str, number: int) -> None:
        """Cut the network between a runner and the database: packets are lost, nobody is told."""
        do("ip", "-n", self.runner(site, number), "link", "set", "wan", "down")

    def mend(self, site: str, number: int) -> None:
        """Mend it again."""
        do("ip", "-n", self.runner(site, number), "link", "set", "wan", "up")

    def down(self) -> None:
        """End the SSH servers, and remove the namespaces of an earlier play too."""
        for server in self._servers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        known = {line.split()[0] for line in do("ip", "netns", "list").splitlines()}
        for name in known:
            if name.startswith("sgq-"):
                for pid in do("ip", "netns", "pids", name).split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                do("ip", "netns", "delete", name)

    def _hosts(self, site: str, count: int) -> None:
        """Make the hosts of a site, each in a namespace of its own, on one segment behind the router."""
        edge = self.lan(site)
        for words in (
            ("link", "add", "behind", "type", "bridge"),
            ("addr", "add", "10.1.1.1/24", "dev", "behind"),
            ("link", "set", "behind", "up"),
        ):
            do("ip", "-n", edge, *words)
        do(*within(edge, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1"))
        for number in range(count):
            name = self.host(site, number)
            do("ip", "netns", "add", name)
            do("ip", "-n", edge, "link", "add", f"h{number}", "type", "veth", "peer", "name", "lan", "netns", name)
            do("ip", "-n", edge, "link", "set", f"h{number}", "master", "behind", "up")
            do("ip", "-n", name, "link", "set", "lo", "up")
            do("ip", "-n", name, "addr", "add", f"{self.target(number)}/24", "dev", "lan")
            do("ip", "-n", name, "link", "set", "lan", "up")
            do("ip", "-n", name, "route", "add", "default", "via", "10.1.1.1")
            self._serve(name)

    def _bridge(self, name: str, address: str) -> None:
        do("ip", "netns", "add", name)
        for words in (
            ("link", "set", "lo", "up"),
            ("link", "add", "bridge", "type", "bridge"),
            ("addr", "add", address, "dev", "bridge"),
            ("link", "set", "bridge", "up"),
        ):
            do("ip", "-n", name, *words)

    def _link(self, name: str, device: str, bridge: str, address: str) -> None:
        far = f"{name.removeprefix('sgq-')}-{device[0]}"
        do("ip", "-n", bridge, "link", "add", far, "type", "veth", "peer", "name", device, "netns", name)
        do("ip", "-n", bridge, "link", "set", far, "master", "bridge", "up")
        do("ip", "-n", name, "link", "set", "lo", "up")
        do("ip", "-n", name, "addr", "add", address, "dev", device)
        do("ip", "-n", name, "link", "set", device, "up")

    def _serve(self, name: str) -> None:
        """Start the SSH server of a namespace, with a /run of its own."""
        conf = self.top / f"{name}.sshd"
        conf.write_text(
            f"HostKey {self.top / 'host'}\nAuthorizedKeysFile {self.top / 'identity.pub'}\nPermitRootLogin yes\n"
            "StrictModes no\nUsePAM no\nPidFile none\nMaxStartups 200\nPasswordAuthentication no\n"
        )
        script = f"mount -t tmpfs tmpfs /run && mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f {conf}"
        with (self.top / f"{name}.sshd.log").open("ab") as log:
            self._servers.append(
                subprocess.Popen(
                    within(name, "unshare", "-m", "sh", "-c", script), stdout=log, stderr=log, start_new_session=True
                )
            )

    def known_hosts(self) -> str:
        """The lines that pin the key of every address."""
        key = " ".join((self.top / "host.pub").read_text().split()[:2])
        return f"10.1.* {key}\n"


class Runners:
    """The runners of the sites, each a process in a namespace of its own, with a home of its own."""

    def __init__(self, top: Path, networks: Networks, database: Database) -> None:
        self._top, self._networks, self._database = top, networks, database
        self._log = (top / "runners.log").open("ab")
        self.of: dict[tuple[str, int], subprocess.Popen[bytes]] = {}

    def start(self, site: str, number: int) -> None:
        """Start a runner."""
        home = self._top / f"home-{site}-{number}"
        home.mkdir(mode=0o700, exist_ok=True)
        words = ["runner", "--site", site, "-i", str(self._top / f"{site}.json"), "--slots", "2"]
        self.of[site, number] = subprocess.Popen(
            self.words(site, number, words), stdout=self._log, stderr=self._log, env=self.environ(site, number)
        )

    def words(self, site: str, number: int, words: Sequence[str]) -> list[str]:
        """Return the words that run stopgap in the namespace of a runner."""
        return within(self._networks.runner(site, number), sys.executable, "-c", _CLI, *words)

    def environ(self, site: str, number: int) -> dict[str, str]:
        """Return the environment of a runner."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("STOPGAP_")}
        home = self._top / f"home-{site}-{number}"
        return environ | {"STOPGAP_HOME": str(home), "STOPGAP_JOURNAL": self._database.far}

    def working_on(self, run: str) -> tuple[str, int] | None:
        """Return the runner that has a process for a run; None for nobody."""
        for key, process in self.of.items():
            for pid in self._children(process.pid):
                with contextlib.suppress(OSError):
                    if run.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                        return key
        return None

    def kill(self, key: tuple[str, int]) -> None:
        """Kill a runner with -9, and wait until its runs' processes are gone with it."""
        process = self.of[key]
        children = self._children(process.pid)
        process.kill()
        process.wait()
        wait_until(lambda: not any(_lives(pid) for pid in children), "the processes of a killed runner end", 0.05)

    def signal(self, key: tuple[str, int], number: int) -> None:
        """Send a signal to a runner and to the processes of its runs."""
        for pid in (self.of[key].pid, *self._children(self.of[key].pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        """Kill all."""
        for key, process in self.of.items():
            self.signal(key, signal.SIGCONT)
            process.kill()
            process.wait()
        self._log.close()

    @staticmethod
    def _children(pid: int) -> list[int]:
        try:
            return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def remove(top: Path) -> None:
    """Remove the folder of a play."""
    shutil.rmtree(top, ignore_errors=True)
