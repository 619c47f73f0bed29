"""The inventory and the runbook that a cut stands for, as text: what `--save` writes is what is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from stopgap.orchestrator.cut.logins import Typed, typed
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.host import Address
from stopgap.orchestrator.inventory import Inventory, parse_inventory
from stopgap.orchestrator.inventory.inventory import TARGETS
from stopgap.orchestrator.runbook import Runbook, parse_runbook
from stopgap.orchestrator.source import InvalidInput, Problem
from stopgap.orchestrator.text import tr

INVENTORY, RUNBOOK = "inventory.yaml", "cut.yaml"


@dataclass(frozen=True)
class CutAsked:
    """What was typed."""

    hosts: tuple[str, ...]
    at: tuple[str, ...]
    expires: str = "72h"
    spare: str | None = None
    contact: str | None = None
    """Mail address on the spare's page."""
    outside: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """The hosts of a cut, as far as known."""

    asked: CutAsked
    targets: tuple[Typed, ...]
    routers: tuple[Typed, ...]
    spare: Typed | None
    outside: tuple[Typed, ...]
    more: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    """Host → addresses found beyond those that were typed."""

    @property
    def helpers(self) -> tuple[Typed, ...]:
        """Return the spare and the vantages outside."""
        return (*((self.spare,) if self.spare else ()), *self.outside)

    @property
    def everybody(self) -> tuple[Typed, ...]:
        """Return every host, routers first."""
        return (*self.routers, *self.helpers, *self.targets)

    def each(self, change: Callable[[Typed], Typed]) -> Draft:
        """Return the draft with every host changed."""
        return replace(
            self,
            targets=tuple(map(change, self.targets)),
            routers=tuple(map(change, self.routers)),
            spare=change(self.spare) if self.spare else None,
            outside=tuple(map(change, self.outside)),
        )

    def addresses(self, host: Typed) -> tuple[Address, ...]:
        """Return the addresses of a host, typed and found."""
        return tuple(dict.fromkeys((*host.addresses, *self.more.get(host.name, ()))))

    def inventory_text(self) -> str:
        """Return the inventory as YAML."""
        blocked = [str(address) for target in self.targets for address in self.addresses(target)]
        upstream = [router.name for router in self.routers]
        hosts: dict[str, Any] = {}
        for target in self.targets:
            hosts[target.name] = {**target.entry, "addresses": self._listed(target)}
            hosts[target.name] |= {"upstream": upstream if len(upstream) > 1 else upstream[0]}
            hosts[target.name] |= {"spare": self.spare.name} if self.spare else {}
        if self.spare:
            hosts[self.spare.name] = {**self.spare.entry, "addresses": self._listed(self.spare)}
        for vantage in self.outside:
            hosts[vantage.name] = {**vantage.entry, "addresses": self._listed(vantage), "vantage": "outside"}
        for router in self.routers:
            hosts[router.name] = {**router.entry, "driver": "auto", "may_block": blocked}
        group = {TARGETS: {"hosts": [target.name for target in self.targets]}}
        return _yaml({"hosts": hosts, "groups": group})

    def runbook_text(self) -> str:
        """Return the runbook as YAML."""
        asked = self.asked
        names = ", ".join(target.name for target in self.targets)
        block: dict[str, Any] = {"expires": asked.expires}
        block |= {"allow": list(asked.allow)} if asked.allow else {}
        steps: list[dict[str, Any]] = [
            {
                "id": "cut-off",
                "name": "Drop its packets upstream",
                "name_ja": "上位ルーターで通信を遮断",
                "task": "traffic.block",
                "with": block,
            }
        ]
        if self.spare:
            page = {"contact": asked.contact} if asked.contact else {}
            steps.append(
                {
                    "id": "page",
                    "name": "Maintenance page on the spare",
                    "name_ja": "予備機のメンテナンスページ",
                    "task": "web.maintenance",
                    "on": "spare",
                    **({"with": page} if page else {}),
                    "on_failure": "continue",
                }
            )
        return _yaml({"name": f"Cut off {names}", "name_ja": f"{names} の遮断", "steps": steps})

    def inventory(self, path: str = f"cut/{INVENTORY}") -> Inventory:
        """Return the inventory. Raises InvalidInput."""
        return parse_inventory(self.inventory_text(), path)

    def runbook(self, path: str = f"cut/{RUNBOOK}") -> Runbook:
        """Return the runbook. Raises InvalidInput."""
        return parse_runbook(self.runbook_text(), path)

    def save(self, folder: Path) -> tuple[Path, Path]:
        """Write the runbook and the inventory into a folder; return the paths. Raises UsageError."""
        paths = folder / RUNBOOK, folder / INVENTORY
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path, text in zip(paths, (self.runbook_text(), self.inventory_text()), strict=True):
                with path.open("x", encoding="utf-8") as file:
                    file.write(text)
        except FileExistsError as error:
            raise UsageError(
                tr("{filename} is there already; name another folder with --save", filename=error.filename)
            ) from None
        except OSError as error:
            raise UsageError(
                tr("{folder}: {strerror}; nothing was saved", folder=folder, strerror=error.strerror)
            ) from None
        return paths

    def _listed(self, host: Typed) -> list[str]:
        return [str(address) for address in self.addresses(host)]


def drafted(asked: CutAsked) -> Draft:
    """Return the draft of what was typed; names are resolved, no host is contacted. Raises InvalidInput."""
    draft = Draft(
        asked,
        targets=tuple(typed(word, word, login=False) for word in dict.fromkeys(asked.hosts)),
        routers=tuple(typed(word, f"--at {word}") for word in dict.fromkeys(asked.at)),
        spare=typed(asked.spare, f"--spare {asked.spare}") if asked.spare else None,
        outside=tuple(typed(word, f"--outside {word}") for word in dict.fromkeys(asked.outside)),
    )
    _refuse_doubles(draft)
    return draft


def _refuse_doubles(draft: Draft) -> None:
    """Raise InvalidInput for a host in two roles: a router cannot cut itself off."""
    seen: dict[str, str] = {}
    problems = []
    roles = (
        (tr("the host to cut off"), draft.targets),
        ("a router (--at)", draft.routers),
        (tr("the spare"), draft.helpers),
    )
    for role, hosts in roles:
        for host in hosts:
            for name in {host.name, *map(str, host.addresses)}:
                if seen.setdefault(name, role) != role:
                    problems.append(
                        Problem(host.name, tr("it is {seen} and {role} at once", seen=seen[name], role=role))
                    )
    if problems:
        raise InvalidInput(problems[:1])


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(document), sort_keys=False, default_flow_style=None, allow_unicode=True, width=100)
