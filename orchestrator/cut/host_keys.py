"""Host keys that no known_hosts file has: shown to a person, and kept in a file of Stopgap's own once accepted."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.cut.draft import Draft
from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.host_key import shown_key
from stopgap.orchestrator.remote.known_hosts import fingerprint, key_type, pinned_keys
from stopgap.orchestrator.remote.login import names_of, read_pinned
from stopgap.orchestrator.remote.login_settings import Login, login_of
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.text import tr

KNOWN_HOSTS = "known_hosts"
"""File of the state folder with the host keys that a person has accepted."""
LEAST = 6
"""Fewest characters of a fingerprint's end that accept a key."""
_AT_ONCE = 16
_PATIENCE = 1.0
"""Seconds for hosts that are not needed, once the needed hosts have answered."""
_FILES = {"ssh-ed25519": "ed25519", "ssh-rsa": "rsa", "ssh-dss": "dsa"}


@dataclass(frozen=True)
class UnknownKey:
    """A host key that a server has shown, and that no known_hosts file has."""

    host: str
    address: str
    port: int
    key: bytes
    """In wire format (RFC 4253, section 6.6)."""
    known_as: str
    """Name of the host in known_hosts files: of its address and port, or HostKeyAlias (ssh_config(5))."""

    @property
    def kind(self) -> str:
        """Return the type of the key, such as `ssh-ed25519`."""
        return key_type(self.key)

    @property
    def fingerprint(self) -> str:
        """Return `SHA256:…`, as ssh-keygen(1) prints it."""
        return fingerprint(self.key)

    @property
    def on_console(self) -> str:
        """Return the command that prints the fingerprint on the host's own console."""
        return f"ssh-keygen -lf /etc/ssh/ssh_host_{_FILES.get(self.kind, 'ecdsa')}_key.pub"

    def is_meant_by(self, typed: str) -> bool:
        """Return True if a person has typed `yes`, or the end of the fingerprint (6 characters or more)."""
        word = typed.strip()
        return word.lower() == "yes" or (len(word) >= LEAST and self.fingerprint.endswith(word))

    def line(self) -> str:
        """Return the line of a known_hosts file (sshd(8))."""
        return f"{self.known_as} {self.kind} {base64.b64encode(self.key).decode()}\n"


Accept = Callable[[UnknownKey], bool | None]
"""Asks a person about a key: True to accept, False to refuse, None where nobody can be asked."""


def with_known_keys(draft: Draft, home: Path, accept: Accept, tell: Callable[[str], None]) -> Draft:
    """Return the draft with the keys known that no file of ssh(1) has, but Stopgap's own, or that a person accepts.

    Asked about are routers, the spare and the vantages outside. A host to cut off is not asked about: without its key
    known, nobody logs in to it, and `tell` says so. Raises RefusedError where no router is left.
    """
    own = home / KNOWN_HOSTS
    hosts = {host.name: host for host in _described(draft).values()}
    logins = {name: login for name, host in hosts.items() if (login := _login(host, hosts))}
    kept = {name for name, login in logins.items() if _has(own, login)}
    needed = {typed.name for typed in (*draft.routers, *draft.helpers)}
    unknown = _shown({name: login for name, login in logins.items() if name not in kept}, needed)
    refused: dict[str, UnknownKey] = {}
    for name, key in unknown.items():
        if name not in needed:
            tell(
                tr(
                    "{name}: its host key is not known ({fingerprint}), so that nobody logs in to it",
                    name=name,
                    fingerprint=key.fingerprint,
                )
            )
        elif accept(key):
            _keep(own, key)
            kept.add(name)
        else:
            refused[name] = key
            tell(f"{name}: {_way_out(key)}")
    if refused and all(router.name in refused for router in draft.routers):
        key = refused[draft.routers[0].name]
        raise RefusedError(f"{key.host}: {_way_out(key)}")
    return draft.each(lambda typed: typed.with_entry(known_hosts=str(own)) if typed.name in kept else typed)


def _way_out(key: UnknownKey) -> str:
    scan = f"ssh-keyscan -t {_FILES.get(key.kind, 'ecdsa')} -p {key.port} {key.address} >> ~/.ssh/known_hosts"
    return tr(
        "unknown host key {fingerprint} ({kind}), and nobody has accepted it; compare it with the "
        "one that `{on_console}` prints on its console, then pin it: {scan}",
        fingerprint=key.fingerprint,
        kind=key.kind,
        on_console=key.on_console,
        scan=scan,
    )


def _described(draft: Draft) -> Mapping[str, Host]:
    inventory = draft.inventory()
    return {typed.name: inventory.hosts[typed.name] for typed in draft.everybody if typed.logs_in}


def _login(host: Host, hosts: Mapping[str, Host]) -> Login | None:
    """Return the login of a host whose key no file has; None for a known host, and where a jump host leads to it."""
    try:
        login = login_of(host, hosts)
        pinned = read_pinned(login)
    except Unreachable:
        return None  # the run says why
    known = pinned.keys or pinned.authorities
    return None if login.via or known or not login.known_hosts else login


def _has(file: Path, login: Login) -> bool:
    try:
        return bool(pinned_keys(file, names_of(login)).keys)
    except OSError:
        return False


def _shown(logins: Mapping[str, Login], needed: Collection[str]) -> dict[str, UnknownKey]:
    """Ask all servers for their keys at once; a server that does not answer is left out, and the run says why.

    Waits for the needed hosts, and for the others a moment longer.
    """
    cancelled = threading.Event()
    workers = ThreadPoolExecutor(max(1, min(len(logins), _AT_ONCE)), "host key")
    asked = {name: workers.submit(shown_key, login, cancelled=cancelled) for name, login in logins.items()}
    try:
        wait([answer for name, answer in asked.items() if name in needed])
        wait(asked.values(), timeout=_PATIENCE)
    finally:  # Ctrl-C ends the wait too
        cancelled.set()
        workers.shutdown(cancel_futures=True)
    found: dict[str, UnknownKey] = {}
    for name, answer in asked.items():
        with suppress(Unreachable, CancelledError):
            host = logins[name].host
            found[name] = UnknownKey(name, host.address, host.port, answer.result(), names_of(logins[name])[0])
    return found


def _keep(file: Path, key: UnknownKey) -> None:
    """Append the key to the file, readable by the operator alone."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(key.line())
