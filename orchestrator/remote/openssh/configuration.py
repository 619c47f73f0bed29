"""The ssh_config(5) of one session: what ssh(1) must not do, then the inventory, then the operator's own file."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.identity.choice import is_locked
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.text import tr

FIXED: Mapping[str, str] = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "ForwardX11Trusted": "no",
    "ClearAllForwardings": "yes",
    "PermitLocalCommand": "no",
    "EnableEscapeCommandline": "no",
    "EscapeChar": "none",
    "RequestTTY": "no",
    "Tunnel": "no",
    "RemoteCommand": "none",
    "SessionType": "default",
    "ForkAfterAuthentication": "no",
    "GSSAPIDelegateCredentials": "no",
    "AddKeysToAgent": "no",
    "PasswordAuthentication": "no",
    "KbdInteractiveAuthentication": "no",
    "VisualHostKey": "no",
    "ControlMaster": "no",
    "ControlPath": "none",
    "ControlPersist": "no",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "2",
    "LogLevel": "INFO",
}
"""Before any other setting, and for jump hosts too: in ssh_config(5) the first value of a key holds."""
_KEPT = ("HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "KRB5CCNAME", "KRB5_CONFIG", "XDG_RUNTIME_DIR")
_SYSTEM_FILE = Path("/etc/ssh/ssh_config")


@dataclass(frozen=True)
class Configuration:
    """The settings of one session, and the destination for the command line."""

    text: str
    destination: str
    known_hosts: str
    """The file that pins host keys, for messages."""


def configuration(host: Host, hosts: Mapping[str, Host]) -> Configuration:
    """Return the settings for a host; jump hosts of the inventory are found in `hosts`. Raises Unreachable."""
    way = _way(host, hosts)
    names = [_destination(each, number) for number, each in enumerate(way)]
    # Of the host alone: a jump host's words would be taken for those of the host.
    lines = [f"Host {names[0]}", "  LogLevel DEBUG1", "Host *", *(f"  {key} {value}" for key, value in FIXED.items())]
    for number, (each, name) in enumerate(zip(way, names, strict=True)):
        via = names[number + 1] if number + 1 < len(names) else None
        lines += [f"Host {name}", *(f"  {key} {value}" for key, value in _settings(each, via))]
    if any(each.ssh_config for each in way):
        # ssh(1) asks the password database for the home folder, and `~` in Include asks the environment.
        own = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".ssh/config"
        lines += ["Match all", f'  Include "{own}"', f"  Include {_SYSTEM_FILE}"]
    for each, name in zip(way, names, strict=True):
        if isinstance(each.ssh_config, str):  # where the operator's file has no HostName
            lines += [f"Host {name}", f"  HostName {_value(each, each.address)}"]
    known_hosts = str(host.known_hosts or "~/.ssh/known_hosts")
    return Configuration("\n".join(lines) + "\n", names[0], known_hosts)


def environment() -> dict[str, str]:
    """Return the environment of ssh(1): no secret of this process, and what keys and tickets need."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"} | {
        name: os.environ[name] for name in _KEPT if name in os.environ
    }


def _way(host: Host, hosts: Mapping[str, Host]) -> list[Host]:
    way = [host]
    while (jump := way[-1].jump) is not None:
        if jump not in hosts or jump in {each.name for each in way}:
            raise Unreachable(host.name, tr("its jump host {jump} leads nowhere", jump=jump), "network")
        way.append(hosts[jump])
    return way


def _destination(host: Host, number: int) -> str:
    """Return the name for ssh(1): an alias of the operator's file, or a name that no file has."""
    if isinstance(host.ssh_config, str):
        return host.ssh_config
    return host.address if host.ssh_config else f"stopgap-{number}"


def _settings(host: Host, via: str | None) -> Iterator[tuple[str, str]]:
    said = host.model_fields_set if host.ssh_config else Host.model_fields.keys()
    if not host.ssh_config:
        yield "HostName", _value(host, host.address)
    if "port" in said:
        yield "Port", str(host.port)
    if "user" in said:
        yield "User", _value(host, host.user)
    if via is not None:
        yield "ProxyJump", via
    elif not host.ssh_config:
        yield "ProxyJump", "none"
    yield from _keys(host)
    if host.known_hosts is not None:
        yield "UserKnownHostsFile", _value(host, str(host.known_hosts))
        yield "GlobalKnownHostsFile", "/dev/null"
    elif not host.ssh_config:
        raise Unreachable(host.name, tr("the inventory names no known_hosts file for it"), "host-key")


def _keys(host: Host) -> Iterator[tuple[str, str]]:
    if host.identity is None:
        if not host.ssh_config and not host.default_identities:
            raise Unreachable(host.name, tr("the inventory names no identity (private key) for it"), "identity")
        return
    try:
        host.identity.open("rb").close()
    except OSError as error:
        reason = tr(
            "the private key {identity} (`identity` in the inventory): {strerror}",
            identity=host.identity,
            strerror=error.strerror,
        )
        raise Unreachable(host.name, reason, "identity") from None
    if is_locked(host.identity, os.environ.get("SSH_AUTH_SOCK") or None):
        reason = tr("{identity}: this private key is encrypted, and ssh(1) asks nobody here", identity=host.identity)
        raise Unreachable(
            host.name,
            tr("{reason}; hold it in the agent: ssh-add {identity}", reason=reason, identity=host.identity),
            "identity",
        )
    yield "IdentityFile", _value(host, str(host.identity))
    yield "IdentitiesOnly", "yes"


def _value(host: Host, text: str) -> str:
    if any(character in text for character in '"\n\r\0') or "${" in text:
        raise Unreachable(host.name, tr("ssh_config(5) cannot hold the value {text}", text=f"{text!r}"), "identity")
    return '"' + text.replace("%", "%%") + '"'
