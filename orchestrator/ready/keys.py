"""Keys that would ask for a passphrase at night, and certificates of SSH that end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.ready.item import Item
from stopgap.orchestrator.remote.identity.certificate import certificate_of, out_of_date
from stopgap.orchestrator.remote.identity.choice import KeyChoice, is_locked
from stopgap.orchestrator.remote.identity.key_file import LARGEST
from stopgap.orchestrator.remote.login_settings import login_of
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.text import tr

SOON = timedelta(days=7)
"""A certificate that ends within this time is named."""


def look_at_keys(hosts: Sequence[Host], inventory: Mapping[str, Host]) -> Iterator[Item]:
    """Yield each key that asks, and each certificate that has ended or ends soon, once, with a host that uses it."""
    using: dict[tuple[str, str], list[str]] = {}
    for host in hosts:
        if host.connection != "ssh":
            continue
        try:
            way = login_of(host, inventory).way
        except Unreachable:
            continue  # the login says why
        for each in way:
            for wrong in _faults(each.keys):
                using.setdefault(wrong, []).append(host.name)
    for (path, text), names in using.items():
        more = tr(" and {count} more hosts", count=len(names) - 1) if len(names) > 1 else ""
        yield Item(
            names[0],
            "key",
            "lacks",
            tr("{path} {text}{rest}", path=path, text=text, rest=tr(" (also for{more})", more=more) if more else ""),
        )


def _faults(keys: KeyChoice) -> Iterator[tuple[str, str]]:
    if keys.passphrase is None and (keys.required or keys.asks):
        for path in keys.files:
            if is_locked(path, keys.agent):
                yield str(path), tr("is encrypted, and no agent holds it: it would ask; `ssh-add` it")
    beside = [Path(str(path).removesuffix(".pub") + "-cert.pub") for path in keys.files]
    for path in dict.fromkeys((*beside, *keys.certificates)):
        if wrong := _certificate_fault(path):
            yield str(path), wrong


def _certificate_fault(path: Path) -> str:
    try:
        with path.open("rb") as file:
            certificate = certificate_of(file.read(LARGEST))
    except OSError:
        return ""
    if certificate is None:
        return tr("is no certificate of OpenSSH")
    if wrong := out_of_date(certificate):
        return tr("is a certificate that {wrong}", wrong=wrong)
    left = timedelta(seconds=max(0.0, min(certificate.valid_before - time.time(), 1e9)))
    end = datetime.now(UTC) + left
    return tr("is a certificate that ends at {end} UTC", end=f"{end:%Y-%m-%d %H:%M}") if left < SOON else ""
