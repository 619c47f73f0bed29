"""What the image does: as whom, what it may write, a dry run, a run whose journal stays in the volume."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from release_build.sources import ROOT, version

from container_build.tools import Tools

_RUNBOOK = """\
name: A look at oneself
steps:
  - {task: host.command, with: {argv: ["true"], undo: ["true"]}}
"""
_INVENTORY = "hosts: {here: {address: 127.0.0.1, connection: local}}\n"
_ACCOUNT = 10001
_LAB = Path("/run/stopgap-lab")


def tried(tools: Tools, image: str, *, lab: bool) -> Iterator[str]:
    """Yield what was seen, a line each; raises SystemExit for what is not as it should be."""
    about = json.loads(tools.podman("image", "inspect", image))[0]
    settings = about["Config"]
    yield f"size:      {about['Size'] >> 20} MiB, user {settings['User']}, volumes {list(settings['Volumes'])}"
    names = sorted(word.partition("=")[0] for word in settings["Env"])
    held("its environment has no secret", names == ["HOME", "PATH", "PYTHONDONTWRITEBYTECODE", "STOPGAP_HOME"])
    told = tools.run(image, "--version")
    held("it is this version", version() in told)
    yield f"version:   {told}"
    yield f"help:      {tools.run(image, '--help').splitlines()[0]}"
    yield f"account:   {tools.run(image, options=('--network=none', '--entrypoint=id'))}"
    plain = ("--network=none", "--entrypoint=sh")
    writes = (
        "for each in / /opt/stopgap /etc /incident /state; do touch $each/x 2>/dev/null && echo $each; done; true"
    )
    written = tools.run(image, "-c", writes, options=plain).split()
    held("it writes to /state alone", written == ["/state"])
    raised = "find / -xdev -perm /6000 -type f; grep NoNewPrivs /proc/self/status"
    told = tools.run(image, "-c", raised, options=plain)
    held("no program of it raises its rights", told.split() == ["NoNewPrivs:", "1"])
    yield f"rights:    no program with setuid or setgid, {' '.join(told.split())}"
    with tempfile.TemporaryDirectory(prefix="stopgap-incident-") as folder:
        incident = Path(folder)
        incident.chmod(0o755)
        (incident / "runbook.yaml").write_text(_RUNBOOK)
        (incident / "inventory.yaml").write_text(_INVENTORY)
        yield from _used(tools, image, incident)
    if lab:
        yield from _in_the_lab(tools, image)


def _used(tools: Tools, image: str, incident: Path) -> Iterator[str]:
    """Check, plan and run in containers that share a volume."""
    options = ("--network=none", f"--volume={incident}:/incident:ro", "--volume=stopgap-state:/state")
    one = ("runbook.yaml", "-i", "inventory.yaml", "-t", "here")
    yield f"check:     {tools.run(image, 'check', *one, options=options)}"
    planned = tools.run(image, "run", *one, "--dry-run", options=options).splitlines()
    yield f"dry run:   {next(line for line in planned if line.startswith('Plan'))}"
    tools.run(image, "run", *one, "--yes", options=options)
    # Another container, the same volume: the journal is what is left of the first.
    listed = json.loads(tools.run(image, "runs", "--json", options=options))["runs"]
    held("the journal outlives its container", len(listed) == 1)
    yield f"journal:   {len(listed)} run after its container is gone"


def _in_the_lab(tools: Tools, image: str) -> Iterator[str]:
    """Plan the containment of the lab's web server, from the operator's namespace, with the lab's key."""
    with tempfile.TemporaryDirectory(prefix="stopgap-incident-") as folder:
        incident = Path(folder)
        incident.chmod(0o755)
        for name in ("known_hosts", "id_ed25519"):
            shutil.copy(_LAB / name, incident / name)
            shutil.chown(incident / name, _ACCOUNT, _ACCOUNT)
        inventory = (ROOT / "inventories/lab.yaml").read_text().replace(f"{_LAB}/", "./")
        (incident / "inventory.yaml").write_text(inventory)
        options = ("--network=host", f"--volume={incident}:/incident:ro", "--volume=stopgap-lab:/state")
        words = ("contain", "-i", "inventory.yaml", "-t", "web", "-p", "contact=noc@example.jp", "--dry-run")
        planned = tools.run(image, "run", *words, options=options).splitlines()
        yield f"lab:       {next(line for line in planned if line.startswith('Plan'))}"


def held(what: str, is_so: bool) -> None:
    """Raise SystemExit where something does not hold."""
    if not is_so:
        raise SystemExit(f"container: it is not so that {what}")
