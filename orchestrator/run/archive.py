"""The journal as seen by a step: earlier runs and access to their records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from stopgap.orchestrator.evidence.verify import verify_run
from stopgap.orchestrator.journal import History, Journal, UnknownRunError, step_of
from stopgap.orchestrator.journal.incidents import incidents
from stopgap.orchestrator.journal.open_findings import decisions
from stopgap.orchestrator.loading import load
from stopgap.orchestrator.past_runs import (
    THIS,
    PastChange,
    PastCollection,
    PastCredential,
    PastDecision,
    PastFinding,
    PastRun,
)
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.run.trust import trusted
from stopgap.orchestrator.severity import SEVERITIES
from stopgap.orchestrator.text import tr


@dataclass
class Archive:
    """The journal as seen by a run. `current` is the id of the run, or `None` before the run has begun."""

    journal: Journal
    current: str | None = None
    settled: Callable[[], None] = lambda: None
    """Returns once the run's own collections are judged."""
    touched: set[str] = field(default_factory=set)
    """Other runs with changes undone: their reports must be rewritten."""

    def past_runs(self, runs: Sequence[str], target: str) -> tuple[PastRun, ...]:
        """Return the history of the named runs for a target.

        An incident stands for all of its runs with the target. Raises JournalError.
        """
        named = dict.fromkeys(run for name in runs for run in self._named(name, target))
        return tuple(self._past_runs(run, target) for run in named)

    def resolve(self, run: str) -> str | None:
        """Return the id of a run; `last` is the run before the current run.

        Returns `None` for the current run before the run has begun. Raises UnknownRunError.
        """
        if run == THIS:
            return self.current
        if run == "last":
            run = next((known.id for known in self.journal.runs() if known.id != self.current), run)
        return self.journal.resolve(run)

    @contextmanager
    def at_work_on(self, run: str, record: Recorder) -> Iterator[tuple[History, Recorder]]:
        """Lock a run for a rollback by this process alone, for the length of the block.

        Yields the history and the recorder of the run. Raises DamagedRunError if the run's records are not trusted,
        and JournalError.
        """
        if run == self.current:
            yield record.history(), record
            return
        with self.journal.hold(run):
            self.touched.add(run)
            yield trusted(self.journal, run), record.of(run)

    def _named(self, name: str, target: str) -> list[str]:
        """Return the runs of a name; an incident's runs come in order, without the current run."""
        incident = (
            None if name in {THIS, "last"} else next((i for i in incidents(self.journal) if i.name == name), None)
        )
        if incident is None:
            return [name]
        others = [run for run in incident.runs if run != self.current]
        mine = [run for run in others if target in self.journal.history(run).started.targets]
        if not mine:
            raise UnknownRunError(tr("incident {name} has no run for {target}", name=name, target=target))
        return mine

    def _past_runs(self, name: str, target: str) -> PastRun:
        run = self.resolve(name)
        if run is None:
            return PastRun(run=THIS, begun=False)
        load(("stopgap.orchestrator.report.lessons",))
        from stopgap.orchestrator.report.lessons import to_rotate  # noqa: PLC0415 - few runs ask for the past

        if run == self.current:
            self.settled()
        history = self.journal.history(run)
        found = [(made, noted) for made in history.findings_now() if made.target == target for noted in made.findings]
        found.sort(key=lambda pair: SEVERITIES.index(pair[1].severity))
        return PastRun(
            run=run,
            going_on=run == self.current,
            runbook=history.started.runbook_name,
            steps=tuple(dict.fromkeys(step_of(step.step) for step in history.steps if step.target == target)),
            changes=tuple(
                PastChange(step=step_of(change.step), host=change.host, undo=change.change.describe_undo())
                for change in history.undoable()
                if change.target == target and not change.activates
            ),
            collections=tuple(
                PastCollection(step=kept.step, profile=kept.profile, items=kept.items)
                for kept in history.evidence
                if kept.target == target
            ),
            damage=(*history.damage, *(history.unsigned if run != self.current else ())),
            problems=tuple(verify_run(self.journal, run)) if run != self.current else (),
            findings=tuple(
                PastFinding(
                    step=made.step,
                    profile=made.profile,
                    severity=noted.severity,
                    id=noted.id,
                    title=noted.title,
                    count=noted.count,
                    first=noted.first,
                )
                for made, noted in found
            ),
            credentials=tuple(
                PastCredential(kind=each.kind, text=each.text) for each in to_rotate(history) if each.host == target
            ),
            decisions=tuple(_decided(history, target)),
            deadlines=tuple((text, at) for text, at in history.deadlines()),
        )


def _decided(history: History, target: str) -> Iterator[PastDecision]:
    last = {each.decision.item: each.decision for each in decisions(history) if each.target == target}
    for decision in last.values():
        yield PastDecision(id=decision.item, word=decision.word, reason=decision.reason)
