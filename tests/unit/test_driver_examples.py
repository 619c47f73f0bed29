"""The example programs for clouds hold to the protocol, against clouds that answer as documented."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.secret.secret import forget

from .cloud_stand_ins import IPV4, HetznerCloud, OpenStack, Robot, listening

EXAMPLES = Path(__file__).parents[2] / "examples" / "drivers"


def check(
    capsys: pytest.CaptureFixture[str],
    program: str,
    *arguments: str,
    addresses: tuple[str, ...],
    env: tuple[str, ...],
) -> tuple[int, list[str], str]:
    """Have `stopgap driver-check` test a program; give exit status, the points that fail, and what is said."""
    words = [word for address in addresses for word in ("--address", address)]
    words += [word for name in env for word in ("--env", name)]
    words += ["--allow", "198.51.100.7", "--yes", "--json", "--", sys.executable, str(EXAMPLES / program), *arguments]
    status = main(["driver-check", *words])
    out, err = capsys.readouterr()
    points: list[dict[str, Any]] = json.loads(out)["points"] if out else []
    return status, [f"{each['point']}: {each['seen']}" for each in points if not each["holds"]], err


@pytest.fixture(autouse=True)
def no_secret_known() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.fixture
def openstack(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    given = {"OS_USERNAME": "noc", "OS_PASSWORD": "correct horse", "OS_PROJECT_NAME": "shop"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return ("OS_AUTH_URL", *given)


@pytest.mark.parametrize("arguments", [(), ("--group", "quarantine")])
def test_openstack_blocks_every_port_of_the_server_and_no_other(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    openstack: tuple[str, ...],
    arguments: tuple[str, ...],
) -> None:
    cloud = OpenStack()
    before = json.dumps(cloud.ports)
    with listening(cloud) as url:
        monkeypatch.setenv("OS_AUTH_URL", f"{url}/identity")
        assert check(capsys, "openstack_port.py", *arguments, addresses=(IPV4, "10.0.0.5"), env=openstack)[:2] == (
            0,
            [],
        )
        assert json.dumps(cloud.ports) == before
        status, _, said = check(capsys, "openstack_port.py", *arguments, addresses=(IPV4,), env=openstack)
        assert (status, "p2 at the provider has 10.0.0.5, too" in said) == (4, True)


def test_openstack_takes_no_group_with_rules_and_no_wrong_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, openstack: tuple[str, ...]
) -> None:
    with listening(OpenStack()) as url:
        monkeypatch.setenv("OS_AUTH_URL", f"{url}/identity/v3")
        addresses = (IPV4, "10.0.0.5")
        failed = check(capsys, "openstack_port.py", "--group", "leaky", addresses=addresses, env=openstack)[1]
        assert "the group leaky has rules" in failed[0]
        monkeypatch.setenv("OS_PASSWORD", "wrong battery")
        forget()
        failed = check(capsys, "openstack_port.py", addresses=addresses, env=openstack)[1]
        assert "HTTP 401" in failed[0]


def test_hetzner_cloud_leaves_the_server_one_firewall_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = HetznerCloud()
    monkeypatch.setenv("HCLOUD_TOKEN", "correct-horse")
    env, addresses = ("HCLOUD_TOKEN", "HCLOUD_ENDPOINT"), (IPV4, "2001:db8:113::1")
    with listening(cloud) as url:
        monkeypatch.setenv("HCLOUD_ENDPOINT", f"{url}/v1")
        assert check(capsys, "hetzner_cloud.py", "quarantine", addresses=addresses, env=env)[:2] == (0, [])
        assert cloud.applied == {1: "applied"}
        failed = check(capsys, "hetzner_cloud.py", "leaky", addresses=addresses, env=env)[1]
        assert "leaky has no rule for `out`, and so lets everything out" in failed[0]


def test_hetzner_robot_sets_the_whole_firewall_and_puts_it_back(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = Robot()
    before = json.dumps(cloud.firewall)
    monkeypatch.setenv("ROBOT_USER", "web+user")
    monkeypatch.setenv("ROBOT_PASSWORD", "correct horse")
    with listening(cloud) as url:
        monkeypatch.setenv("ROBOT_ENDPOINT", url)
        env = ("ROBOT_USER", "ROBOT_PASSWORD", "ROBOT_ENDPOINT")
        assert check(capsys, "hetzner_robot.py", addresses=(IPV4,), env=env)[:2] == (0, [])
        assert json.dumps(cloud.firewall) == before


def test_a_program_that_departs_from_the_protocol_is_told_where(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "state").write_text('{"groups": ["default"]}')
    stand_in, state = str(Path(__file__).with_name("provider_stand_in.py")), str(tmp_path / "state")
    failing = {
        "does-nothing": "apply makes the state that plan wants",
        "talks": "the program answers by the protocol: probe: what provider's program printed is no JSON object",
        "unknown": "probe names what the block would change: 0 ids",
    }
    for odd, point in failing.items():
        words = ["--address", IPV4, "--yes", "--json", "--", sys.executable, stand_in, state, odd]
        assert main(["driver-check", *words]) == 1
        points = json.loads(capsys.readouterr().out)["points"]
        failed = [f"{each['point']}: {each['seen']}".removesuffix(": ") for each in points if not each["holds"]]
        assert point in failed
        assert json.loads((tmp_path / "state").read_text()) == {"groups": ["default"]}
