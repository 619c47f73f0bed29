"""cut: a host is cut off at a router with nothing written before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_line
from stopgap.orchestrator.cli.run import carry_out_order
from stopgap.orchestrator.cli.run_options import RunOptions, RunRequested
from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.cut.draft import CutAsked, Draft, drafted
from stopgap.orchestrator.documents import envelope
from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.source import InvalidInput, Problem
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.cut.discovery import Found
    from stopgap.orchestrator.cut.host_keys import UnknownKey
    from stopgap.orchestrator.remote import ConnectAhead
    from stopgap.orchestrator.run.order import Order

_NAMED = 8
"""Addresses that are named one by one."""


@dataclass(frozen=True)
class CutCommand:
    """The options of `stopgap cut`."""

    asked: CutAsked
    options: RunOptions
    dry_run: bool = False
    save: Path | None = None


def cut(command: CutCommand) -> int:
    """Cut hosts off: find the hosts' addresses, ask once, block, prove; return the exit code."""
    from stopgap.orchestrator.cut.host_keys import with_known_keys
    from stopgap.orchestrator.journal import state_home
    from stopgap.orchestrator.remote import ConnectAhead

    messages = screens.err()
    draft = drafted(command.asked)
    _refuse_unfit(draft)
    draft = with_known_keys(draft, state_home(), lambda key: _accepts(messages, key), messages.line)
    hosts = draft.inventory().hosts
    with ConnectAhead(hosts) as connect:
        connect.begin(hosts[typed.name] for typed in draft.everybody if typed.logs_in)
        draft = _with_addresses(draft, connect, messages, as_json=command.options.json)
        order = _found_order(draft)
        if command.save:
            _save(draft, command.save, messages)
        return carry_out_order(order, RunRequested("cut", (), dry_run=command.dry_run), command.options, connect)


def _refuse_unfit(draft: Draft) -> None:
    """Raise InvalidInput for a value that the runbook or the inventory would refuse, before anything is contacted."""
    try:
        _order(draft)
    except InvalidInput as error:
        where = f"stopgap cut {' '.join(draft.asked.hosts)}"
        told = [
            Problem(where, problem.message, hint=problem.hint, refused=problem.refused) for problem in error.problems
        ]
        raise InvalidInput(told) from None


def _found_order(draft: Draft) -> Order:
    """Return the order with the addresses found. Raises RefusedError: by now hosts were contacted."""
    try:
        return _order(draft)
    except InvalidInput as error:
        reasons = "; ".join(problem.message for problem in error.problems)
        raise RefusedError(tr("{reasons}. Nothing was changed", reasons=reasons)) from None


def _order(draft: Draft) -> Order:
    from stopgap.orchestrator.run.order import order_here
    from stopgap.orchestrator.runbook import bind, check

    inventory, runbook = draft.inventory(), draft.runbook()
    targets = inventory.select([target.name for target in draft.targets])
    check(runbook, inventory, targets, {})
    return order_here(runbook, inventory, targets, bind(runbook, inventory, targets, {}))


def _with_addresses(draft: Draft, connect: ConnectAhead, messages: Screen, *, as_json: bool) -> Draft:
    """Return the draft with the addresses of hosts and spare that were found, and tell of each."""
    from stopgap.orchestrator.cut.discovery import find_addresses, own_addresses
    from stopgap.orchestrator.run.connection_pool import ConnectionPool, with_controller

    inventory = draft.inventory()
    targets = [inventory.hosts[typed.name] for typed in draft.targets]
    ask = [inventory.hosts[typed.name] for typed in draft.targets if typed.logs_in]
    with ConnectionPool(with_controller(inventory.hosts), connect) as pool:
        found = find_addresses(inventory, targets, ask, pool.look)
        more = {name: tuple(each.confirmed) for name, each in found.items()}
        if draft.spare:
            more[draft.spare.name] = own_addresses(inventory.hosts[draft.spare.name], pool.look)
        connect.take(pool.hand_over())
    for name, each in found.items():
        _tell(name, each, messages)
        if as_json:
            print_line({**envelope("event"), "event": "addresses-found", "run": None, **_found_object(name, each)})
    return replace(draft, more=more)


def _found_object(name: str, found: Found) -> dict[str, object]:
    return {
        "host": name,
        "confirmed": [{"address": str(address), "by": router} for address, router in found.confirmed.items()],
        "claimed": [str(address) for address in found.claimed],
        "reason": found.silent,
    }


def _tell(name: str, found: Found, messages: Screen) -> None:
    for address, router in found.confirmed.items():
        messages.line(
            tr(
                "{name}: {address} answers from the same network card, as {router} sees, and is cut off too",
                name=name,
                address=address,
                router=router,
            )
        )
    for router in found.shared_by:
        messages.line(
            tr(
                "{name}: many addresses answer from its network card at {router}, as from a router: only "
                "what you typed is cut off",
                name=name,
                router=router,
            ),
            "warn",
        )
    if found.claimed:
        listed = ", ".join(map(str, found.claimed[:_NAMED]))
        messages.line(
            tr(
                "{name} says that {listed} is its own too; no router confirms it. To cut it off, name it",
                name=name,
                listed=listed,
            ),
            "warn",
        )
    if found.silent:
        messages.line(tr("{name} told nothing of its addresses: {silent}", name=name, silent=found.silent), "warn")


def _save(draft: Draft, folder: Path, messages: Screen) -> None:
    runbook, inventory = draft.save(folder)
    messages.line(tr("Saved: stopgap run {runbook} -i {inventory}", runbook=runbook, inventory=inventory))


def _accepts(messages: Screen, key: UnknownKey) -> bool | None:
    """Show a host key that no file has, and ask a person; `--yes` is no answer to that."""
    from stopgap.orchestrator.cli.terminal import Terminal

    messages.line(
        tr("The host key of {host} ({address}) is not known. It shows", host=key.host, address=key.address), "warn"
    )
    messages.line(f"  {key.kind} {key.fingerprint}", "title")
    messages.line(tr("Compare it on its console, such as the provider's:  {on_console}", on_console=key.on_console))

    def understood(line: str) -> bool | None:
        if line.strip().lower() in {"no", "n"}:
            return False
        return True if key.is_meant_by(line) else None

    expected = tr(
        "Please type the last six characters or more of the fingerprint as the console shows it, or yes, or no."
    )
    prompt = tr("Type the fingerprint's last characters, or yes if it is the same, or no: ")
    return Terminal(messages, yes=False).reads(prompt, understood, expected)
