"""Ports opened in nftables' own input chains, in a namespace without any host: in, seen, out again."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from stopgap.orchestrator.change import RunCommands
from stopgap.orchestrator.facts import ProgramFact
from stopgap.orchestrator.host import Host, Scene
from stopgap.tasks.host.firewall import FirewallOpen, FirewallOpenFacts, FirewallOpenParams

RULES = """
table inet filter {
    chain input {
        type filter hook input priority 0; policy drop;
        tcp dport 22 accept
    }
}
table ip filter {
    chain INPUT {
        type filter hook input priority 10; policy accept;
        tcp dport 22 accept
        counter drop
    }
}
"""
SPARE = Host(name="spare", address="203.0.113.20")
needs_nft = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("unshare"), reason="loads rules, as root"
)


def changes(ruleset: str) -> list[RunCommands]:
    facts = FirewallOpenFacts(nft=ProgramFact(status=0, stdout=ruleset))
    planned = FirewallOpen().plan(FirewallOpenParams(), facts, Scene(target=SPARE, on=SPARE))
    return [change for change in planned if isinstance(change, RunCommands)]


def in_namespace(script: str) -> list[str]:
    """Run a script over the rules; give what it printed between lines of `--`."""
    whole = f"nft -f - <<'END'\n{RULES}END\n{script}"
    done = subprocess.run(["unshare", "--net", "sh", "-ec", whole], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("--\n")


@needs_nft
def test_every_chain_that_drops_lets_visitors_in_and_undo_leaves_it_as_it_was() -> None:
    made = changes(in_namespace("nft -j list ruleset")[0])
    assert [change.about for change in made] == [
        "let everybody reach 80, 443, in inet filter input (nftables)",
        "let everybody reach 80, 443, in ip filter INPUT (nftables)",
    ]
    do = "\n".join(f"({change.do_script()})" for change in made)
    undo = "\n".join(f"({change.undo_script()})" for change in made)
    listing = "nft -s list ruleset; echo --"
    before, after, seen, undone, twice = in_namespace(
        f"{listing}\n{do}\n{listing}\nnft -j list ruleset; echo --\n{undo}\n{listing}\n{undo}\n{listing}"
    )[:5]
    assert after.count("tcp dport { 80, 443 } counter accept") == 2
    assert changes(seen) == [], "what is open already is left"
    assert undone == before == twice
