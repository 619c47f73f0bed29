"""ssh_config(5) as an inventory: each alias of the file is a host, with the options of `ssh -G ALIAS`."""

from __future__ import annotations

import glob
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from stopgap.orchestrator.inventory.foreign.login import Destination, destination, proxy_command_jump, with_jumps
from stopgap.orchestrator.inventory.foreign.model import HostFields, Understood, fitting_name, patience
from stopgap.orchestrator.source import InvalidInput, Problem

_SECONDS = 10.0
_DEEPEST = 16
"""Deepest nesting of Include, as in ssh(1)."""
_WILD = re.compile(r"[*?!]")
_RUNS = re.compile(r"\s*\"?(match\b.*\bexec\b|include\b.*[$%])", re.IGNORECASE)
"""A line with a command to run, or with an Include only ssh(1) can resolve."""


def from_ssh_config(path: Path) -> Understood:
    """Convert the file: every `Host` pattern without wildcards is a host.

    Raises InvalidInput for an unreadable file, or if ssh(1) is missing or rejects the file.
    """
    aliases = list(dict.fromkeys(_aliases(path, 0)))
    if not aliases:
        raise InvalidInput([Problem(str(path), "no `Host` line names a host without wildcards")])
    hosts: dict[str, HostFields] = {}
    jumps: dict[str, list[Destination]] = {}
    notes = []
    for alias in aliases:
        fields, chain, note = login_of(alias, path)
        name = fitting_name(alias)
        hosts[name] = fields
        if chain:
            jumps[name] = chain
        if note:
            notes.append(f"{name}: {note}")
    return Understood(f"ssh_config:{path}", with_jumps(hosts, jumps), notes=tuple(notes))


def login_of(alias: str, config: Path | None = None) -> tuple[HostFields, list[Destination], str]:
    """Ask ssh(1) for the login of an alias; return the host's fields, the jump hosts, and the unsupported options.

    `config`: the file to read instead of `~/.ssh/config`. Raises InvalidInput.
    """
    said: dict[str, list[str]] = {}
    for line in _ssh_says(alias, config).splitlines():
        key, _, value = line.partition(" ")
        said.setdefault(key, []).append(value.strip())
    fields: HostFields = {"address": said.get("hostname", [alias])[0]}
    if (port := said.get("port", ["22"])[0]) != "22":
        fields["port"] = int(port)
    if user := said.get("user", [""])[0]:
        fields["user"] = user
    if identity := _existing(said.get("identityfile", [])):
        fields["identity"] = identity
    fields |= patience(said.get("connecttimeout", ["none"])[0])
    if known := _existing(said.get("userknownhostsfile", [""])[0].split()):
        fields["known_hosts"] = known
    chain = [found for each in said.get("proxyjump", [""])[0].split(",") if each and (found := destination(each))]
    command = said.get("proxycommand", ["none"])[0]
    note = ""
    if not chain and command != "none":
        jump = proxy_command_jump(command)
        chain = [jump] if jump else []
        note = "" if jump else "its ProxyCommand is not used; name the way with `jump`"
    return fields, [_resolved(jump, config) for jump in chain], note


def _resolved(jump: Destination, config: Path | None) -> Destination:
    """Return the jump host as resolved by ssh(1), if the jump host is an alias itself."""
    said = dict(line.partition(" ")[::2] for line in _ssh_says(jump.host, config).splitlines())
    port = jump.port or (int(said["port"]) if said.get("port", "22") != "22" else None)
    return Destination(said.get("hostname", jump.host), jump.user or said.get("user"), port)


def _ssh_says(alias: str, config: Path | None) -> str:
    words = ["ssh", *(["-F", str(config)] if config else []), "-G", "--", alias]
    place = str(config or "~/.ssh/config")
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=_SECONDS, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise InvalidInput([Problem(place, "ssh(1) reads this file, and is not installed here")]) from None
    except subprocess.TimeoutExpired:
        raise InvalidInput([Problem(place, f"`ssh -G {alias}` has not ended within {_SECONDS:g} s")]) from None
    if done.returncode != 0:
        reason = next(iter(done.stderr.strip().splitlines()), f"exit status {done.returncode}")
        raise InvalidInput([Problem(place, f"`ssh -G {alias}`: {reason}")])
    return done.stdout


def _is_own(path: Path) -> bool:
    """Return True for a file read by ssh(1) anyway, at every use by the operator."""
    own = (Path("~/.ssh").expanduser(), Path("/etc/ssh"))
    return any(path.absolute().is_relative_to(folder) for folder in own)


def _existing(files: list[str]) -> str | None:
    for name in files:
        path = Path(name).expanduser()
        if name != "none" and path.is_file():
            return str(path)
    return None


def _aliases(path: Path, depth: int) -> Iterator[str]:
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise InvalidInput([Problem(str(path), f"cannot be read: {error.strerror}")]) from None
    for line in text.splitlines():
        if _RUNS.match(line) and not _is_own(path):
            message = f"`{line.strip()[:60]}` can run a command on this machine when ssh(1) reads the file"
            hint = "read what it does; take it out, or include the file from ~/.ssh/config and name that"
            raise InvalidInput([Problem(str(path), message, hint=hint, refused=True)])
        key, _, rest = line.strip().replace("=", " ", 1).partition(" ")
        try:
            words = shlex.split(rest)
        except ValueError:
            continue
        if key.lower() == "host":
            yield from (word for word in words if not _WILD.search(word))
        elif key.lower() == "include" and depth < _DEEPEST:
            for word in words:
                pattern = Path(word).expanduser()
                whole = pattern if pattern.is_absolute() else Path("~/.ssh").expanduser() / pattern
                for found in sorted(glob.glob(str(whole))):  # noqa: PTH207 - the pattern is absolute
                    yield from _aliases(Path(found), depth + 1)
