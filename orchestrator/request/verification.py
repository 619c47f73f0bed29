"""Believing a request: signed by a customer, for networks of theirs, not over yet, and for the first time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.journal.home import private_folder, sync_folder
from stopgap.orchestrator.request.customers import Customer
from stopgap.orchestrator.request.model import LONGEST, NAMESPACE, SignedRequest
from stopgap.orchestrator.signature import SignatureError, check
from stopgap.orchestrator.source import InvalidInput, Problem
from stopgap.orchestrator.text import tr

_CAP = 1 << 20
"""Bytes of a request's file."""
_SKEW = timedelta(minutes=5)
"""By which a customer's clock may be ahead."""


class RequestRefused(RefusedError):  # noqa: N818
    """A request is not to be followed; the message says why. Nothing was contacted."""


def read_request(path: Path) -> SignedRequest:
    """Read a request's file, without verification; raises InvalidInput."""
    try:
        with path.open("rb") as file:
            content = file.read(_CAP + 1)
    except OSError as error:
        raise InvalidInput([Problem(str(path), error.strerror or tr("cannot be read"))]) from None
    if len(content) > _CAP:
        raise InvalidInput([Problem(str(path), tr("is larger than {cap} bytes", cap=_CAP))])
    try:
        return SignedRequest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        message = f"{where}: {first['msg']}" if where else first["msg"]
        raise InvalidInput([Problem(str(path), message, None, tr("what `stopgap request` writes"))]) from None


def accept(signed: SignedRequest, customers: Mapping[str, Customer], now: datetime) -> str:
    """Return the name of the requesting customer. Raises RequestRefused."""
    name = _signer(signed, customers)
    request = signed.request
    for network in request.addresses:
        if not customers[name].holds(network):
            raise RequestRefused(tr("{network} is none of the networks of {name}", network=network, name=name))
    if request.created > now + _SKEW:
        raise RequestRefused(
            tr(
                "it was made in the future, {created} UTC: a clock is wrong",
                created=f"{request.created:%Y-%m-%d %H:%M}",
            )
        )
    if request.left(now) <= timedelta():
        raise RequestRefused(tr("it has expired, {expires} UTC", expires=f"{request.expires:%Y-%m-%d %H:%M}"))
    if request.expires - request.created > LONGEST:
        raise RequestRefused(tr("it asks for more than {days} days", days=LONGEST.days))
    return name


def _signer(signed: SignedRequest, customers: Mapping[str, Customer]) -> str:
    with tempfile.TemporaryDirectory(prefix="stopgap-") as folder:
        signature, signers = Path(folder, "signature"), Path(folder, "signers")
        signature.write_text(signed.signature)
        lines = [f'{name} namespaces="{NAMESPACE}" {key}\n' for name, c in customers.items() for key in c.keys]
        signers.write_text("".join(lines))
        try:
            name = check(signed.request.canonical(), signature, signers, NAMESPACE)
        except SignatureError as error:
            said = str(error).replace(str(signers), "the list of customers")
            raise RequestRefused(tr("the signature does not hold: {said}", said=said)) from None
    if name not in customers:
        raise RequestRefused(tr("it is signed by nobody on the list of customers"))
    return name


@contextmanager
def use_once(signed: SignedRequest, home: Path) -> Iterator[RequestUse]:
    """Record the request, so a second use is refused; the record is deleted if the block reports no execution.

    Raises RequestRefused for a request already recorded, JournalError.
    """
    folder = private_folder(home / "requests")
    mark = folder / signed.request.digest
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise RequestRefused(tr("it was followed before: a new one has to be made for each time")) from None
    sync_folder(folder)
    kept = RequestUse()
    try:
        yield kept
    finally:
        if kept.unused:
            mark.unlink(missing_ok=True)


class RequestUse:
    """A remembered request."""

    unused: bool = True
    """Nothing was run by it yet: it may be followed later."""
