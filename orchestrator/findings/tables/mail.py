"""Mail sent by the host."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Place, Row, table

_POSTFIX = re.compile(r"([0-9A-Za-z]{6,20})[*!]?\s+(\d{1,12})\s+(\w{3} \w{3} +\d+ [\d:]{8})\s+(\S+)$")
_EXIM = re.compile(r"\s*(\d+[smhdwy])\s+([\d.]+[KMG]?)\s+([\w-]{16,23})\s+<(\S*)>")


@table(
    "queue",
    reads="mail-queue",
    fields={"message": "its number in the queue", "sender": "who sends it", "since": "when it came, or its age"},
)
def queue(collected: CollectionReader) -> Iterator[Row]:
    """Messages in the mail queue."""
    for number, text in collected.lines("mail-queue"):
        if found := _POSTFIX.match(text):
            row = {"message": found[1], "sender": found[4], "since": found[3]}
        elif found := _EXIM.match(text):
            row = {"message": found[3], "sender": found[4] or "<>", "since": found[1]}
        else:
            continue
        yield Row(row, Place("mail-queue", number))


@table("senders", reads="mail-queue", fields={"sender": "who sends", "messages": "how many wait"})
def senders(collected: CollectionReader) -> Iterator[Row]:
    """Senders of the messages in the queue, most frequent first."""
    counts: dict[str, int] = {}
    for row in queue(collected):
        sender = str(row.fields["sender"])
        if sender in counts or collected.meter.hold("senders", sender):
            counts[sender] = counts.get(sender, 0) + 1
    for sender, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        yield Row({"sender": sender, "messages": count}, Place("mail-queue"))
