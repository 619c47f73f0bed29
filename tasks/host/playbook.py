"""Running a playbook of Ansible's as it is, as one opaque step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from stopgap.orchestrator.change import Command, RunCommands
from stopgap.orchestrator.change.status import DRIFTED
from stopgap.orchestrator.facts import ABSENT, File, FileFact
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.task import Facts, Note, Parameters, Planned, Probe, Refused, Task
from stopgap.orchestrator.text import tr

_SETTINGS = (
    "LC_ALL=C.UTF-8",
    "ANSIBLE_NOCOLOR=1",
    "ANSIBLE_HOST_KEY_CHECKING=True",
    "ANSIBLE_RETRY_FILES_ENABLED=False",
    "ANSIBLE_DEPRECATION_WARNINGS=False",
)
"""What Ansible needs to know here; ansible.cfg of the user and of the system is read besides."""
_ALONE = "-o ControlMaster=no -o ControlPath=none"
"""Ansible's default leaves a connection behind for a minute, which a later run would take without looking at pins."""
_SCRIPT = (
    "sum=$1 playbook=$2; shift 2\n"
    'if [ "$(sha256sum <"$playbook")" != "$sum  -" ]; then\n'
    f'echo "$playbook has changed since the plan" >&2; exit {DRIFTED}\n'
    "fi\n"
    'exec "$@" 2>&1'
)
"""Ansible tells failures on standard output: its last line there is the recap of the host."""
Path = Annotated[str, StringConstraints(pattern=r"^/[^\x00\n]*$", max_length=4096)]
Word = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=256)]


class PlaybookParams(Parameters):
    """The playbook, and what of it is run."""

    playbook: Path = Field(description="Absolute path of the playbook, on the controller.")
    tags: tuple[Word, ...] = Field(default=(), description="Only tasks with one of these tags (--tags).")
    program: Word = Field(
        default="ansible-playbook",
        description="The program, by name or path, on the controller; of Debian's package ansible-core, or of pip.",
    )


class PlaybookFacts(Facts):
    """Facts of the playbook's file."""

    playbook: FileFact = ABSENT


class AnsiblePlaybook(Task[PlaybookParams, PlaybookFacts]):
    """Run a playbook of Ansible's on the target, from the controller, as one opaque step.

    Stopgap shows the playbook and cannot tell what it does: nothing is predicted, checked or undone. The login is
    Stopgap's own for the host, pins included; the playbook gets no secret.
    """

    name = "ansible.playbook"
    vantages = ("controller",)

    def probe(self, params: PlaybookParams, scene: Scene) -> Probe:
        """Read the playbook."""
        return {"playbook": File(params.playbook)}

    def plan(self, params: PlaybookParams, facts: PlaybookFacts, scene: Scene) -> Iterator[Planned]:
        """Yield the command, with the playbook's text. Raises Refused for a login that Ansible cannot be given."""
        text, digest = facts.playbook.text(), facts.playbook.sha256
        if facts.playbook.kind != "file" or text is None or digest is None:
            raise Refused(tr("{path} is no file that could be shown", path=params.playbook))
        target = scene.target
        words = [params.program, "--inventory", f"{target.name},", "--limit", target.name]
        words += ["--extra-vars", json.dumps(_login(target, scene), sort_keys=True)]
        words += ["--tags", ",".join(params.tags)] if params.tags else []
        words.append(params.playbook)
        yield RunCommands(
            about=tr("run the playbook {path} on {host} by Ansible", path=params.playbook, host=target.name),
            do=(
                Command(
                    argv=("env", *_SETTINGS, "sh", "-c", _SCRIPT, "sh", digest, params.playbook, *words),
                    shown=join(words),
                ),
            ),
            undo=None,
            diff=tuple(f"  {line}" for line in text.splitlines()),
            opaque=True,
        )
        yield Note(text=tr("the roles, files and variables that the playbook names are not shown, and may change"))
        yield Note(
            text=tr("Ansible believes what {host} says of itself, and fills templates with it", host=target.name)
        )


def _login(host: Host, scene: Scene) -> dict[str, Any]:
    """Return the host's login as variables of Ansible's. Raises Refused."""
    if host.connection == "local":
        return {"ansible_connection": "local"}
    if not host.has_shell or host.become_password is not None or host.identity_passphrase is not None:
        raise Refused(
            tr("{host}: Ansible gets no password and no passphrase, and needs a shell there", host=host.name)
        )
    if host.jump is not None and not host.ssh_config:
        raise Refused(
            tr("{host} is behind {jump}: name the way in ~/.ssh/config, and set ssh_config", host=host.name,
               jump=host.jump)
        )  # fmt: skip
    said = host.model_fields_set
    options = ["-o StrictHostKeyChecking=yes", "-o ForwardAgent=no"]
    options += [f"-o UserKnownHostsFile={host.known_hosts}"] if host.known_hosts else []
    alias = host.ssh_config if isinstance(host.ssh_config, str) else host.address
    found: dict[str, Any] = {
        "ansible_connection": "ssh",
        "ansible_host": alias,
        "ansible_ssh_args": _ALONE,
        "ansible_ssh_common_args": " ".join(options),
    }
    if not host.ssh_config or "user" in said:
        found["ansible_user"] = host.user
    if not host.ssh_config or "port" in said:
        found["ansible_port"] = host.port
    if host.identity is not None:
        found["ansible_ssh_private_key_file"] = str(host.identity)
    if host.become is not None:
        found |= {"ansible_become": True, "ansible_become_method": host.become}
    return found
