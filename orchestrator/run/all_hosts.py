"""Where all hosts of a journal stand, from the gists of its runs; few records are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.journal.failure import DamagedRunError
from stopgap.orchestrator.journal.looked import Looked

if TYPE_CHECKING:
    from stopgap.orchestrator.journal import History, Journal
    from stopgap.orchestrator.journal.open_hosts import OpenHost
    from stopgap.orchestrator.run.gist import Gist
    from stopgap.orchestrator.run.standing import HostStands


@dataclass(frozen=True)
class Read:
    """A readable run: its gist, and its history if `status` tells of the run itself."""

    run: str
    gist: Gist
    history: History | None


class AllHosts:
    """The hosts that runs have contained."""

    def __init__(self, journal: Journal, runs: Sequence[Read], now: datetime) -> None:
        """`runs` in order of their start; what else has to be read comes from `journal`."""
        self._journal = journal
        self._now = now
        self._runs = [each for each in runs if each.gist.tells]
        self._histories = {each.run: each.history for each in self._runs if each.history is not None}

    def returning(self) -> Iterator[HostStands]:
        """Yield the hosts with a recovery that goes on, or that waits for `resume`."""
        cut = {cut.target: None for each in self._runs if not each.gist.recovers for cut in each.gist.cuts}
        for target in cut:
            back = [each.gist for each in self._naming(target) if each.gist.recovers]
            if back and not back[-1].finished:
                from stopgap.orchestrator.run.standing import hosts_stand  # noqa: PLC0415 - few hosts are on the way

                for host in hosts_stand(self._read(target)):
                    if host.target == target and host.phase in {"returning", "stopped"}:
                        yield host

    def open(self) -> Iterator[OpenHost]:
        """Yield the hosts that everybody reaches again, with findings that nobody has shown to be gone."""
        with Looked.open(self._journal.home) as memory:
            told = memory.told() if self._journal.remembers else {}
            now: dict[str, tuple[str, Any]] = {}
            ends = self._journal.ends()
            for target in self._may_be_open():
                key = self._key(target, ends)
                if key and told.get(target, ("", None))[0] == key:
                    now[target] = told[target]
                    found = _from_json(told[target][1])
                else:
                    found = self._open(target)
                    if key:
                        now[target] = (key, _as_json(found))
                if found:
                    yield found
            if self._journal.remembers and now != told:
                memory.tell(now)

    def _open(self, target: str) -> OpenHost | None:
        from stopgap.orchestrator.journal.open_hosts import open_hosts  # noqa: PLC0415 - of a host with new records

        return next((each for each in open_hosts(self._read(target)) if each.target == target), None)

    def _may_be_open(self) -> list[str]:
        found = {target for each in self._runs for target in each.gist.found}
        cuts: dict[str, bool] = {}
        for each in self._runs:
            for cut in each.gist.cuts:
                cuts[cut.target] = cuts.get(cut.target, False) or cut.is_in_force(self._now)
        return [target for target, in_force in cuts.items() if not in_force and target in found]

    def _naming(self, target: str) -> list[Read]:
        return [each for each in self._runs if target in each.gist.targets]

    def _read(self, target: str) -> list[History]:
        """Return the histories of the runs that name a target, without those that cannot be read."""
        for each in self._naming(target):
            if each.run not in self._histories:
                with suppress(DamagedRunError):
                    self._histories[each.run] = self._journal.history(each.run)
        return [self._histories[each.run] for each in self._naming(target) if each.run in self._histories]

    def _key(self, target: str, ends: Mapping[str, tuple[int, str]]) -> str:
        """Return what the open findings of a target hang on, records and day; empty if records are damaged."""
        mine = self._naming(target)
        damaged = [h for each in mine if (h := each.history) and (h.damage or h.unsigned)]
        if damaged or any(each.run not in ends for each in mine):
            return ""
        words = [self._now.date().isoformat(), *(f"{each.run} {ends[each.run]}" for each in mine)]
        return sha256("\n".join(words).encode()).hexdigest()


def _as_json(host: OpenHost | None) -> dict[str, Any] | None:
    if host is None:
        return None
    findings = [
        {
            **{name: getattr(each, name) for name in ("target", "step", "state", "by", "reason")},
            "finding": each.finding.model_dump(mode="json"),
            "seen": each.seen.isoformat(),
            "until": each.until.isoformat() if each.until else None,
        }
        for each in host.findings
    ]
    since = host.since.isoformat() if host.since else None
    return {"target": host.target, "since": since, "findings": findings, "cut_again": host.cut_again}


def _from_json(fields: dict[str, Any] | None) -> OpenHost | None:
    if fields is None:
        return None
    from stopgap.orchestrator.journal.open_findings import OpenFinding  # noqa: PLC0415 - few hosts are open
    from stopgap.orchestrator.journal.open_hosts import OpenHost  # noqa: PLC0415
    from stopgap.orchestrator.journal.records import FindingNoted  # noqa: PLC0415

    findings = tuple(
        OpenFinding(
            **{
                **each,
                "finding": FindingNoted.model_validate(each["finding"]),
                "seen": datetime.fromisoformat(each["seen"]),
                "until": date.fromisoformat(each["until"]) if each["until"] else None,
            }
        )
        for each in fields["findings"]
    )
    since = datetime.fromisoformat(fields["since"]) if fields["since"] else None
    return OpenHost(fields["target"], since, findings, fields["cut_again"])
