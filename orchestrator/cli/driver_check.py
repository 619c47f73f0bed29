"""driver-check: tests a provider's program against the protocol, on a host that nobody needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.terminal import Terminal
from stopgap.orchestrator.documents.catalogue import driver_check_document
from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.provider_script import ProviderBlock, ProviderRequest, ProviderTarget
from stopgap.orchestrator.remote.driver_check import Checked, Departed, DriverCheck
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.provider import ProviderSession
from stopgap.orchestrator.secret.agreement import agree, reference_of
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class DriverCheckOptions:
    """The options of `stopgap driver-check`."""

    program: tuple[str, ...]
    addresses: tuple[str, ...]
    guest: str | None = None
    allow: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    timeout: float = 60.0
    """Seconds for each request."""
    yes: bool = False
    json: bool = False


def driver_check(options: DriverCheckOptions) -> int:
    """Block and unblock a host by the program, and say which points of the protocol hold; 1 if one does not."""
    screen = screens.err() if options.json else screens.out()
    check = DriverCheck(_session(options), _request(options), options.timeout)
    seen: list[Checked] = []
    try:
        for point in _points(check, options, screen):
            seen.append(point)
            tail = f": {point.seen}" if point.seen else ""
            screen.line(
                f"{'ok    ' if point.holds else 'FAILED'} {point.name}{tail}", "good" if point.holds else "bad"
            )
    except Departed as departed:
        seen.append(Checked(tr("the program answers by the protocol"), False, str(departed)))
        screen.line(f"FAILED {departed}", "bad")
    if options.json:
        print_document(driver_check_document(join(options.program), seen))
    return 0 if all(point.holds for point in seen) else 1


def _points(check: DriverCheck, options: DriverCheckOptions, screen: screens.Screen) -> Iterator[Checked]:
    yield from check.reading()
    ids = check.probe.ids if check.probe else ()
    for each in ids:
        others = [str(address) for address in each.addresses if str(address) not in options.addresses]
        if others or each.shared:
            raise RefusedError(
                tr(
                    "{id} at the provider has {others}, too: name every address by --address, or take another host",
                    id=each.id,
                    others=", ".join(others) or tr("other servers"),
                )
            )
    if not options.yes and not Terminal(screen, yes=False).confirms(
        tr(
            "Block {addresses} at {ids} now, and give it back?",
            addresses=", ".join(options.addresses),
            ids=", ".join(each.id for each in ids),
        )
    ):
        raise RefusedError(tr("nobody has agreed; nothing was written"))
    yield from check.writing()


def _session(options: DriverCheckOptions) -> ProviderSession:
    agree([reference_of(options.program)])  # typed here, by the person who wants it run
    host = Host(name="provider", address="provider", connection="exec", exec=options.program, env=options.env)
    return ProviderSession(host, Limits())


def _request(options: DriverCheckOptions) -> ProviderRequest:
    try:
        addresses = tuple(ip_address(address) for address in options.addresses)
        allowed = tuple(ip_network(network) for network in options.allow)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return ProviderRequest(
        op="plan",
        label="driver_check",
        deadline=int(options.timeout),
        target=ProviderTarget(name="driver-check", addresses=addresses, guest=options.guest),
        block=ProviderBlock(addresses=tuple(ip_network(a) for a in addresses), allowed=allowed, seconds=3600),
    )
