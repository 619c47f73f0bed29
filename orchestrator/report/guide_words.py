"""What a manual says that no run knows: by what to decide, the way back step by step, what to do otherwise."""

from __future__ import annotations

from stopgap.orchestrator.text import Text, tr

CRITERIA: tuple[tuple[Text, Text], ...] = (
    (
        tr("Cut it off?"),
        tr(
            "Yes, as soon as somebody else may have root on it, or it attacks others. Do not wait for certainty: the "
            "block is undone in seconds, and visitors see the maintenance page."
        ),
    ),
    (
        tr("Switch it off?"),
        tr("No. It may not come up again, and what its memory holds would be lost."),
    ),
    (
        tr("Extend the block?"),
        tr("Yes, where the host will not be back 6 hours before the block ends by itself; stopgap status says when."),
    ),
    (
        tr("Rebuilt or cleaned?"),
        tr("Rebuild where anybody had root. Clean only where the way in gave no root, and is known and shut."),
    ),
    (
        tr("A finding: gone, accepted or open?"),
        tr(
            "Gone: somebody has looked for it by name, and it is not there. Accepted: it is your own, for a reason. "
            "Everything else is open, and the host stays cut off."
        ),
    ),
    (
        tr("Lift the block?"),
        tr(
            "Only with no finding open, the way in shut, every credential replaced, and a watch of the web site "
            "without an error behind you."
        ),
    ),
    (
        tr("Tell authorities and customers?"),
        tr("stopgap incident duties lists deadlines; a lawyer decides. Undecided is late when the deadline is over."),
    ),
)

RECOVERY: tuple[Text, ...] = (
    tr("Evidence: it verifies, and a copy lies on another machine. Not so: stopgap evidence export RUN."),
    tr("Rebuilt or cleaned: of a rebuilt host, pin the new host key in known_hosts first."),
    tr("The way in: what it was, and how it was shut; unknown is an honest answer, and stands in the report."),
    tr("Findings: one line decides the list, such as 1-20 gone; 21 accepted: REASON; rest open."),
    tr("Credentials: replace them from another machine, after the rebuild; then yes."),
    tr("A fresh look, by itself: what it finds is asked about; what was called gone and is seen comes first."),
    tr("The web site is let in and watched, nothing else. Ctrl-C gives the terminal back, resume --detach goes on."),
    tr("Mail: look at the queue by sender, take the intruder's out, then yes."),
    tr("The block is lifted: type the words that the question shows."),
    tr("Everything is watched, two hours by default, and looked at once more."),
    tr("Say it to everybody who was told of the outage, and close the incident."),
)

ELSE: tuple[Text, ...] = (
    tr("unreachable: the cut upstream is made all the same; stopgap resume RUN tries the rest again."),
    tr("unknown: the link broke while something was changed; stopgap resume RUN looks again."),
    tr("refused: a guard said no; read the reason, look at a new dry run, change nothing by force."),
    tr("A wrong answer: stop it, then stopgap resume RUN --from STEP, as long as nothing was changed since."),
    tr("The router cannot be reached: have the provider pull the cable or drop the packets."),
    tr("The block has ended or was lifted with findings open: run the first command again; it takes seconds."),
)
