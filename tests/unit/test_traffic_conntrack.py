"""Flows are forgotten to the last: in one pass over a kernel's table, or by conntrack(8)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from stopgap.orchestrator.change import Command
from stopgap.orchestrator.facts import Flows, FlowsFact, Output
from stopgap.orchestrator.hosttext import HostText
from stopgap.tasks.traffic.conntrack import IN_NFT_SET, NoFlowPasses, forget_diverted, forget_flows
from stopgap.tasks.traffic.driver import Block

BLOCK = Block(
    label="web",
    addresses=(ip_network("203.0.113.10/32"), ip_network("203.0.113.64/30"), ip_network("2001:db8:113::10/128")),
    allowed=(ip_network("10.9.0.0/24"), ip_network("2001:db8:9::2/128")),
    spare=(ip_address("203.0.113.20"),),
    expires=timedelta(hours=1),
)
FLOWS = Path(__file__).parents[2] / "scripts" / "bench_wire" / "fill_flows.py"
needs_a_kernel = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root, for a network namespace of its own"
)
GONE = (
    "203.0.113.10 198.51.100.2",
    "198.51.100.2 203.0.113.10",
    "203.0.113.66 198.51.100.2",
    "2001:db8:113::10 2001:db8:100::2",
    "2001:db8:100::2 2001:db8:113::10",
    "203.0.113.10 10.9.0.2",
    "10.0.0.5 198.51.100.2 198.51.100.2 203.0.113.10",
    "198.51.100.2 192.0.2.2 203.0.113.10 198.51.100.2",
)
"""Opener and its peer; then, where the flow is translated, who answers, and to which address."""
STAYING = (
    "203.0.113.11 198.51.100.2",
    "198.51.100.2 203.0.113.68",
    "10.9.0.2 203.0.113.10",
    "2001:db8:9::2 2001:db8:113::10",
    "198.51.100.2 203.0.113.10 203.0.113.20 198.51.100.2",
)


class Table:
    """A table of flows in a network namespace of its own."""

    def __init__(self) -> None:
        words = ["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"]
        self._holder = subprocess.Popen(words, stdout=subprocess.PIPE)
        assert self._holder.stdout
        assert self._holder.stdout.readline() == b"ready\n"

    def sh(self, script: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        words = ["nsenter", f"--target={self._holder.pid}", "--net", "sh", "-c", script]
        return subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)

    def add(self, *flows: str) -> None:
        done = self.sh(f"{sys.executable} {FLOWS}", "".join(f"{flow}\n" for flow in flows))
        assert done.returncode == 0, done.stderr

    def look(self, block: Block) -> FlowsFact:
        reader = Flows(block.addresses, block.allowed, block.spare)
        done = self.sh(reader.script())
        return reader.parse(Output(HostText(done.stdout.encode()), HostText(done.stderr.encode()), done.returncode))

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()


@pytest.fixture
def table() -> Iterator[Table]:
    made = Table()
    yield made
    made.close()


@needs_a_kernel
def test_one_pass_forgets_what_is_of_the_blocked_and_nothing_else(table: Table) -> None:
    table.add(*GONE, *STAYING)
    assert table.look(BLOCK).left == len(GONE)
    done = table.sh(forget_flows(BLOCK, "stopgap_web", IN_NFT_SET).script())
    assert (done.returncode, done.stdout) == (0, f"{len(GONE)} flows forgotten\n")
    assert table.look(BLOCK) == FlowsFact(left=0)
    everybody = Block("all", (ip_network("0.0.0.0/0"), ip_network("::/0")), (), (), timedelta(hours=1))
    assert table.look(everybody).left == len(STAYING)


@needs_a_kernel
def test_an_undo_forgets_the_visitors_who_were_sent_to_the_spare_and_no_others(table: Table) -> None:
    table.add(*STAYING, "198.51.100.2 203.0.113.99 203.0.113.20 198.51.100.2")
    (command,) = forget_diverted(BLOCK)
    assert table.sh(command.script()).stdout == "1 flows forgotten\n"


@needs_a_kernel
def test_where_the_time_is_over_before_the_end_what_is_left_is_said_and_fails_nothing(table: Table) -> None:
    table.add(*GONE)
    script = forget_flows(BLOCK, "stopgap_web", IN_NFT_SET).script().replace("-- blocked 20 ", "-- blocked 0 ")
    done = table.sh(script)
    assert done.returncode == 0
    assert done.stdout == "0 flows forgotten, and the table was not read to its end within 0 s\n"
    assert table.look(BLOCK).left == len(GONE)


@pytest.mark.parametrize(
    ("fact", "holds", "seen"),
    [
        (FlowsFact(left=0), True, "none is left"),
        (FlowsFact(left=7, opener="198.51.100.2"), True, "7 are left in the table; none of them is offloaded"),
        (
            FlowsFact(left=7, offloaded=2, opener="198.51.100.2"),
            False,
            "2 offloaded flows pass, one opened by 198.51.100.2",
        ),
        (FlowsFact(left=7, whole=False), None, "the table of flows could not be read to its end"),
    ],
)
def test_only_an_offloaded_flow_passes_by_the_drops(fact: FlowsFact, holds: bool | None, seen: str) -> None:
    judgement = NoFlowPasses(vantage="upstream", addresses=BLOCK.addresses, allowed=()).judge(fact)
    assert (judgement.holds, judgement.seen) == (holds, seen)


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
LISTING = """#!/bin/sh
case "$*" in *-d*) cat <<'END'
tcp 6 99 src=10.9.0.2 dst=203.0.113.10 sport=1 dport=22 src=203.0.113.10 dst=10.9.0.2 sport=22 dport=1 use=1
udp 17 src=192.0.2.8 dst=203.0.113.10 sport=1 dport=53 src=203.0.113.10 dst=192.0.2.8 sport=53 dport=1 [OFFLOAD] use=1
END
esac
"""
ADDRESS = Block("web", BLOCK.addresses[:1], BLOCK.allowed, BLOCK.spare, BLOCK.expires)


def without_python(folder: Path, conntrack: str) -> dict[str, str]:
    """Give an environment that has conntrack(8), as it is here, and no python3."""
    for name in ("awk", "cat", "date", "grep", "head", "sed", "sh", "sort"):
        (folder / name).symlink_to(shutil.which(name) or "/nowhere")
    (folder / "conntrack").write_text(conntrack)
    (folder / "conntrack").chmod(0o755)
    return {"PATH": str(folder)}


@pytest.mark.parametrize(
    ("command", "flows"),
    [
        (
            forget_flows(ADDRESS, "stopgap_web", IN_NFT_SET),
            [
                "-s 203.0.113.10",
                "-q 203.0.113.10",
                "-d 203.0.113.10 -p tcp --dport 80",
                "-d 203.0.113.10 -p tcp --dport 443",
                "-d 203.0.113.10 -p udp",
            ],
        ),
        (*forget_diverted(ADDRESS), ["--dst-nat 203.0.113.20"]),
    ],
    ids=["blocked", "diverted"],
)
def test_conntrack_is_called_again_until_it_gets_to_the_end(
    tmp_path: Path, command: Command, flows: list[str]
) -> None:
    environment = without_python(tmp_path, CONNTRACK)
    done = subprocess.run(["/bin/sh"], input=command.script(), env=environment, text=True, check=False)
    assert done.returncode == 0
    deletions = [line for line in (tmp_path / "conntrack.calls").read_text().splitlines() if line.startswith("-D")]
    assert deletions == [f"-D -f ipv4 {flow}" for flow in flows for _ in range(3)]


def test_without_python_conntrack_tells_what_passes(tmp_path: Path) -> None:
    reader = Flows(ADDRESS.addresses, ADDRESS.allowed, ADDRESS.spare)
    environment = without_python(tmp_path, LISTING)
    done = subprocess.run(["/bin/sh", "-c", reader.script()], env=environment, capture_output=True, check=True)
    fact = reader.parse(Output(HostText(done.stdout), HostText(done.stderr), 0))
    assert fact == FlowsFact(left=1, offloaded=1, opener="192.0.2.8")
