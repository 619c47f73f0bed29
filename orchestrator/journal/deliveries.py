"""Delivery of messages over all runs: each message is sent once, for any number of runs of a runbook."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.failure import JournalError, UnknownRunError
from stopgap.orchestrator.journal.home import private_folder
from stopgap.orchestrator.journal.lock import take
from stopgap.orchestrator.journal.pruned_records import PrunedMessage, RunPruned
from stopgap.orchestrator.journal.records import MessageIntended, MessagePosted
from stopgap.orchestrator.journal.store import Journal
from stopgap.orchestrator.text import tr

_PAUSE = 0.3
"""Seconds between two looks at another machine that is sending."""
DeliveryState: TypeAlias = Literal["sent", "unknown", "failed"]


@dataclass(frozen=True)
class Delivery:
    """The delivery state of one message. `unknown`: sending began, without a recorded result."""

    key: str
    to: str
    about: str
    state: DeliveryState
    run: str
    at: datetime
    step: str = ""
    target: str = ""
    subject: str = ""
    way: str = ""
    detail: str = ""


def deliveries(journal: Journal, keys: Collection[str]) -> dict[str, Delivery]:
    """Return the delivery state of messages over all runs, by message key.

    A run with a damaged journal counts as having sent nothing: a duplicate letter does less harm than a missing
    letter.
    """
    entries = [
        (run, each)
        for run, each in journal.of_kinds("message-intended", "message-posted", "run-pruned")
        if (isinstance(each.record, MessageIntended | MessagePosted) and each.record.key in keys)
        or (isinstance(each.record, RunPruned) and any(message.key in keys for message in each.record.messages))
    ]
    try:
        damaged = {run for run in dict.fromkeys(run for run, _ in entries) if journal.verify(run)}
    except UnknownRunError:  # pruned after the look at the entries
        return deliveries(journal, keys)
    found = fold_deliveries((run, each) for run, each in entries if run not in damaged)
    return {key: delivery for key, delivery in found.items() if key in keys}


def fold_deliveries(entries: Iterable[tuple[str, Entry]]) -> dict[str, Delivery]:
    """Return deliveries by key from the entries of all runs, each with its run, in order.

    A sent message stays sent for good; an unknown message stays unknown until sent.
    """
    attempts: dict[str, list[Delivery]] = {}
    for run, each in entries:
        if isinstance(record := each.record, MessageIntended):
            attempts.setdefault(record.key, []).append(_begun(run, each.at, record))
        elif isinstance(record, MessagePosted):
            made = attempts.get(record.key, [])
            for place in range(len(made) - 1, -1, -1):
                if made[place].run == run:
                    made[place] = replace(made[place], state=record.outcome, at=each.at, detail=record.detail)
                    break
        elif isinstance(record, RunPruned):
            for message in record.messages:
                attempts.setdefault(message.key, []).append(_pruned(record.run, message))
    return {key: max(made, key=lambda d: (_WEIGHT[d.state], d.at)) for key, made in attempts.items()}


@contextmanager
def posting(journal: Journal, series: str, *, give_up: Callable[[], bool]) -> Iterator[bool]:
    """Hold the lock on sending messages of a series; yield False if `give_up` ended the wait.

    Raises JournalError.
    """
    name = hashlib.sha256(series.encode()).hexdigest()[:16]
    path, claim = private_folder(journal.home / "posting") / name, f"posting {name}"
    try:
        descriptor = take(path)
        while descriptor is None and not give_up():
            descriptor = take(path)
        while descriptor is not None and journal.claims.claim(claim) is not None:
            if give_up():
                os.close(descriptor)
                descriptor = None
            else:
                time.sleep(_PAUSE)
    except OSError as error:
        raise JournalError(tr("{path}: {strerror}", path=path, strerror=error.strerror)) from None
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            journal.claims.disclaim(claim)
            os.close(descriptor)


_WEIGHT: dict[DeliveryState, int] = {"failed": 0, "unknown": 1, "sent": 2}


def _begun(run: str, at: datetime, record: MessageIntended) -> Delivery:
    return Delivery(
        key=record.key,
        to=record.to,
        about=record.about,
        state="unknown",
        run=run,
        at=at,
        step=record.step,
        target=record.target,
        subject=record.subject,
        way=record.way,
        detail=tr("begun, and its end is not on record"),
    )


def _pruned(run: str, message: PrunedMessage) -> Delivery:
    return Delivery(
        key=message.key,
        to=message.to,
        about=message.about,
        state=message.state,
        run=run,
        at=datetime.fromisoformat(message.at),
        detail=tr("its run was pruned since"),
    )
