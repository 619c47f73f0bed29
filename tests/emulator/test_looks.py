"""A look at a device counts only where it shows what is always there: silence is no absence."""

from __future__ import annotations

import time

import pytest

from ..unit.bench import outcomes
from .bench import DeviceBench
from .cisco import Ios
from .device import Device
from .junos import Junos
from .server import Server, Spoil
from .vendors import VENDORS
from .vyos import Vyos

REFUSALS = {
    "vyos": "\n  Invalid command: [show]\n",
    "routeros": "not enough permissions (9)",
    "junos": "error: permission denied: configuration",
    "eos": "% Authorization denied for command 'show'",
    "ios": "% Authorization failed.",
}


def is_look(line: str) -> bool:
    return line.startswith("show ") or " print " in line


def looks(altered: Spoil) -> Spoil:
    """Spoil the looks alone."""
    return lambda line, answer: altered(line, answer) if is_look(line) else (answer, "")


def first_lines(share: float) -> Spoil:
    def cut(_: str, answer: str) -> tuple[str, str]:
        lines = answer.splitlines()
        return "\n".join(lines[: int(len(lines) * share)]), ""

    return cut


SPOILT: dict[str, Spoil] = {
    "empty": lambda _, __: ("", ""),
    "blank": lambda _, __: ("\n \n\n", ""),
    "first half": first_lines(0.5),
    "first line": lambda _, answer: ("\n".join(answer.splitlines()[:1]), ""),
    "something else": lambda _, __: ("Message from syslogd@edge: link down", ""),
}


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def blocked(devices: DeviceBench, vendor: str) -> tuple[Device, Server, str]:
    """Block web; give the device, its server, and its configuration from before."""
    device = VENDORS[vendor]()
    server = devices.serve(device, driver=vendor)
    before = device.dump()
    assert devices.block("--yes")[0] == 0
    return device, server, before


def undo_is_unknown(devices: DeviceBench, device: Device, server: Server, spoil: Spoil, before: str) -> None:
    server.spoil = looks(spoil)
    there = device.dump()

    status, said, _ = devices.bench.stopgap("undo", "last", "--yes")

    assert status == 1, said
    assert "unknown" in said
    assert "nothing of this run is in force" not in said
    assert device.dump() == there
    assert "in force" not in devices.bench.stopgap("status")[1].split("could not be seen")[0].split("\n", 2)[1]

    server.spoil = None
    assert devices.undo() == 0
    assert device.dump() == before


@pytest.mark.parametrize("how", SPOILT)
def test_an_undo_that_cannot_see_is_unknown_and_takes_nothing_away(
    devices: DeviceBench, vendor: str, how: str
) -> None:
    device, server, before = blocked(devices, vendor)
    undo_is_unknown(devices, device, server, SPOILT[how], before)


def test_an_undo_whose_looks_are_refused_is_unknown(devices: DeviceBench, vendor: str) -> None:
    device, server, before = blocked(devices, vendor)
    undo_is_unknown(devices, device, server, lambda _, __: (REFUSALS[vendor], ""), before)


def test_a_block_whose_looks_are_refused_fails_and_quotes_the_refusal(devices: DeviceBench, vendor: str) -> None:
    server = devices.serve(device := VENDORS[vendor](), driver=vendor)
    before = device.dump()
    server.spoil = looks(lambda _, __: (REFUSALS[vendor], ""))
    for words in ("--dry-run", "--yes"):
        status, events = devices.block(words)
        assert status == 1
        assert REFUSALS[vendor].strip() in str(events[-1]["steps"][0]["reason"])
    assert device.dump() == before


def test_an_undo_that_cannot_see_afterwards_is_unknown(devices: DeviceBench, vendor: str) -> None:
    """It takes the block away, and says that nobody knows."""
    device, server, before = blocked(devices, vendor)
    taken: list[str] = []

    def spoil(line: str, answer: str) -> tuple[str, str]:
        if not is_look(line):
            taken.append(line)
        begun = any("STOPGAP" in each or " remove " in each for each in taken)
        return ("", "") if is_look(line) and begun else (answer, "")

    server.spoil = spoil
    status, said, _ = devices.bench.stopgap("undo", "last", "--yes")

    assert status == 1
    assert "unknown" in said
    assert device.dump() == before

    server.spoil = None
    assert devices.undo() == 0


def test_a_block_that_cannot_be_seen_is_not_confirmed(devices: DeviceBench, vendor: str) -> None:
    device = VENDORS[vendor](minute=1.0)
    server = devices.serve(device, driver=vendor)
    before = device.dump()
    server.spoil = looks(lambda _, answer: ("", "") if server.conversations > 1 else (answer, ""))
    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (1, {"block": "failed"})
    assert "goes back by itself" in str(events[-1]["steps"][0]["reason"])
    end = time.monotonic() + 180
    while device.dump() != before and time.monotonic() < end:
        time.sleep(0.05)
    assert device.dump() == before


def test_a_line_like_the_prompt_does_not_end_an_answer(devices: DeviceBench, vendor: str) -> None:
    device = VENDORS[vendor]()
    server = devices.serve(device, driver=vendor)
    before = device.dump()

    def in_two(_: str, answer: str) -> tuple[str, str]:
        lines = answer.splitlines(keepends=True)
        return "".join(lines[: len(lines) // 2]), "".join(lines[len(lines) // 2 :])

    server.spoil = looks(in_two)
    status, events = devices.block("--yes")
    assert (status, outcomes(events)) == (0, {"block": "changed"})

    assert devices.undo() == 0
    assert device.dump() == before


@pytest.mark.parametrize("filler", ["#", " ", "\t", "[confirm] ", "edge# ", "% ", "Rollback ", "commit-confirm "])
def test_what_a_device_shows_costs_time_in_proportion_to_its_length(devices: DeviceBench, filler: str) -> None:
    device = Ios()
    server = devices.serve(device, driver="ios")
    filling = f"edge{filler * (600_000 // len(filler))}x\n   description [confirm]{' ' * 300_000}x\n"
    server.spoil = looks(lambda _, answer: (filling + answer, ""))
    began = time.process_time()

    status, events = devices.block("--yes", "--dry-run")

    assert (status, outcomes(events)) == (0, {"block": "would-change"})
    assert time.process_time() - began < 20, "quadratic time would be minutes"


def test_numbers_that_are_none_end_no_run(devices: DeviceBench) -> None:
    device = Ios()
    server = devices.serve(device, driver="ios")
    numbers = ["9" * 5000, "²", "٣", "-1", "1e9"]
    strange = "".join(f"    {number} permit ip any any\n" for number in numbers) + "[" * 100_000 + "\n"
    server.spoil = looks(lambda _, answer: (strange + answer, ""))

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (0, {"block": "changed"})
    assert devices.undo() == 0


def test_a_rule_that_was_numbered_anew_is_drift_for_the_undo(devices: DeviceBench) -> None:
    device = Ios()
    devices.serve(device, driver="ios")
    assert devices.block("--yes")[0] == 0
    rules = device.config.lists["STOPGAP-IN"]
    rules[5003] = rules.pop(5000)
    there = device.dump()

    assert devices.undo() == 4
    assert device.dump() == there


def test_half_a_block_is_taken_away_entry_by_entry(devices: DeviceBench, vendor: str) -> None:
    device, _, before = blocked(devices, vendor)
    lose_an_entry(device)

    status = devices.bench.stopgap("undo", "last", "--yes", "--force")[0]

    assert status == 0
    assert device.dump() == before


def lose_an_entry(device: Device) -> None:
    """Take one entry of web's block away, as another operator would."""
    match device:
        case Ios():
            device.config.lists["STOPGAP-IN"].pop(5000)
        case Junos() | Vyos():
            device.config = [line for line in device.config if "203.0.113.10" not in line]
        case _:
            lose_by_name(device)


def lose_by_name(device: Device) -> None:
    if (lists := getattr(device, "lists", None)) is not None:
        del lists["ip"]["stopgap", "203.0.113.10"]
    else:
        device.config.lists["STOPGAP-IN"].pop(5000)  # type: ignore[attr-defined]


def test_half_a_block_that_a_lost_link_left_needs_no_force(devices: DeviceBench) -> None:
    """RouterOS takes every line at once: what a lost link left is neither a block nor none."""
    device = VENDORS["routeros"]()
    server = devices.serve(device, driver="routeros")
    before = device.dump()
    server.hang_up_on = "/ip firewall address-list add list=stopgap "

    status, events = devices.block("--yes")
    assert (status, outcomes(events)) == (1, {"block": "unknown"})
    assert device.dump() != before

    server.hang_up_on = None
    assert devices.undo() == 0
    assert device.dump() == before
