"""Persistence of a block over a router's reboot: a systemd unit reloads the block for the time left.

The table of a port (nft's netdev family) goes with the port. There a rule of udev(7) has the unit started whenever a
device of the port's name appears: after a reboot, and once the hypervisor makes the port anew.

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
if {present}; then exit 0; fi
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
_UNIT_OF_PORT = """\
[Unit]
Description=Stopgap drops again what {table} dropped before port {port} was made anew, or nftables.service reloaded
DefaultDependencies=no
ConditionPathExists={until}
BindsTo={device}
After={device} local-fs.target nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Before=shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {script}
ExecReload=/bin/sh {script}
"""
_RULE = """\
# Written by Stopgap: what {table} dropped at {port} is dropped at a port made anew, too.
SUBSYSTEM=="net", ACTION=="add|move", KERNEL=="{port}", TAG+="systemd", ENV{{SYSTEMD_WANTS}}+="{table}.service"
"""
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_UDEV = "systemd-udevd.service"
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
    """Return a reader for the block's end, as used after a reboot; commands alone write the file."""
    return File(_until(label), changes=False)


def loader_readers(label: str) -> Mapping[str, Reader[Any]]:
    """Return readers for the files used to load the block after a reboot."""
    paths = {"boot_script": _script(label), "boot_unit": _unit(label), "boot_link": _link(label)}
    written = Writable((_until(label), _unit(label)))
    return {
        **{field: File(path) for field, path in paths.items()},
        "boot_active": Units((f"{table_of(label)}.service",)),
        "boot_may": written,
    }


def port_readers(label: str) -> Mapping[str, Reader[Any]]:
    """Return the readers that a port's table needs beside those of `loader_readers`."""
    return {"boot_rule": File(_rule(label)), "udev": Units((_UDEV,))}


def no_way_for_port(port: str, facts: DeviceFacts) -> str:
    """Return why the table of a port cannot come back with the port; empty without a known obstacle."""
    if not _PLAIN.fullmatch(port):
        return tr("no rule of udev can name the port {port}", port=port)
    if facts.system.init != "systemd" or not any(each.active == "active" for each in facts.udev):
        return tr("a table of nft's netdev family needs the port, and no systemd-udevd there tells of a new one")
    return no_way(facts)


def no_way(facts: DeviceFacts) -> str:
    """Return why nothing can be kept in /etc of the router; empty without a known obstacle."""
    return next((may.obstacle for may in facts.boot_may if may.obstacle), "")


def loader(
    block: Block, rules: str, facts: DeviceFacts, family: str = "inet", port: str = ""
) -> Iterator[PathChange | RunCommands]:
    """Yield the missing files to load `rules` after a reboot, and the start of the unit.

    Only a started unit follows a restart or a reload of nftables.service. With a `port`, whose table goes with the
    port, the unit is started whenever the port appears. Raises Refused without systemd.
    """
    if facts.system.init != "systemd":
        raise Refused(tr("a block cannot be made to survive a reboot (`persist`) without systemd"))
    table, whole = table_of(block.label), int(block.expires.total_seconds())
    listed = f"nft list table {family} {table}"
    at_port = f"{listed} 2>/dev/null | grep -q 'hook ingress device \"{port}\"'"
    asked = f" timeout {nft_time(block.expires)}"
    words = {
        "table": table,
        "family": family,
        "port": port,
        "device": f"sys-subsystem-net-devices-{port.replace('-', chr(92) + 'x2d')}.device",
        "present": at_port if port else f"{listed} >/dev/null 2>&1",
        "until": _until(block.label),
        "made": _made(block.label),
        "script": _script(block.label),
        "whole": whole,
        "rules": load_script(rules, block.label, family).replace(asked, f"{asked} expires ${{left}}s"),
    }
    wanted = (
        write_file(_script(block.label), _SCRIPT.format(**words), facts.boot_script, mode=0o755),
        write_file(_unit(block.label), (_UNIT_OF_PORT if port else _UNIT).format(**words), facts.boot_unit),
        write_file(_rule(block.label), _RULE.format(**words), facts.boot_rule)
        if port
        else make_link(_link(block.label), _unit(block.label), facts.boot_link),
    )
    yield from (change for change in wanted if change)
    unit = f"{table}.service"
    if any(wanted) or not any(each.active == "active" for each in facts.boot_active):
        yield RunCommands(
            about=tr("{unit} follows {port} made anew, and each reload of nftables.service", unit=unit, port=port)
            if port
            else tr("{unit} follows each restart and reload of nftables.service", unit=unit),
            do=(
                *((command("udevadm", "control", "--reload"),) if port else ()),
                command("systemctl", "daemon-reload"),
                command("systemctl", "restart", unit),
            ),
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


def _rule(label: str) -> str:
    return f"/etc/udev/rules.d/70-{table_of(label)}.rules"


def _link(label: str) -> str:
    return f"/etc/systemd/system/multi-user.target.wants/{table_of(label)}.service"
