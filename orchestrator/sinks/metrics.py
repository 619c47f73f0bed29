"""What the journal amounts to, as Prometheus reads it: text format 0.0.4, for `/metrics` and for a textfile."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stopgap.orchestrator.journal import DamagedRunError, History, Journal, UnknownRunError
from stopgap.orchestrator.severity import SEVERITIES
from stopgap.orchestrator.sinks.backlog import undelivered

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of a page that serves the text."""
_STATES = ("ok", "failed", "unreachable", "refused", "interrupted", "running", "waiting", "damaged")


@dataclass(frozen=True)
class _Sample:
    name: str
    labels: Mapping[str, str]
    value: float


_HELP = {
    "stopgap_runs": "Runs of the journal by state.",
    "stopgap_last_run_timestamp_seconds": "When the latest run began.",
    "stopgap_in_force": "Changes in force by run and host, as the journal has them.",
    "stopgap_contained": "1 for the verdict that a cut in force was given: contained, partly, unverified.",
    "stopgap_block_ends_timestamp_seconds": "When the block of a target ends by itself.",
    "stopgap_questions_waiting": "Questions that runs under way wait for.",
    "stopgap_findings": "Findings of the latest look at each collection of runs with something in force.",
    "stopgap_undelivered": "Runs whose events a sink has yet to take.",
    "stopgap_events_refused": "Events that a sink has refused for good.",
}


class Metrics:
    """Metrics of a journal; a run that has not changed since the last call is not read again."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, tuple[_Sample, ...]]] = {}

    def text(self, journal: Journal) -> str:
        """Return the metrics, every family with its help and type. Raises JournalError.

        Names of hosts and runs are labels; no text that a host has sent is.
        """
        heads, looks = journal.heads(), journal.looks()
        runs = journal.runs(looks)
        states = Counter(run.state for run in runs)
        samples = [_Sample("stopgap_runs", {"state": state}, states[state]) for state in _STATES]
        begun = [run.started.timestamp() for run in runs if run.started]
        samples += [_Sample("stopgap_last_run_timestamp_seconds", {}, max(begun))] if begun else []
        for run, head in heads.items():
            if run not in looks or not looks[run].is_quiet:
                samples += self._of(journal, run, head)
        samples += _totals(samples)
        samples += _sinks(journal, journal.heads_here())
        return _text(samples)

    def _of(self, journal: Journal, run: str, head: int) -> tuple[_Sample, ...]:
        known = self._kept.get(run)
        if known is not None and known[0] == head and not known[1]:
            return known[1]  # nothing in force then, and nothing has happened since
        try:
            made = tuple(_of_run(journal.history(run)))
        except (DamagedRunError, UnknownRunError):
            made = ()
        self._kept[run] = head, made
        return made


def metrics_text(journal: Journal) -> str:
    """Return the metrics of a journal, for a page `/metrics` (`CONTENT_TYPE`). Raises JournalError."""
    return Metrics().text(journal)


def _of_run(history: History) -> Iterator[_Sample]:
    standing = history.in_force()
    for host, count in sorted(Counter(change.host for change in standing).items()):
        yield _Sample("stopgap_in_force", {"run": history.run, "host": host}, count)
    for cut in history.containment:
        if cut.in_force:
            about = {"run": history.run, "target": cut.target}
            yield _Sample("stopgap_contained", {**about, "verdict": cut.verdict}, 1)
            if cut.until:
                yield _Sample("stopgap_block_ends_timestamp_seconds", about, cut.until.timestamp())
    if history.state == "running":
        for asked in history.waiting:
            yield _Sample("_question", {"run": history.run, "step": asked.step}, 1)
    if standing:
        found = Counter(noted.severity for made in history.findings_now() for noted in made.findings)
        for severity, number in found.items():
            yield _Sample("_finding", {"severity": severity}, number)


def _totals(samples: Iterable[_Sample]) -> list[_Sample]:
    found = list(samples)
    waiting = sum(sample.name == "_question" for sample in found)
    severities: Counter[str] = Counter()
    for sample in found:
        if sample.name == "_finding":
            severities[sample.labels["severity"]] += int(sample.value)
    return [
        _Sample("stopgap_questions_waiting", {}, waiting),
        *(_Sample("stopgap_findings", {"severity": severity}, severities[severity]) for severity in SEVERITIES),
    ]


def _sinks(journal: Journal, heads: dict[str, int]) -> Iterator[_Sample]:
    left = undelivered(journal.home, heads)
    for sink in sorted({each.sink for each in left}):
        mine = [each for each in left if each.sink == sink]
        yield _Sample("stopgap_undelivered", {"sink": sink}, sum(each.waits for each in mine))
        yield _Sample("stopgap_events_refused", {"sink": sink}, sum(each.refused for each in mine))


def _text(samples: Iterable[_Sample]) -> str:
    families: dict[str, list[_Sample]] = {name: [] for name in _HELP}
    for sample in samples:
        if sample.name in families:
            families[sample.name].append(sample)
    lines: list[str] = []
    for name, of in families.items():
        if of:
            lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} gauge"]
            lines += [f"{name}{_labels(sample.labels)} {_number(sample.value)}" for sample in of]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    made = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    return f"{{{made}}}" if made else ""


def _escaped(value: str) -> str:
    """Escape a label's value: backslash, quote and line feed; other control characters have no place there."""
    plain = re.sub(r"[\x00-\x09\x0b-\x1f\x7f]", "?", value)
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.3f}"
