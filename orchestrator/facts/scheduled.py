"""What a host is going to do by itself: an undo that was scheduled on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from stopgap.orchestrator.facts.presence import there
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.shell import quote


class ScheduledFact(Fact):
    """When it is due, by the host's own clock."""

    due: int | None = None
    """Seconds since 1970; None where nothing is scheduled."""
    left: timedelta = timedelta()


@dataclass(frozen=True)
class Scheduled(Reader[ScheduledFact]):
    """Read when the undo of this name is due; one whose clockwork is gone does not count."""

    name: str

    def script(self) -> str:
        """Print `due now`, where a timer of systemd or a process waits."""
        return (
            f"{there()}n={quote(self.name)}; d=/run/stopgap\n"
            # A name in a directory that this account may not enter is not absent.
            'for f in "$d/$n.pid" "$d/$n.due"; do there "$f"; [ $? -ne 2 ] || exit 1; done\n'
            'if [ -d /run/systemd/system ]; then systemctl --quiet is-active "$n.timer"\n'
            "case $? in 0) ;; 3|4) echo none; exit 0 ;; *) exit 1 ;; esac\n"
            'else { read -r p <"$d/$n.pid" && kill -0 "$p"; } 2>/dev/null || { echo none; exit 0; }; fi\n'
            'there "$d/$n.due" || { echo none; exit 0; }\n'
            'read -r due <"$d/$n.due" && echo "$due $(date +%s)"'
        )

    def parse(self, output: Output) -> ScheduledFact:
        """Read the two numbers."""
        words = output.stdout.decoded().split()
        if output.status != 0:
            raise UnreadableError(
                f"{self.name}: {output.stderr.last_line() or 'nothing says whether it is scheduled'}"
            )
        if words == ["none"]:
            return ScheduledFact()
        due, now = (parse_int(word, 10) for word in words) if len(words) == 2 else (None, None)
        if due is None or now is None:
            raise UnreadableError(f"{self.name}: nothing says when it is due")
        return ScheduledFact(due=due, left=timedelta(seconds=max(0, due - now)))
