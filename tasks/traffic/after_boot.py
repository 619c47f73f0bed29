"""A block that survives a reboot of the router: a unit of its own loads it again, for the time that is left.

What the router's own configuration loads, and when, is left alone: the unit stands beside it, comes after
nftables.service, whose files usually begin with `flush ruleset`, and before the network (systemd.special(7),
network-pre.target). Without the file that says when the block ends, or once that is over, it loads nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stopgap.orchestrator.change import Command, PathChange, command, make_link, write_file
from stopgap.orchestrator.facts import File, FileFact, Reader
from stopgap.orchestrator.task import Refused, Unplannable
from stopgap.tasks.traffic.driver import Block, DeviceFacts
from stopgap.tasks.traffic.ruleset import load_script, nft_time, table_of
from stopgap.tasks.traffic.shell import run

_MADE = re.compile(r'comment "by (\S+) in (\S+) until \d+ as (\S+) (\S+)"')
_SCRIPT = """\
#!/bin/sh
# Written by Stopgap: drops again after a reboot what {table} dropped before, until the same moment.
read -r end <{until} || exit 0
left=$((end - $(date +%s)))
[ "$left" -gt 0 ] || exit 0
[ "$left" -le {whole} ] || left={whole} # the clock was set back
read -r by change rules elements <{made}
read -r up rest </proc/uptime
exec nft -f - <<END
{rules}table inet {table} {{
	chain made {{
		return comment "by $by in $change until $((${{up%%.*}} + left)) as $rules $elements"
	}}
}}
END
"""
_UNIT = """\
[Unit]
Description=Stopgap drops again what {table} dropped before the reboot
DefaultDependencies=no
ConditionPathExists={until}
After=local-fs.target nftables.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {script}
"""


def end_reader(label: str) -> File:
    """Read when the block ends, as a reboot would find it."""
    return File(_until(label))


def loader_readers(label: str) -> Mapping[str, Reader[Any]]:
    """Read what loads the block after a reboot."""
    paths = {"boot_script": _script(label), "boot_unit": _unit(label), "boot_link": _link(label)}
    return {field: File(path) for field, path in paths.items()}


def loader(block: Block, rules: str, facts: DeviceFacts) -> Iterator[PathChange]:
    """Give what is missing of the files that load these rules; raises Refused where there is no systemd."""
    if facts.system.init != "systemd":
        raise Refused("the driver nftables cannot make a block survive a reboot (`persist`) without systemd")
    table, whole = table_of(block.label), int(block.expires.total_seconds())
    asked = f" timeout {nft_time(block.expires)}"
    words = {
        "table": table,
        "until": _until(block.label),
        "made": _made(block.label),
        "script": _script(block.label),
        "whole": whole,
        "rules": load_script(rules, block.label).replace(asked, f"{asked} expires ${{left}}s"),
    }
    wanted = (
        write_file(_script(block.label), _SCRIPT.format(**words), facts.boot_script, mode=0o755),
        write_file(_unit(block.label), _UNIT.format(**words), facts.boot_unit),
        make_link(_link(block.label), _unit(block.label), facts.boot_link),
    )
    yield from (change for change in wanted if change)


def end_is_right(block: Block, facts: DeviceFacts) -> bool:
    """Tell whether an end is written down where the block is to persist, and none where it is not."""
    if not block.persist:
        return facts.boot_end.kind == "absent"
    return facts.boot_end.kind == "file" and (facts.boot_end.text() or "").strip().isdigit()


def set_end(block: Block) -> Command:
    """Write down when the block in force ends, or that nothing is to be loaded after a reboot, whatever stands."""
    if block.persist:
        return run("keep", table_of(block.label), _until(block.label), _made(block.label))
    return _forget_end(block.label)


def put_end_back(block: Block, end: FileFact, before: str) -> Command:
    """Give what makes the end's file what it was, and the one that says whose the table `before` was.

    Raises Unplannable where that could not be done.
    """
    if end.kind == "absent":
        return _forget_end(block.label)
    moment = (end.text() or "").strip()
    if end.kind != "file" or not (moment.isascii() and moment.isdigit()):
        raise Unplannable(f"{_until(block.label)} is no file of Stopgap's")
    made = _MADE.search(before)
    whose = " ".join(made.groups()) if made else ""
    return run("keep", table_of(block.label), _until(block.label), _made(block.label), moment, whose)


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
