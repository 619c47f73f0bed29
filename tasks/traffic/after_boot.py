"""Persistence of a block over a router's reboot: a systemd unit reloads the block for the time left.

The unit follows each restart and reload of nftables.service, too, which flushes every table of the router.

The router's own configuration stays unchanged. The unit starts after nftables.service, since nftables.conf usually
begins with `flush ruleset`, and before the network (systemd.special(7), network-pre.target). Without the file of the
block's end, or after the end, the unit loads nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stopgap.orchestrator.change import Command, PathChange, RunCommands, command, make_link, write_file
from stopgap.orchestrator.facts import File, FileFact, Reader, Units, Writable
from stopgap.orchestrator.task import Refused, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import Block, DeviceFacts
from stopgap.tasks.traffic.ruleset import load_script, nft_time, table_of
from stopgap.tasks.traffic.shell import run

_MADE = re.compile(r'comment "by (\S+) in (\S+) until \d+ as (\S+) (\S+)"')
_SCRIPT = """\
#!/bin/sh
# Written by Stopgap: drops again what {table} dropped before a reboot or a reload of the rules, to the same moment.
if nft list table {family} {table} >/dev/null 2>&1; then exit 0; fi
read -r end <{until} || exit 0
left=$((end - $(date +%s)))
[ "$left" -gt 0 ] || exit 0
[ "$left" -le {whole} ] || left={whole} # the clock was set back
read -r by change rules elements <{made}
read -r up rest </proc/uptime
exec nft -f - <<END
{rules}table {family} {table} {{
	chain made {{
		return comment "by $by in $change until $((${{up%%.*}} + left)) as $rules $elements"
	}}
}}
END
"""
_UNIT = """\
[Unit]
Description=Stopgap drops again what {table} dropped before a reboot, or a reload of nftables.service
DefaultDependencies=no
ConditionPathExists={until}
After=local-fs.target nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {script}
ExecReload=/bin/sh {script}
"""


def end_reader(label: str) -> File:
    """Return a reader for the block's end, as used after a reboot."""
    return File(_until(label))


def loader_readers(label: str) -> Mapping[str, Reader[Any]]:
    """Return readers for the files used to load the block after a reboot."""
    paths = {"boot_script": _script(label), "boot_unit": _unit(label), "boot_link": _link(label)}
    written = Writable((_until(label), _unit(label)))
    return {
        **{field: File(path) for field, path in paths.items()},
        "boot_active": Units((f"{table_of(label)}.service",)),
        "boot_may": written,
    }


def no_way(facts: DeviceFacts) -> str:
    """Return why nothing can be kept in /etc of the router; empty without a known obstacle."""
    return next((may.obstacle for may in facts.boot_may if may.obstacle), "")


def loader(block: Block, rules: str, facts: DeviceFacts, family: str = "inet") -> Iterator[PathChange | RunCommands]:
    """Yield the missing files to load `rules` after a reboot, and the start of the unit.

    Only a started unit follows a restart or a reload of nftables.service. Raises Refused without systemd.
    """
    if facts.system.init != "systemd":
        raise Refused(tr("a block cannot be made to survive a reboot (`persist`) without systemd"))
    table, whole = table_of(block.label), int(block.expires.total_seconds())
    asked = f" timeout {nft_time(block.expires)}"
    words = {
        "table": table,
        "family": family,
        "until": _until(block.label),
        "made": _made(block.label),
        "script": _script(block.label),
        "whole": whole,
        "rules": load_script(rules, block.label, family).replace(asked, f"{asked} expires ${{left}}s"),
    }
    wanted = (
        write_file(_script(block.label), _SCRIPT.format(**words), facts.boot_script, mode=0o755),
        write_file(_unit(block.label), _UNIT.format(**words), facts.boot_unit),
        make_link(_link(block.label), _unit(block.label), facts.boot_link),
    )
    yield from (change for change in wanted if change)
    unit = f"{table}.service"
    if any(wanted) or not any(each.active == "active" for each in facts.boot_active):
        yield RunCommands(
            about=tr("{unit} follows each restart and reload of nftables.service", unit=unit),
            do=(command("systemctl", "daemon-reload"), command("systemctl", "restart", unit)),
            undo=(command("systemctl", "stop", unit, ok=(0, 5)),),
            undo_about=tr("stop {unit}", unit=unit),
        )


def end_is_right(block: Block, facts: DeviceFacts) -> bool:
    """Return True if the recorded end fits the block: an end for a persistent block, no end otherwise."""
    if not block.persist:
        return facts.boot_end.kind == "absent"
    return facts.boot_end.kind == "file" and (facts.boot_end.text() or "").strip().isdigit()


def set_end(block: Block, family: str = "inet") -> Command:
    """Return the command to record the end of the block in force, or to record no reload after a reboot."""
    if block.persist:
        return run("keep", family, table_of(block.label), _until(block.label), _made(block.label))
    return _forget_end(block.label)


def put_end_back(block: Block, end: FileFact, before: str, family: str = "inet") -> Command:
    """Return the command to restore the file of the block's end, and the file with the owner of the table `before`.

    Raises Unplannable if the file cannot be restored.
    """
    if end.kind == "absent":
        return _forget_end(block.label)
    moment = (end.text() or "").strip()
    if end.kind != "file" or not (moment.isascii() and moment.isdigit()):
        raise Unplannable(tr("{path} is no file of Stopgap's", path=_until(block.label)))
    made = _MADE.search(before)
    whose = " ".join(made.groups()) if made else ""
    return run("keep", family, table_of(block.label), _until(block.label), _made(block.label), moment, whose)


def _forget_end(label: str) -> Command:
    return command("rm", "-f", "--", _until(label), _made(label))


def _until(label: str) -> str:
    return f"/etc/{table_of(label)}.until"


def _made(label: str) -> str:
    return f"/etc/{table_of(label)}.made"


def _script(label: str) -> str:
    return f"/etc/{table_of(label)}.sh"


def _unit(label: str) -> str:
    return f"/etc/systemd/system/{table_of(label)}.service"


def _link(label: str) -> str:
    return f"/etc/systemd/system/multi-user.target.wants/{table_of(label)}.service"
