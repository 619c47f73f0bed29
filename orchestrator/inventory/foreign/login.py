"""The login of another tool's host, from ssh(1) options and ssh_config(5) keywords."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

_DESTINATION = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^/]+)@)?(?P<host>\[[^\]@]+\]|[^-:/\[\]@][^:/\[\]@]*)(?::(?P<port>[0-9]{1,5}))?/?"
)
_FORWARD = re.compile(r"(?:^|\s)-W\s*\[?%h\]?:%p(?:\s|$)")


@dataclass(frozen=True)
class Destination:
    """A login at an address; `None` for an unset field."""

    host: str
    user: str | None = None
    port: int | None = None


def destination(text: str) -> Destination | None:
    """Parse `[user@]host[:port]` or `ssh://…` as ssh(1) does; return `None` for any other text.

    >>> destination("ops@bastion.example:2222")
    Destination(host='bastion.example', user='ops', port=2222)
    >>> destination("root@[2001:db8::1]:22").host
    '2001:db8::1'
    >>> destination("alice@corp.example@web").user
    'alice@corp.example'
    """
    text = text.strip()
    user, at, rest = text.removeprefix("ssh://").rpartition("@")
    if rest.count(":") > 1 and not rest.startswith("["):
        return Destination(rest, user if at else None) if _is_ipv6(rest) else None
    found = _DESTINATION.fullmatch(text)
    if not found:
        return None
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 1 <= port <= 65535:
        return None
    return Destination(found["host"].strip("[]"), found["user"], port)


def _is_ipv6(text: str) -> bool:
    try:
        return ip_address(text).version == 6
    except ValueError:
        return False


def jumps_of(arguments: str) -> list[Destination]:
    """Return the jump hosts named by ssh(1) arguments, the first hop first.

    Supported: `-J a,b`, `-o ProxyJump=a,b`, and `-o ProxyCommand="ssh … -W %h:%p a"`.

    >>> jumps_of('-o ProxyCommand="ssh -q -W %h:%p -p 2222 ops@bastion"')
    [Destination(host='bastion', user='ops', port=2222)]
    """
    for option, value in options_of(arguments):
        if option == "proxyjump" and value.lower() != "none":
            return [found for each in value.split(",") if (found := destination(each))]
        if option == "proxycommand" and (jump := proxy_command_jump(value)):
            return [jump]
    return []


def proxy_command_jump(command: str) -> Destination | None:
    """Return the jump host of a ProxyCommand in the form `ssh -W %h:%p HOST`; `None` for any other command."""
    if not _FORWARD.search(command):
        return None
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if not words or words[0].rpartition("/")[2] != "ssh":
        return None
    user = port = host = None
    rest = iter(words[1:])
    for word in rest:
        if word in {"-p", "-l", "-i", "-o", "-F", "-W", "-c", "-m", "-b", "-E", "-S", "-Q", "-R", "-L", "-D"}:
            value = next(rest, "")
            user = value if word == "-l" else user
            port = int(value) if word == "-p" and value.isascii() and value.isdigit() and len(value) < 6 else port
        elif not word.startswith("-") and host is None:
            host = destination(word)
    if host is None:
        return None
    return Destination(host.host, host.user or user, host.port or port)


def options_of(arguments: str) -> Iterator[tuple[str, str]]:
    """Yield keyword, in lower case, and value of each option in ssh(1) arguments; empty for unbalanced quotes.

    >>> list(options_of("-p 2222 -o 'User ops' -oPort=22"))
    [('port', '2222'), ('user', 'ops'), ('port', '22')]
    """
    short = {"-p": "port", "-l": "user", "-i": "identityfile", "-J": "proxyjump"}
    try:
        words = iter(shlex.split(arguments))
    except ValueError:
        return
    for word in words:
        flag, value = word[:2], word[2:]
        if flag not in {*short, "-o", "-F", "-c", "-m", "-b"}:
            continue
        value = value or next(words, "")
        if flag in short:
            yield short[flag], value
        elif flag == "-o":
            key, rest = re.match(r"\s*(\w*)\s*=?\s*(.*)", value, re.DOTALL).groups()  # type: ignore[union-attr]
            yield key.lower(), rest.strip().strip('"')


def with_jumps(
    hosts: Mapping[str, dict[str, object]], jumps: Mapping[str, list[Destination]]
) -> dict[str, dict[str, object]]:
    """Return the hosts with `jump` set, and new entries for jump hosts missing from the inventory.

    `jumps`: host → chain of jump hosts, the first hop first.
    """
    complete = {name: dict(fields) for name, fields in hosts.items()}
    by_address = {str(fields.get("address")): name for name, fields in hosts.items()}
    for name, chain in jumps.items():
        before: str | None = None
        for jump in chain:
            known = jump.host if jump.host in hosts else by_address.get(jump.host)
            if known is None or (jump.port is not None and complete[known].get("port", 22) != jump.port):
                known = _new_name(jump, complete)
                entry: dict[str, object] = {"address": jump.host}
                entry |= {"port": jump.port} if jump.port else {}
                entry |= {"user": jump.user} if jump.user else {}
                entry |= {"jump": before} if before else {}
                complete.setdefault(known, entry)
            before = known
        if before is not None and before != name:
            complete[name]["jump"] = before
    return complete


def _new_name(jump: Destination, taken: Mapping[str, object]) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]", "-", f"jump-{jump.host}")[:56]
    if jump.port:
        name = f"{name}-{jump.port}"
    entry = taken.get(name)
    if isinstance(entry, dict) and entry.get("address") != jump.host:
        return f"{name}-{len(taken)}"
    return name
