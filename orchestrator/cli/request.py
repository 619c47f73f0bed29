"""request: a customer's block request, and the provider's use of a request."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal_to_read
from stopgap.orchestrator.cli.run_options import RunRequested
from stopgap.orchestrator.cli.steps import moment
from stopgap.orchestrator.documents.catalogue import written_document
from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.host import Host, Network
from stopgap.orchestrator.inventory import load_inventory
from stopgap.orchestrator.journal import state_home
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
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class RequestOptions:
    """The options of `stopgap request`."""

    inventories: tuple[str, ...]
    targets: tuple[str, ...]
    reason: str
    contact: str
    sign_key: Path
    output: Path
    addresses: tuple[str, ...] = ()
    expires: str = "24h"
    run: str | None = None
    limit: tuple[str, ...] | None = None
    json: bool = False


def request(options: RequestOptions) -> int:
    """Write a block request, signed; nothing is contacted."""
    inventory = load_inventory(options.inventories)
    targets = inventory.select(options.targets, options.limit)
    if not targets:
        raise UsageError(tr("which host? Name it with -t"))
    try:
        duration = parse_duration(options.expires)
    except Unfit as unfit:
        raise InvalidInput([Problem("--expires", unfit.message, None, unfit.expected, unfit.hint)]) from None
    try:
        named = tuple(ip_network(text) for text in options.addresses)
    except ValueError as error:
        raise UsageError(str(error)) from None
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        made = BlockRequest(
            addresses=named or tuple(dict.fromkeys(n for target in targets for n in _addresses(target))),
            reason=options.reason,
            contact=options.contact,
            created=now,
            expires=now + duration,
            nonce=secrets.token_hex(16),
            evidence=_evidence(options.run) if options.run else (),
        )
        text = SignedRequest.made(made, options.sign_key).text()
    except SignatureError as error:
        raise UsageError(tr("not signed: {error}", error=error)) from None
    except ValueError:
        raise UsageError(tr("it needs an address, a reason of at most 1000 characters, and a contact")) from None
    try:
        options.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{options.output}: {error.strerror}") from None
    if options.json:
        print_document(written_document("request", [options.output]))
        return 0
    addresses = ", ".join(map(str, made.addresses[:4])) + (" …" if len(made.addresses) > 4 else "")
    screens.out().line(
        tr(
            "{output}: block {addresses} until {expires}. Nothing was contacted.",
            output=options.output,
            addresses=addresses,
            expires=moment(made.expires),
        )
    )
    return 0


@contextmanager
def followed(asked: RunRequested, path: Path) -> Iterator[tuple[RunRequested, RequestUse]]:
    """Verify a customer's request; yield `asked` with the request's parameters added.

    `path`: the file of the request. Raises RefusedError if the request is not valid.
    """
    signed = read_request(path)
    listed = asked.customers or Path(asked.inventories[0]).parent / "customers.yaml"
    now = datetime.now(UTC)
    try:
        customer = accept(signed, load_customers(listed), now)
        wanted = signed.request
        fields = {
            "addresses": ",".join(map(str, wanted.addresses)),
            "expires": format_duration(wanted.left(now)),
            "reason": tr(
                "{customer}: {reason} (contact {contact}, request {digest})",
                customer=customer,
                reason=wanted.reason,
                contact=wanted.contact,
                digest=wanted.digest[:12],
            ),
        }
        if twice := sorted(fields.keys() & asked.params.keys()):
            raise UsageError(tr("-p {twice}: the request says it", twice=twice[0]))
        allowed = replace(asked, params={**asked.params, **fields})
        if asked.dry_run:
            yield allowed, RequestUse()
            return
        with use_once(signed, state_home()) as request_use:
            yield allowed, request_use
    except RequestRefused as refusal:
        raise RefusedError(
            tr("{path}: refused: {refusal}. Nothing was contacted.", path=path, refusal=refusal)
        ) from None


def _addresses(target: Host) -> list[Network]:
    try:
        return [ip_network(a) for a in target.addresses or (ip_address(target.address),)]
    except ValueError:
        raise UsageError(
            tr("{target} has no `addresses` in the inventory: name them with --address", target=target.name)
        ) from None


def _evidence(run: str) -> tuple[Evidence, ...]:
    with open_journal_to_read() as journal:
        kept = trusted(journal, journal.resolve(run)).evidence
    return tuple(Evidence(host=k.host, profile=k.profile, manifest_sha256=k.manifest_sha256) for k in kept)
