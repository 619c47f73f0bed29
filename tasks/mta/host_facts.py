"""Facts of a host's mail servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import field_validator

from stopgap.orchestrator import facts as read
from stopgap.orchestrator.facts import ReadOnly
from stopgap.orchestrator.task import Facts, Probe
from stopgap.tasks.host import initscripts, units
from stopgap.tasks.mta import dovecot, inetd
from stopgap.tasks.mta.servers import servers

_WATCHERS = (
    *("/etc/crontab", "/etc/cron.d/*", "/var/spool/cron/crontabs/*", "/var/spool/cron/*", "/etc/crontabs/*"),
    *("/etc/anacrontab", *(f"/etc/cron.{each}/*" for each in ("hourly", "daily", "weekly", "monthly"))),
    *("/etc/network/if-*.d/*", "/etc/ppp/ip*.d/*", "/etc/dhcp/dhclient-*-hooks.d/*", "/etc/resolvconf/update*.d/*"),
    *("/etc/NetworkManager/dispatcher.d/*", "/etc/networkd-dispatcher/*.d/*"),
    *("/etc/monitrc", "/etc/monit/monitrc", "/etc/monit.d/*", "/etc/monit/conf.d/*", "/etc/monit/conf-enabled/*"),
    *("/etc/supervisord.conf", "/etc/supervisor/conf.d/*", "/etc/supervisord.d/*"),
    *(f"{place}/*/{name}" for place in ("/etc/service", "/service", "/var/service") for name in ("run", "down")),
    *("/etc/systemd/system/*.service", f"/etc/systemd/system/*.d/{units.DROP_IN}", "/etc/chkserv.d/exim"),
    *("/usr/local/directadmin/data/admin/services.status", "/usr/local/psa/var/modules/watchdog/monitrc"),
)
"""Settings of what starts services again."""
_TOOLS = ("sv", "svc", "s6-svc", "whmapi1")
_SUPERVISORD = ReadOnly(("supervisorctl", "status"), because="supervisorctl(1): `status` tells the programs' states")


class StopMtaFacts(Facts):
    """Mail servers of the host, by service manager, processes, sockets and containers, with queues."""

    system: read.SystemFact
    units: tuple[read.UnitFact, ...] = ()
    drop_in_directories: tuple[str, ...] = ()
    scripts: tuple[read.InitScriptFact, ...] = ()
    placed: read.PlacedFact = read.PlacedFact()
    containers: tuple[read.ContainerFact, ...] = ()
    queues: Mapping[str, Any] = {}
    """Key of a mail server → the list of the queue."""
    files: Mapping[str, read.FileFact] = {}
    """Path → the file: hooks and settings of mail servers."""
    texts: read.TextsFact = read.TextsFact()
    """Settings of what may start a mail server again, and of super-servers."""
    supervisord: read.ProgramFact | None = None
    """The programs of supervisord with their PIDs."""
    owners: read.OwnersFact = read.OwnersFact()

    @field_validator("queues", mode="before")
    @classmethod
    def _typed(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {s.key: s.Listed.model_validate(given[s.key]) for s in servers() if s.key in given}


def probe(*, ask_runtimes: bool) -> Probe:
    """Return the readers of services, processes, sockets, queues and, with `ask_runtimes`, of containers."""
    every = servers()
    binaries = tuple(name for server in every for name in server.binaries)
    named = tuple(name for server in every for name in server.units)
    paths = {path for server in every for path in (*server.hooks, *server.files)}
    return {
        "system": read.System((*initscripts.SWITCHES, *_TOOLS, *binaries)),
        # Of the units of servers by name, also those that are not loaded; of all others, those that are.
        "units": read.Units((*named, "*.service", "*.socket", "*.timer")),
        "drop_in_directories": read.Glob("/etc/systemd/system/*.d"),
        "scripts": read.InitScripts((*(name for server in every for name in server.scripts), "monit")),
        "texts": read.Texts((*_WATCHERS, *inetd.FILES)),
        "supervisord": _SUPERVISORD.asked(partial=True),
        "owners": read.Owners(),
        "placed": read.Placed(),
        **({"containers": read.Containers()} if ask_runtimes else {}),
        **{f"queues.{server.key}": server.queue for server in every},
        **{f"files.{path}": read.File(path) for path in sorted({*paths, *dovecot.FILES})},
    }
