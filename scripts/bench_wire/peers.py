"""The eight files of `eight` by Ansible with pipelining, by Ansible with Mitogen, and by pyinfra.

They come from PyPI, into an environment of the bench's own (.peers), when `--peers` is first asked for.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench_wire.eight import PATHS, WEB, write_runbook
from bench_wire.place import INVENTORY, KEY, KNOWN_HOSTS, OPERATOR, ROOT, Place, distance, ssh, timed
from bench_wire.table import Row

FOLDER = ROOT / ".peers"
WANTED = ("ansible-core>=2.17,<2.19", "mitogen>=0.3.20,<0.4", "pyinfra>=3,<4")
PLAYBOOK = [
    {
        "hosts": "web",
        "gather_facts": False,
        "tasks": [{"copy": {"dest": path, "content": f"{n}\n", "mode": "0644"}} for n, path in enumerate(PATHS)],
    }
]
DEPLOY = f"""\
from io import StringIO
from pyinfra.operations import files
for n, path in enumerate({PATHS!r}):
    files.put(name=path, src=StringIO(f"{{n}}\\n"), dest=path, mode="644")
"""


def set_up() -> None:
    """Install the peers, unless they are there."""
    done = FOLDER / ".set-up"
    if done.exists() and done.read_text() == "\n".join(WANTED):
        return
    print(f"Installing {', '.join(WANTED)} into {FOLDER}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
    pip = [FOLDER / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *WANTED], check=True)
    done.write_text("\n".join(WANTED))


def measure(place: Place) -> Iterator[Row]:
    """Each from a cold start, and cold again the next time: Stopgap beside the peer."""
    runbook = write_runbook(place)
    _give_python()
    ways: dict[str, Callable[[], float]] = {
        "Ansible, pipelining": _ansible(place, {}),
        "Ansible, Mitogen": _ansible(place, {"ANSIBLE_STRATEGY": "mitogen_linear"}),
        "pyinfra": _pyinfra(place),
    }
    for round_trip in place.round_trips:
        with distance(round_trip):
            ours: list[float] = []
            theirs: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(place.attempts):
                ours.append(place.stopgap("run", str(runbook), "-i", str(INVENTORY), "-t", "web", "--yes"))
                place.undo()
                for name, run in ways.items():
                    theirs[name].append(run())
                    timed(ssh(WEB, "rm", "-f", *PATHS))
            for name, times in theirs.items():
                yield Row(f"eight steps / {name}, {round_trip:g} ms", tuple(ours), tuple(times))


def _give_python() -> None:
    """Ansible needs more of Python on its target than the lab's Debian has: lend it this machine's, of Debian too.

    It goes with the lab.
    """
    library = Path("usr/lib/python3.11")
    if not (Path("/") / library / "shutil.py").exists():
        raise SystemExit(f"--peers needs /{library} (Debian package libpython3.11-stdlib) to lend it to Ansible")
    words = " ".join(map(shlex.quote, ssh(WEB, "tar", "-C", "/", "--skip-old-files", "-xf", "-")))
    line = f"tar -C / --exclude=__pycache__ -cf - {library} | {words}"
    subprocess.run(["sh", "-c", line], check=True)


def _ansible(place: Place, more: dict[str, str]) -> Callable[[], float]:
    folder = place.folder / "ansible"
    sockets = folder / "sockets"
    sockets.mkdir(parents=True, exist_ok=True)
    (folder / "play.json").write_text(json.dumps(PLAYBOOK))
    variables = (
        f"ansible_host={WEB} ansible_user=root ansible_ssh_private_key_file={KEY} "
        "ansible_python_interpreter=/usr/bin/python3"
    )
    (folder / "hosts").write_text(f"web {variables}\n")
    strict = f"-o UserKnownHostsFile={KNOWN_HOSTS} -o IdentitiesOnly=yes -o IdentityAgent=none"
    env = {
        **os.environ,
        "HOME": str(folder),
        "PATH": f"{FOLDER / 'bin'}:{os.environ['PATH']}",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_SSH_ARGS": f"-o ControlMaster=auto -o ControlPersist=60s {strict}",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
        "ANSIBLE_STRATEGY_PLUGINS": str(_strategies()),
        **more,
    }
    argv = [*OPERATOR, str(FOLDER / "bin/ansible-playbook"), "-i", str(folder / "hosts"), str(folder / "play.json")]

    def run() -> float:
        took = timed(argv, env=env)
        for socket in sockets.iterdir():
            timed(ssh(WEB, options=("-O", "exit", "-o", f"ControlPath={socket}")), accept=(0, 255))
        return took

    return run


def _strategies() -> Path:
    return next(FOLDER.glob("lib/python3*/site-packages/ansible_mitogen/plugins/strategy"))


def _pyinfra(place: Place) -> Callable[[], float]:
    folder = place.folder / "pyinfra"
    folder.mkdir(exist_ok=True)
    login = {
        "ssh_user": "root",
        "ssh_key": str(KEY),
        "ssh_known_hosts_file": str(KNOWN_HOSTS),
        "ssh_strict_host_key_checking": "yes",
    }
    (folder / "inventory.py").write_text(f"web = [({WEB!r}, {login!r})]\n")
    (folder / "deploy.py").write_text(DEPLOY)
    argv = [*OPERATOR, str(FOLDER / "bin/pyinfra"), "-y", str(folder / "inventory.py"), str(folder / "deploy.py")]
    return lambda: timed(argv, env={**os.environ, "HOME": str(folder)})
