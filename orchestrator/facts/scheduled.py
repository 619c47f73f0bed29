"""What a host is going to do by itself: an undo that was scheduled on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
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
            f"n={quote(self.name)}; d=/run/stopgap\n"
            'if [ -d /run/systemd/system ]; then systemctl --quiet is-active "$n.timer"\n'
            'else read -r p <"$d/$n.pid" && kill -0 "$p"; fi 2>/dev/null || { echo none; exit 0; }\n'
            '{ read -r due <"$d/$n.due"; } 2>/dev/null && echo "$due $(date +%s)" || echo none'
        )

    def parse(self, output: Output) -> ScheduledFact:
        """Read the two numbers."""
        words = output.stdout.decoded().split()
        if words == ["none"]:
            return ScheduledFact()
        try:
            due, now = (int(word) for word in words)
        except ValueError:
            raise UnreadableError(f"{self.name}: nothing says when it is due") from None
        return ScheduledFact(due=due, left=timedelta(seconds=max(0, due - now)))
