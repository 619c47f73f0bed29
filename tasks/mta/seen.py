"""Mail servers of a host, by the facts: kind, place (unit, container, inetd), and reviver of each server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from stopgap.orchestrator.facts import PlacedProcess
from stopgap.tasks.host.carriers import is_carrier
from stopgap.tasks.mta import frozen, holding, inetd, supervised
from stopgap.tasks.mta.host_facts import StopMtaFacts
from stopgap.tasks.mta.located import Located, located, super_servers
from stopgap.tasks.mta.server import MailServer
from stopgap.tasks.mta.servers import servers
from stopgap.tasks.mta.supervised import Reviver

_INTERPRETER = re.compile(r"(?:python|perl|ruby|php|node|nodejs|java|lua|bash|dash|sh|busybox|env)[\d.]*")
"""Programs whose names tell no settings of a mail server."""
_INNER = frozenset({"master", "pickup", "qmgr", ""})
"""Names of processes that other software has too."""


@dataclass(frozen=True)
class Seen:
    """The mail servers of a host."""

    own: tuple[Located, ...]
    """Of the host itself."""
    contained: tuple[Located, ...]
    """In containers."""
    kept: Mapping[int, Reviver]
    """PID → the supervisor's service."""
    loose: tuple[Located, ...]
    """`own` without the processes that a supervisor keeps."""
    present: tuple[MailServer[Any, Any], ...]
    """The known servers, running or not."""
    started: tuple[str, ...] = ()
    """Programs that a super-server, or a socket of systemd, starts for each connection."""

    def in_use(self, server: MailServer[Any, Any]) -> bool:
        """Return True for a server that runs, or that is started for each connection: no unit of it may start."""
        patterns = (*server.programs, *server.deliveries)
        return bool(self.of(server)) or any(fnmatchcase(path, p) for path in self.started for p in patterns)

    def of(self, server: MailServer[Any, Any]) -> list[Located]:
        """Return where the server runs on the host itself."""
        return [each for each in self.own if each.server is server]

    def words(self) -> set[str]:
        """Return the names by which settings mention the mail servers."""
        known = {name for s in self.present for name in (s.key, *s.scripts, *s.commands, *s.binaries)}
        unknown = [each for each in self.own if not each.server]
        units = {each.place.unit for each in unknown if not is_carrier(each.place.unit)}
        programs = {each.name for each in unknown if not _INTERPRETER.fullmatch(each.name)}
        return {*known, *programs, *(unit.removesuffix(".service") for unit in units)} - _INNER

    def stay_frozen(self, facts: StopMtaFacts) -> tuple[PlacedProcess, ...]:
        """Return the processes that the step freezes, or froze before: nothing else could stop these."""
        unknown = [each for each in self.loose if not each.server and holding.by_hand(each, facts)]
        delivering = [p for p in frozen.deliveries(self.own) if frozen.can_freeze([p], facts.placed)]
        return (*(process for each in unknown for process in each.processes), *delivering)


def seen(facts: StopMtaFacts) -> Seen:
    """Return the mail servers that the facts show."""
    running = located(facts.placed)
    own = holding.attributed([each for each in running if not each.place.container], facts)
    kept = supervised.supervisors(own, facts)
    behind = [f"/etc/systemd/system/{name}" for name in holding.behind_sockets(facts)]
    texts = [facts.texts.files[path].text() or "" for path in behind if path in facts.texts.files]
    return Seen(
        own=tuple(own),
        contained=tuple(each for each in running if each.place.container),
        kept=kept,
        loose=tuple(left for each in own if (left := each.but(kept))),
        present=tuple(s for s in servers() if holding.is_present(s, [e for e in own if e.server is s], facts)),
        started=(
            *inetd.programs(list(super_servers(facts.placed)), facts.texts.files),
            *(path for text in texts for path in re.findall(r"(?m)^Exec\w+\s*=\s*[-@:+!]*(/\S+)", text)),
        ),
    )
