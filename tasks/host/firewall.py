"""firewall.open: open ports in a host's own firewall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from stopgap.orchestrator import facts as read
from stopgap.orchestrator.change import RunCommands, command
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.task import Facts, Gap, Note, Parameters, Planned, Probe, Task, Unlimited, Unplannable
from stopgap.orchestrator.text import tr

_NOT_INSTALLED = 127
PortNumber = Annotated[int, Field(ge=1, le=65535)]
_UFW = read.ReadOnly(("ufw", "status"), because="ufw(8): `status` shows the rules")
_FIREWALLD = read.ReadOnly(("firewall-cmd", "--list-all"), because="firewall-cmd(1): --list-all lists a zone")
_NFT = read.ReadOnly(("nft", "-j", "list", "ruleset"), because="nft(8): `list` lists")
_MARK = "stopgap: open"
_CLOSE = (
    'for handle in $(nft -a list chain "$1" "$2" "$3" |'
    ' sed -n "s/.*comment \\"$4\\" # handle \\([0-9]*\\)$/\\1/p"); do'
    ' nft delete rule "$1" "$2" "$3" handle "$handle" || exit 1; done'
)
"""Takes out the rules that bear the mark; safe to repeat, and where the chain is gone."""


class FirewallOpenParams(Parameters):
    """Ports to open."""

    ports: tuple[PortNumber, ...] = Field((80, 443), min_length=1, description="TCP ports to open to everybody.")


class FirewallOpenFacts(Facts):
    """Facts of ufw, firewalld and nftables."""

    ufw: read.ProgramFact = read.ProgramFact(status=127)
    firewalld: read.ProgramFact = read.ProgramFact(status=127)
    nft: read.ProgramFact = read.ProgramFact(status=127)


class FirewallOpen(Task[FirewallOpenParams, FirewallOpenFacts]):
    """Open ports in a host's own firewall, where it has one; where nothing stops them, nothing is done.

    ufw and firewalld are changed by their own commands. In plain nftables, each input chain with a drop policy or a
    final drop rule gets an accept rule at the beginning; a reload of the ruleset removes the rule.
    """

    name = "firewall.open"
    vantages = ("target", "spare")

    def root_programs(self) -> frozenset[str]:
        """Return the commands of the firewalls."""
        return frozenset({"ufw", "firewall-cmd", "nft"})

    def probe(self, params: FirewallOpenParams, scene: Scene) -> Probe:
        """Return readers for ufw, firewalld and nftables."""
        return {
            "ufw": _UFW.asked(),
            "firewalld": _FIREWALLD.asked(),
            "nft": _NFT.asked(partial=True),
        }

    def plan(self, params: FirewallOpenParams, facts: FirewallOpenFacts, scene: Scene) -> Iterator[Planned]:
        """Yield the change for the active firewall: the first of ufw, firewalld, nftables."""
        ports = sorted(set(params.ports))
        if facts.ufw.status == 0 and "Status: active" in facts.ufw.stdout:
            yield from _by_ufw(ports, facts.ufw.stdout)
        elif facts.firewalld.status == 0:
            yield from _by_firewalld(ports, facts.firewalld.stdout)
        elif facts.nft.status == 0:
            yield from _by_nft(ports, facts.nft.stdout)
        elif unread := next((f for f in (facts.ufw, facts.nft) if f.status not in {0, _NOT_INSTALLED}), None):
            said = (unread.stderr or unread.stdout).strip().rpartition("\n")[2] or tr("it says nothing")
            raise Unplannable(tr("the firewall of {host} cannot be read: {said}", host=scene.on.name, said=said))
        else:
            yield Note(
                text=tr(
                    "no ufw, firewalld or nftables on {host}: nothing of its own stops these ports",
                    host=scene.on.name,
                )
            )


def _by_ufw(ports: list[int], status: str) -> Iterator[Planned]:
    rules = [line.split() for line in status.splitlines()]
    allowed = {words[0] for words in rules if len(words) >= 3 and words[1:3] == ["ALLOW", "Anywhere"]}
    missing = [f"{port}/tcp" for port in ports if not {f"{port}/tcp", str(port)} & allowed]
    if missing:
        yield RunCommands(
            about=tr("let everybody reach {missing} (ufw)", missing=", ".join(missing)),
            do=tuple(command("ufw", "allow", rule) for rule in missing),
            undo=tuple(command("ufw", "delete", "allow", rule) for rule in missing),
        )


def _by_firewalld(ports: list[int], listed: str) -> Iterator[Planned]:
    fields = {key.strip(): value.split() for key, _, value in (line.partition(":") for line in listed.splitlines())}
    services = {"http": 80, "https": 443}
    allowed = {*fields.get("ports", []), *(f"{services[s]}/tcp" for s in fields.get("services", []) if s in services)}
    missing = [f"{port}/tcp" for port in ports if f"{port}/tcp" not in allowed]
    if missing:
        yield RunCommands(
            about=tr("let everybody reach {missing} (firewalld, until it is reloaded)", missing=", ".join(missing)),
            do=tuple(command("firewall-cmd", f"--add-port={rule}") for rule in missing),
            undo=tuple(command("firewall-cmd", f"--remove-port={rule}") for rule in missing),
        )


def _by_nft(ports: list[int], listed: str) -> Iterator[Planned]:
    try:
        found = parse_json(listed)["nftables"]
        chains = [item["chain"] for item in found if "chain" in item]
        rules = [item["rule"] for item in found if "rule" in item]
    except (ValueError, KeyError, TypeError):
        yield Gap(
            text=tr("the ruleset of nftables could not be read: whether it lets visitors in is not known"),
            at_best=Unlimited(why=tr("the spare's own firewall is not what cuts the target off")),
        )
        return
    stopping = 0
    for chain in chains:
        place = tuple(str(chain.get(key, "")) for key in ("family", "table", "name"))
        own = [r for r in rules if tuple(str(r.get(k, "")) for k in ("family", "table", "chain")) == place]
        if chain.get("hook") != "input" or chain.get("type") != "filter" or not _stops(chain, own):
            continue
        stopping += 1
        if any(rule.get("comment") == _MARK for rule in own):
            continue
        words = ["tcp", "dport", "{", ", ".join(map(str, ports)), "}", "counter", "accept", "comment", f'"{_MARK}"']
        yield RunCommands(
            about=tr(
                "let everybody reach {ports}, in {place} (nftables)",
                ports=", ".join(map(str, ports)),
                place=" ".join(place),
            ),
            do=(command("nft", "insert", "rule", *place, " ".join(words)),),
            undo=(command("sh", "-c", _CLOSE, "sh", *place, _MARK),),
            undo_about=tr("delete that rule from {place}", place=" ".join(place)),
        )
    if not stopping:
        yield Note(text=tr("nothing in nftables' input chains stops these ports"))


def _stops(chain: Mapping[str, Any], rules: list[Mapping[str, Any]]) -> bool:
    """Return True if a chain drops unmatched packets: by policy, or by a final unconditional rule."""
    if chain.get("policy") == "drop":
        return True
    expression = rules[-1].get("expr") if rules else None
    if not isinstance(expression, list):
        return False
    words = {key for part in expression if isinstance(part, dict) for key in part}
    return bool(words & {"drop", "reject"}) and "match" not in words
