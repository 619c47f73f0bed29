"""Messages still to be sent: a message already sent by any run is never sent again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from stopgap.orchestrator.journal import Delivery
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.task import Gap, Note, Unlimited
from stopgap.orchestrator.text import moment_text, tr

_NAMED = 3
"""Most messages named separately; of further messages, the number."""


@dataclass(frozen=True)
class Outstanding:
    """The unsent messages of a step."""

    messages: tuple[Message, ...]
    notes: tuple[Note, ...]
    gaps: tuple[Gap, ...]


def outstanding(messages: Sequence[Message], known: Mapping[str, Delivery], now: datetime) -> Outstanding:
    """Leave out messages sent or possibly sent, and the second of two messages with the same key."""
    once = {message.key: message for message in messages}
    left: list[Message] = []
    sent: list[Delivery] = []
    unknown: list[Delivery] = []
    for message in once.values():
        delivery = known.get(message.key)
        if delivery is None or delivery.state == "failed" or _stale(message, delivery, now):
            left.append(message)
        elif delivery.state == "sent":
            sent.append(delivery)
        elif message.resend_unknown:
            left.append(message)
        else:
            unknown.append(delivery)
    return Outstanding(tuple(left), tuple(map(_note, _sent(sent))), tuple(map(_gap, _unknown(unknown))))


def _stale(message: Message, delivery: Delivery, now: datetime) -> bool:
    return message.fresh_for is not None and (now - delivery.at).total_seconds() > message.fresh_for


def _sent(deliveries: Sequence[Delivery]) -> Iterator[str]:
    if len(deliveries) > _NAMED:
        yield tr(
            "{count} messages were sent already, the last {at}",
            count=len(deliveries),
            at=moment_text(deliveries[-1].at),
        )
        return
    for delivery in deliveries:
        yield (
            tr(
                "{about} to {to} was sent already: {at}, run {run} ({detail})",
                about=delivery.about,
                to=delivery.to,
                at=moment_text(delivery.at),
                run=delivery.run,
                detail=delivery.detail,
            )
        )


def _unknown(deliveries: Sequence[Delivery]) -> Iterator[str]:
    if len(deliveries) > _NAMED:
        some = ", ".join(d.to for d in deliveries[:_NAMED])
        yield tr(
            "{count} messages may or may not have gone ({some} …); `resend_unknown: true` sends them",
            count=len(deliveries),
            some=some,
        )
        return
    for delivery in deliveries:
        yield (
            tr(
                "{about} to {to} may or may not have been sent, {at}, run {run}; `resend_unknown: true` "
                "sends it again",
                about=delivery.about,
                to=delivery.to,
                at=moment_text(delivery.at),
                run=delivery.run,
            )
        )


def _note(text: str) -> Note:
    return Note(text=text)


def _gap(text: str) -> Gap:
    return Gap(text=text, at_best=Unlimited(why=tr("a letter that did not go lets no packet through")))
