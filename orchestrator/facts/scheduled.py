"""Rollback timers on a host: an undo scheduled for execution by the host itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from stopgap.orchestrator.facts.presence import there
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.shell import quote

_WORD = re.compile(r"[\w@-]{1,100}", re.ASCII)


class ScheduledFact(Fact):
    """The deadline of the rollback timer, by the host's own clock."""

    due: int | None = None
    """Seconds since 1970; `None` without a scheduled undo."""
    left: timedelta = timedelta()
    owner: str = ""
    """The controller behind the timer, as far as told by the host."""
    change: str = ""
    """The change to be undone."""
    sum: str = ""
    """Checksum of the state made by the change."""


@dataclass(frozen=True)
class Scheduled(Reader[ScheduledFact]):
    """Read the deadline of the named undo; a timer without a live systemd timer or process does not count."""

    name: str

    def script(self) -> str:
        """Return the script: `due now`, for a waiting systemd timer or process."""
        return (
            f"{there()}n={quote(self.name)}; d=/run/stopgap\n"
            # A name in a directory that this account may not enter is not absent.
            'for f in "$d/$n.pid" "$d/$n.due"; do there "$f"; [ $? -ne 2 ] || exit 1; done\n'
            'if [ -d /run/systemd/system ]; then systemctl --quiet is-active "$n.timer"\n'
            "case $? in 0) ;; 3|4) echo none; exit 0 ;; *) exit 1 ;; esac\n"
            'else { read -r p <"$d/$n.pid" && kill -0 "$p"; } 2>/dev/null || { echo none; exit 0; }; fi\n'
            'there "$d/$n.due" || { echo none; exit 0; }\n'
            'by=; { read -r by <"$d/$n.by"; } 2>/dev/null\n'
            'read -r due <"$d/$n.due" && echo "$due $(date +%s) $by"'
        )

    def parse(self, output: Output) -> ScheduledFact:
        """Parse the two numbers, and the owner."""
        words = output.stdout.decoded().split()
        if output.status != 0:
            raise UnreadableError(
                f"{self.name}: {output.stderr.last_line() or 'nothing says whether it is scheduled'}"
            )
        if words == ["none"]:
            return ScheduledFact()
        due, now = (parse_int(word, 12) for word in (*words, "", "")[:2])
        if due is None or now is None:
            raise UnreadableError(f"{self.name}: nothing says when it is due")
        whose = words[2:]
        if len(whose) not in {0, 2, 3} or not all(map(_WORD.fullmatch, whose)):
            raise UnreadableError(f"{self.name}: nothing says whose it is")
        owner, change, checksum, *_ = (*whose, "", "", "")
        left = timedelta(seconds=max(0, due - now))
        return ScheduledFact(due=due, left=left, owner=owner, change=change, sum=checksum)
