"""Flows are forgotten to the last, though conntrack(8) gives up where one ends by itself meanwhile."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from stopgap.orchestrator.change import Command
from stopgap.tasks.traffic.conntrack import IN_NFT_SET, forget_diverted, forget_flows
from stopgap.tasks.traffic.driver import Block

BLOCK = Block(
    label="web",
    addresses=(ip_network("203.0.113.10/32"),),
    allowed=(),
    spare=(),
    expires=timedelta(hours=1),
)
CONNTRACK = """#!/bin/sh
echo "$*" >>"$0.calls"
[ "$1" = -D ] || exit 0
if [ "$(grep -cx -- "$*" "$0.calls")" -le 2 ]; then
    echo "conntrack v1.4.7 (conntrack-tools): Operation failed: such conntrack doesn't exist" >&2
else
    echo "conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted." >&2
fi
exit 1
"""


@pytest.mark.parametrize(
    ("command", "flows"),
    [
        (
            forget_flows(BLOCK, "stopgap_web", IN_NFT_SET),
            [
                "-s 203.0.113.10",
                "-d 203.0.113.10 -p tcp --dport 80",
                "-d 203.0.113.10 -p tcp --dport 443",
                "-d 203.0.113.10 -p udp",
            ],
        ),
        (*forget_diverted([ip_address("203.0.113.20")]), ["--dst-nat 203.0.113.20"]),
    ],
    ids=["blocked", "diverted"],
)
def test_it_is_called_again_until_it_gets_to_the_end(tmp_path: Path, command: Command, flows: list[str]) -> None:
    program = tmp_path / "conntrack"
    program.write_text(CONNTRACK)
    program.chmod(0o755)
    done = subprocess.run(
        ["sh"], input=command.script(), env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, text=True, check=False
    )
    assert done.returncode == 0
    deletions = [line for line in (tmp_path / "conntrack.calls").read_text().splitlines() if line.startswith("-D")]
    assert deletions == [f"-D -f ipv4 {flow}" for flow in flows for _ in range(3)]
