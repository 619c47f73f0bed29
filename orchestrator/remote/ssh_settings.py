"""What ssh_config(5) of the operator says of a destination, as `ssh -G` prints the settings."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.inventory.foreign.login import Destination, destination, proxy_command_jump
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.text import tr

_SECONDS = 10.0
_DEFAULT_NAMES = frozenset({"id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss", "id_dsa"})
_TOKEN = re.compile(r"%(.)|\$\{(\w+)\}")


class SshSettingsError(Exception):
    """ssh(1) does not give the settings. The message is for the operator."""


@dataclass(frozen=True)
class SshSettings:
    """The settings of one destination."""

    address: str
    port: int
    user: str
    identities: tuple[Path, ...] = ()
    names_identities: bool = False
    """True if the file names the identities; False for the default identities of ssh(1)."""
    certificates: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: str | None = None
    """Address of the agent's Unix socket; `None` without an agent."""
    known_hosts: tuple[Path, ...] = ()
    key_alias: str | None = None
    """HostKeyAlias: the name of the host in known_hosts."""
    jumps: tuple[Destination, ...] = ()
    """Jump hosts, the first hop first."""
    proxy_command: str | None = None
    """A command that connects, for the transport `openssh` alone."""
    connect_timeout: int | None = None
    """Seconds."""


def ssh_settings(alias: str, *, user: str | None = None, port: int | None = None) -> SshSettings:
    """Ask ssh(1) for the settings of an alias, with the user and port of the caller first; raises SshSettingsError.

    ssh(1) runs what `Match exec` of the operator's own file says.
    """
    words = ["ssh", *(["-l", user] if user else []), *(["-p", str(port)] if port else []), "-G", "--", alias]
    said: dict[str, list[str]] = {}
    for line in _run(words).splitlines():
        key, _, value = line.partition(" ")
        said.setdefault(key, []).append(value.strip())
    first = {key: values[0] for key, values in said.items()}
    address, login = first.get("hostname", alias), first.get("user", user or "root")
    tokens = {"h": address, "n": alias, "p": first.get("port", "22"), "r": login, "d": str(Path.home()), "%": "%"}
    identities = said.get("identityfile", [])
    command = first.get("proxycommand", "none")
    jumps = [found for each in first.get("proxyjump", "none").split(",") if (found := _hop(each))]
    if not jumps and command != "none" and (jump := proxy_command_jump(command)):
        jumps = [jump]
    return SshSettings(
        address=address,
        port=int(first.get("port", "22")),
        user=login,
        identities=_existing(identities, tokens),
        names_identities=not all(Path(name).name in _DEFAULT_NAMES and "/.ssh/" in name for name in identities),
        certificates=_existing(said.get("certificatefile", []), tokens),
        identities_only=first.get("identitiesonly") == "yes",
        agent=_agent(first.get("identityagent"), tokens),
        known_hosts=_files(
            [*first.get("userknownhostsfile", "").split(), *first.get("globalknownhostsfile", "").split()], tokens
        ),
        key_alias=first.get("hostkeyalias"),
        jumps=tuple(jumps),
        proxy_command=command if command != "none" and not jumps else None,
        connect_timeout=int(seconds) if (seconds := first.get("connecttimeout", "none")).isdecimal() else None,
    )


def _run(words: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=_SECONDS, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise SshSettingsError(tr("ssh(1) reads ~/.ssh/config, and is not installed here")) from None
    except subprocess.TimeoutExpired:
        raise SshSettingsError(
            tr("`{words}` has not ended within {seconds} s", words=join(words), seconds=f"{_SECONDS:g}")
        ) from None
    if done.returncode != 0:
        reason = next(
            iter(done.stderr.strip().splitlines()), tr("exit status {returncode}", returncode=done.returncode)
        )
        raise SshSettingsError(f"`{join(words)}`: {reason}")
    return done.stdout


def _hop(text: str) -> Destination | None:
    return destination(text) if text and text != "none" else None


def _files(names: Sequence[str], tokens: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files, with the tokens of ssh_config(5) expanded."""
    words = (name.strip('"') for name in names)
    return tuple(Path(_expanded(word, tokens)).expanduser() for word in words if word not in {"", "none"})


def _existing(names: Sequence[str], tokens: Mapping[str, str]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(path for path in _files(names, tokens) if path.is_file()))


def _agent(said: str | None, tokens: Mapping[str, str]) -> str | None:
    if said is None or said == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK") or None
    if said == "none":
        return None
    if said.startswith("$") and not said.startswith("${"):
        return os.environ.get(said[1:]) or None
    return str(Path(_expanded(said.strip('"'), tokens)).expanduser())


def _expanded(text: str, tokens: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        return tokens.get(found[1], found[0]) if found[1] else os.environ.get(found[2], "")

    return _TOKEN.sub(value, text)
