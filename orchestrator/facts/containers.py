"""Containers of docker and podman, as their runtimes know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import ValidationError

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_json

Runtime: TypeAlias = Literal["docker", "podman"]
RUNTIMES: tuple[Runtime, ...] = ("docker", "podman")
_MARKS: dict[Runtime, str] = {"docker": r"docker[-/][0-9a-f]", "podman": "libpod-[0-9a-f]"}
"""What the control groups of a runtime's containers are called (basic regular expressions)."""
_SHOWN = (
    '{"id":{{json .ID}},"name":{{json .Name}},"restart":{{json .HostConfig.RestartPolicy.Name}},'
    '"retries":{{json .HostConfig.RestartPolicy.MaximumRetryCount}},"removes":{{json .HostConfig.AutoRemove}},'
    '"unit":{{json (index .Config.Labels "PODMAN_SYSTEMD_UNIT")}},"published":{{json .HostConfig.PortBindings}}}'
)


class ContainerFact(Fact):
    """One running container."""

    runtime: Runtime
    id: str
    """64 hexadecimal digits."""
    name: str = ""
    restart: str = ""
    """Restart policy: `no`, `always`, `unless-stopped`, `on-failure`; empty: none."""
    retries: int = 0
    """Most restarts of `on-failure`; 0: without limit."""
    removes: bool = False
    """The runtime deletes the container once it has stopped."""
    unit: str = ""
    """systemd unit behind the container (podman-systemd.unit(5))."""
    ports: tuple[int, ...] = ()
    """Published ports of the host."""


@dataclass(frozen=True)
class Containers(Reader[tuple[ContainerFact, ...]]):
    """Read the running containers of docker and podman.

    A runtime is asked only where a process is in a control group of the runtime: no daemon and no store is set up by
    the question. A runtime that does not answer is left out, and no container of that runtime is known.
    """

    deadline = 20.0

    def script(self) -> str:
        """Return the script: `RUNTIME {…}` for each container; nothing of a runtime that fails or keeps silent."""
        ask = 'ask() { if command -v timeout >/dev/null; then timeout 8 "$@"; else "$@"; fi; }'
        asked = "\n".join(
            f"if grep -q -e '{_MARKS[runtime]}' /proc/[0-9]*/cgroup 2>/dev/null &&\n"
            f'command -v {runtime} >/dev/null && ids=$(ask {runtime} ps -q --no-trunc) && [ "$ids" ]; then\n'
            f"ask {runtime} inspect --type container --format '{runtime} {_SHOWN}' $ids; fi"
            for runtime in RUNTIMES
        )
        return f"{ask}\n{asked}\ntrue"

    def parse(self, output: Output) -> tuple[ContainerFact, ...]:
        """Parse the lines; raises UnreadableError."""
        if output.status != 0 or output.truncated:
            raise UnreadableError(f"containers: {output.stderr.last_line() or 'no complete answer'}")
        return tuple(_container(line) for line in output.stdout.lines())


def _container(line: str) -> ContainerFact:
    runtime, _, text = line.partition(" ")
    try:
        said = parse_json(text)
        if not isinstance(said, dict):
            raise ValueError
        bound = said.pop("published") or {}
        ports = {int(str(each["HostPort"])) for ends in bound.values() for each in ends or () if each.get("HostPort")}
        known = {key: value for key, value in said.items() if value is not None}
        known["name"] = str(known.get("name", "")).removeprefix("/")
        return ContainerFact.model_validate({**known, "runtime": runtime, "ports": tuple(sorted(ports))})
    except (ValueError, ValidationError, AttributeError, TypeError, KeyError):
        raise UnreadableError("containers: a line that is no container") from None
