"""The schema of an inventory file. Documentation shows the fields in the same order."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.host import Address, Become, Cli, Network
from stopgap.orchestrator.secret import Secret
from stopgap.orchestrator.source import Unfit, quoted

_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+\\-]{0,126}\$?", re.ASCII)
r"""Names of Unix, and of directory services: `DOMAIN\bob`, `DOMAIN+bob`, `bob@corp.example`, `machine$`."""
_ALIAS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@%-]{0,252}", re.ASCII)
_GUEST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,127}", re.ASCII)
_PORT_NAME = re.compile(r"[A-Za-z][A-Za-z-]*[0-9][0-9./:-]{0,30}", re.ASCII)
RESERVED = "controller"


def name_fault(name: str) -> str | None:
    """Return the rule for host and group names, if the name breaks the rule: names become folders and options."""
    if name == RESERVED:
        return "another name: the machine that runs Stopgap is called controller"
    if not _NAME.fullmatch(name) or name.endswith("."):
        return "letters, digits, dots, underscores and hyphens, at most 64, a letter or digit first"
    return None


def _destination(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        pass
    if not _HOST_NAME.fullmatch(text) or re.fullmatch(r"[0-9.]+", text):
        raise Unfit(f"`address` cannot be {quoted(text)}", "an IP address, or a name that resolves to one")
    return text


def _user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise Unfit(f"`user` cannot be {quoted(text)}", "a login name")
    return text


def _alias(text: str) -> str:
    if not _ALIAS.fullmatch(text):
        raise Unfit(f"`ssh_config` cannot be {quoted(text)}", "true, false, or an alias of ~/.ssh/config")
    return text


def _port_name(text: str) -> str:
    if not _PORT_NAME.fullmatch(text):
        raise Unfit(f"`switchport` cannot be {quoted(text)}", "a port's whole name, such as GigabitEthernet1/0/7")
    return text


def _guest(value: object) -> object:
    """Accept a number: guests of Proxmox VE have one."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _GUEST.fullmatch(text):
        raise Unfit(f"`guest` cannot be {quoted(value)}", "a guest's name, number or UUID, or a port such as vnet3")
    return text


def _file(path: Path) -> Path:
    text = str(path)
    if "\0" in text or text == "." or (text.startswith("~") and not text.startswith("~/")):
        raise Unfit(f"{quoted(text)} is no file", "a path, absolute, below ~, or relative to this file")
    return path


def _text(value: object) -> object:
    """Reject a number as an address: 5 is no address here, in spite of inet_aton(3)."""
    if isinstance(value, int):
        raise Unfit(f"{quoted(value)} is no address", "an address in its usual form, such as 203.0.113.10")
    return value


Timeout = Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=10))]
OwnAddress = Annotated[Address, BeforeValidator(_text)]
Range = Annotated[Network, BeforeValidator(_text)]
Destination = Annotated[str, AfterValidator(_destination)]
User = Annotated[str, AfterValidator(_user)]
Alias = Annotated[str, AfterValidator(_alias)]
GuestName = Annotated[str, BeforeValidator(_guest)]
Word = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00\n]+$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
Program = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
PortName = Annotated[str, AfterValidator(_port_name)]
SiteName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
File = Annotated[Path, AfterValidator(_file)]


class _Entry(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Defaults(_Entry):
    """Default values for every host."""

    port: int = Field(22, ge=1, le=65535, description="TCP port of its SSH server")
    user: User = Field("root", description="Login name")
    identity: File | None = Field(
        None,
        description="Private key, or a public key that the agent signs for; relative to this file, or below ~",
    )
    identity_passphrase: Secret | None = Field(
        None,
        description="Of an encrypted identity, by reference, such as env:NAME; default: asked once, on the terminal",
    )
    default_identities: bool = Field(
        False,
        description="Without `identity`: offer the agent's keys, then ~/.ssh/id_ed25519 and so on, as ssh(1) does",
    )
    ssh_config: bool | Alias = Field(
        False,
        description="What ssh(1) would use, by `ssh -G`, where this inventory says nothing: true for the `address`, "
        "or an alias of ~/.ssh/config",
    )
    known_hosts: File | None = Field(None, description="Pinned host keys, as ssh-keyscan(1) writes them")
    jump: str | None = Field(None, description="Host of this inventory through which it is reached")
    connect_timeout: Timeout | None = Field(
        None, description="How long a login may take, from the first packet on; default: 10s"
    )
    first_word_timeout: Timeout | None = Field(
        None,
        description="How long its SSH server may take to its first word, beyond that, "
        "and its shell to the first word of a script: slow name look-ups, slow login files; default: 10s",
    )
    transport: Literal["paramiko", "openssh"] = Field(
        "paramiko",
        description="What carries a session: paramiko, or ssh(1) of this machine, for ProxyCommand, Kerberos, "
        "FIDO keys and old servers",
    )
    become: Become | None = Field(
        None,
        description="How to become root where the user is not: `sudo -n`, `doas -n`, or `su`; no terminal, no prompt",
    )


class SharedEntry(Defaults):
    """What several hosts have in common: the variables of a group, or an entry under a pattern."""

    upstream: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        None,
        description="Host of this inventory that routes its packets; a list, where there are several; "
        "default: the one router whose `may_block` holds all its addresses",
    )
    spare: str | None = Field(None, description="Host of this inventory that answers its visitors meanwhile")
    site: SiteName | None = Field(
        None, description="Name of the site where it stands, such as tokyo: for roles, and for the runners there"
    )
    driver: str | None = Field(
        None,
        description="How to block on it, where it is a router, such as nftables; default: auto, found out on the "
        "router",
    )
    cli: Cli | None = Field(
        None,
        description="It is a network device without a shell, and has this command line; "
        "default: that of its `driver`, where that is one of these",
    )
    become_password: Secret | None = Field(
        None,
        description="For sudo or su on a router or a spare, by reference, such as env:NAME or ask:sudo on edge; "
        "never sent to a target",
    )
    may_block: tuple[Range, ...] = Field((), description="On a router: networks whose addresses may be blocked")
    never_block: tuple[Range, ...] = Field((), description="On a router: networks that are never blocked")
    vantage: Literal["outside"] | None = Field(
        None, description="outside: it sees the others as the world does, and checks look from it"
    )
    connection: Literal["ssh", "local", "exec"] = Field(
        "ssh",
        description="local: Stopgap runs on this host itself; exec: a provider, reached by a program of its own",
    )
    exec: tuple[Word, ...] = Field(
        (), description="With `connection: exec`: the program and its arguments, run without a shell"
    )
    env: tuple[Variable, ...] = Field(
        (), description="With `connection: exec`: names of environment variables that the program gets, too"
    )


class HostEntry(SharedEntry):
    """One host, or the hosts of a range such as `web[01:50]`."""

    address: Destination = Field(
        description="Where it is reached: an IP address, or a name; "
        "where the hosts are a range, a range such as 192.0.2.[1:50]"
    )
    addresses: tuple[OwnAddress, ...] = Field(
        (), description="All of its own addresses, IPv4 and IPv6; without them, `address` alone"
    )
    sudo_for: tuple[Program, ...] = Field(
        (),
        description="Programs that sudo lets the user run as root there: enough for a router whose "
        "user does not become root; `stopgap ready --sudoers` prints the line for it",
    )
    switchport: PortName | None = Field(
        None,
        description="Port that its cable is in, as its upstream calls it, for that one's `driver: switchport`",
    )
    guest: GuestName | None = Field(
        None,
        description="Name, number or UUID of it as a guest of its upstream, or its port there, for that one's "
        "`driver: guestport`; default: found by its addresses",
    )


class GroupEntry(_Entry):
    """Hosts under one name."""

    hosts: tuple[str, ...] = Field((), description="Names of hosts, ranges such as web[01:50], patterns such as web*")
    groups: tuple[str, ...] = Field((), description="Names of other groups")
    vars: SharedEntry = Field(
        default_factory=SharedEntry, description="For every host of the group that says nothing else"
    )


class InventoryFile(_Entry):
    """The hosts in reach of a runbook."""

    defaults: Defaults = Field(default_factory=Defaults, description="For every host that says nothing else")
    hosts: dict[str, HostEntry] = Field(min_length=1, description="Hosts by name")
    groups: dict[str, GroupEntry] = Field(default_factory=dict, description="Groups of hosts by name")
