"""Where a command of a playbook runs: hosts of the inventory, or the run's target; an address is never trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.exchange.cacao import visible
from stopgap.orchestrator.exchange.cacao.reading import Path_, refuse
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.text import tr

_HOSTS = ("ssh", "linux", "net-address")
_VARIABLE = re.compile(r"(__[a-zA-Z][a-zA-Z0-9_-]*__):value")
_VANTAGES = ("upstream", "spare")


@dataclass(frozen=True)
class Place:
    """Hosts, by the names of the inventory; or a vantage of the run's target."""

    hosts: tuple[str, ...] = ()
    vantage: str = "target"

    @property
    def when(self) -> str | None:
        """The expression that holds for these hosts alone; `None`: the step is done for each target of the run."""
        if not self.hosts:
            return None
        names = ", ".join(f"'{name}'" for name in self.hosts)
        return f"target.name in [{names}]"


def place_of(
    step: Mapping[str, Any],
    path: Path_,
    playbook: Mapping[str, Any],
    hosts: Mapping[str, Host] | None,
    source: str,
) -> Place:
    """Return where an action's commands run; raises InvalidInput for a place that the inventory does not know.

    Args:
        step: the action, checked by `check_graph`.
        path: of the action.
        playbook: the whole playbook.
        hosts: of the inventory; `None` without an inventory.
        source: name of the file in problems.
    """
    named = [("target_definitions", each) for each in step.get("targets", ())]
    if not named and playbook["agent_definitions"][step["agent"]].get("type") in _HOSTS:
        named = [("agent_definitions", step["agent"])]
    if not named:
        refuse(source, path, tr("the command says no host: it has no targets"))
    found = [_of(playbook[kind][each], (kind, each), playbook, hosts, source) for kind, each in named]
    if found[0].hosts == () and len(found) == 1:
        return found[0]
    if any(not place.hosts for place in found):
        refuse(source, (*path, "targets"), tr("the target of the run stands beside other hosts"))
    return Place(hosts=tuple(dict.fromkeys(name for place in found for name in place.hosts)))


def _of(
    about: Mapping[str, Any],
    path: Path_,
    playbook: Mapping[str, Any],
    hosts: Mapping[str, Host] | None,
    source: str,
) -> Place:
    if about.get("type") not in _HOSTS:
        refuse(source, (*path, "type"), tr("no host that a command could run on"))
    address = about.get("address", {})
    if not isinstance(address, dict) or not all(isinstance(each, list) for each in address.values()):
        refuse(source, (*path, "address"), tr("it has to be an object of lists"))
    texts = [text for each in address.values() for text in each]
    if not all(isinstance(text, str) for text in texts):
        refuse(source, (*path, "address"), tr("an address is a text"))
    if texts == [f"{visible.TARGET}:value"]:
        return Place()
    if about.get("name") in _VANTAGES and texts == [about["name"]]:
        return Place(vantage=str(about["name"]))
    if len(texts) == 1 and (used := _VARIABLE.fullmatch(texts[0])):
        return _of_variable(used[1], path, playbook, hosts, source)
    return Place(hosts=(_host(texts or [about.get("name")], path, hosts, source),))


def _of_variable(
    name: str, path: Path_, playbook: Mapping[str, Any], hosts: Mapping[str, Host] | None, source: str
) -> Place:
    variable = playbook.get("playbook_variables", {}).get(name)
    if variable is None:
        refuse(source, (*path, "address"), tr("the variable {name} is not declared", name=name))
    value = variable.get("value")
    if value is None or value == "":
        return Place()
    return Place(hosts=(_host([value], ("playbook_variables", name, "value"), hosts, source),))


def _host(texts: Iterable[Any], path: Path_, hosts: Mapping[str, Host] | None, source: str) -> str:
    wanted = [text for text in texts if isinstance(text, str)]
    if hosts is None:
        refuse(source, path, tr("whose host is this? Give the inventory with -i"))
    names = {name for text in wanted if (name := _named(text, hosts))}
    if len(names) != 1 or not all(_named(text, hosts) for text in wanted):
        refuse(source, path, tr("not one host of the inventory"))
    return names.pop()


def _named(text: str, hosts: Mapping[str, Host]) -> str | None:
    for name, host in hosts.items():
        if text in {name, host.address, *map(str, host.addresses)}:
            return name
    return None
