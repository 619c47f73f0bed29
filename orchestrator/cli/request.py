"""request: a customer's block request, and the provider's use of a request."""

from __future__ import annotations

import secrets
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.failure import Stop
from stopgap.orchestrator.cli.steps import moment
from stopgap.orchestrator.host import Host, Network
from stopgap.orchestrator.inventory import load_inventory
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.request import (
    BlockRequest,
    Evidence,
    RequestRefused,
    SignedRequest,
    accept,
    load_customers,
    read_request,
    use_once,
)
from stopgap.orchestrator.request.verification import RequestUse
from stopgap.orchestrator.run.trust import trusted
from stopgap.orchestrator.runbook import format_duration, parse_duration
from stopgap.orchestrator.signature import SignatureError
from stopgap.orchestrator.source import InvalidInput, Problem, Unfit


def request(args: Namespace) -> int:
    """Write a block request, signed; nothing is contacted."""
    inventory = load_inventory(args.inventory)
    targets = inventory.select(args.target)
    try:
        duration = parse_duration(args.expires)
    except Unfit as unfit:
        raise InvalidInput([Problem("--expires", unfit.message, None, unfit.expected, unfit.hint)]) from None
    try:
        named = tuple(ip_network(text) for text in args.address)
    except ValueError as error:
        raise Stop(2, str(error)) from None
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        made = BlockRequest(
            addresses=named or tuple(dict.fromkeys(n for target in targets for n in _addresses(target))),
            reason=args.reason,
            contact=args.contact,
            created=now,
            expires=now + duration,
            nonce=secrets.token_hex(16),
            evidence=_evidence(args.run) if args.run else (),
        )
        text = SignedRequest.made(made, Path(args.sign_key)).text()
    except SignatureError as error:
        raise Stop(2, f"not signed: {error}") from None
    except ValueError:
        raise Stop(2, "it needs an address, a reason of at most 1000 characters, and a contact") from None
    try:
        Path(args.output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stop(2, f"{args.output}: {error.strerror}") from None
    addresses = ", ".join(map(str, made.addresses[:4])) + (" …" if len(made.addresses) > 4 else "")
    screens.out().line(f"{args.output}: block {addresses} until {moment(made.expires)}. Nothing was contacted.")
    return 0


@contextmanager
def followed(args: Namespace, given: dict[str, str]) -> Iterator[RequestUse]:
    """Verify the request of `--request`, and add the request's parameters to `given`."""
    signed = read_request(Path(args.request))
    listed = Path(args.customers) if args.customers else Path(args.inventory).parent / "customers.yaml"
    now = datetime.now(UTC)
    try:
        customer = accept(signed, load_customers(listed), now)
        wanted = signed.request
        fields = {
            "addresses": ",".join(map(str, wanted.addresses)),
            "expires": format_duration(wanted.left(now)),
            "reason": f"{customer}: {wanted.reason} (contact {wanted.contact}, request {wanted.digest[:12]})",
        }
        if twice := sorted(fields.keys() & given.keys()):
            raise Stop(2, f"-p {twice[0]}: the request says it")
        given |= fields
        if args.dry_run:
            yield RequestUse()
            return
        with use_once(signed, state_home()) as request_use:
            yield request_use
    except RequestRefused as refusal:
        raise Stop(4, f"{args.request}: refused: {refusal}. Nothing was contacted.") from None


def _addresses(target: Host) -> list[Network]:
    try:
        return [ip_network(a) for a in target.addresses or (ip_address(target.address),)]
    except ValueError:
        raise Stop(2, f"{target.name} has no `addresses` in the inventory: name them with --address") from None


def _evidence(run: str) -> tuple[Evidence, ...]:
    with Journal.open_to_read(state_home()) as journal:
        kept = trusted(journal, journal.resolve(run)).evidence
    return tuple(Evidence(host=k.host, profile=k.profile, manifest_sha256=k.manifest_sha256) for k in kept)
