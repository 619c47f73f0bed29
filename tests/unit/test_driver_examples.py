"""The example programs for clouds hold to the protocol, against clouds that answer as documented."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.secret.revealed import forget

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


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an imitation of EC2 (moto), and the program's module."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "imitated")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    with mock_aws():
        yield boto3.client("ec2")


def test_aws_replaces_the_groups_of_each_interface_and_the_acl_only_when_asked(aws: Any) -> None:
    vpc = aws.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = aws.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    shop, quarantine = (
        aws.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("shop", "q")
    )
    words = {"SubnetId": subnet, "Groups": [shop]}
    aws.create_network_interface(**words, PrivateIpAddress="10.0.1.5")
    aws.create_network_interface(**words, PrivateIpAddress="10.0.1.6")
    acl = aws.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    program, protocol = importlib.import_module("aws_security_group"), importlib.import_module("stopgap_driver")
    request = {"stopgap": 1, "label": "web", "target": {"addresses": ["10.0.1.5"], "guest": None}}
    request |= {"block": {"allowed": ["198.51.100.0/24"]}, "before": None, "wanted": None}

    def ask(operation: str, *more: str, **snapshots: Any) -> dict[str, Any]:
        asked = {**request, "op": operation, **snapshots}
        answer: dict[str, Any] = protocol.answered(program.Aws(asked, ["--group", quarantine, *more]), asked)
        return answer

    with pytest.raises(protocol.RefusedError, match=r"a rule for 0\.0\.0\.0/0, which is not in `allow`"):
        ask("plan")
    group = aws.describe_security_groups(GroupIds=[quarantine])["SecurityGroups"][0]
    aws.revoke_security_group_egress(GroupId=quarantine, IpPermissions=group["IpPermissionsEgress"])
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}
    aws.authorize_security_group_ingress(GroupId=quarantine, IpPermissions=[rule])
    plan = ask("plan")
    snapshots = {"before": plan["before"], "wanted": plan["wanted"]}
    assert [*plan["before"]["groups"].values()] == [[shop]]
    assert plan["gaps"][0]["at_best"] == "partly"
    assert ask("probe")["capabilities"] == {"established": False, "exception": True, "answers_alone": True}
    assert ask("apply", **snapshots)["state"] == plan["wanted"]
    with pytest.raises(protocol.ConflictError):
        ask("apply", before={"groups": {}, "acls": {}}, wanted=plan["before"])
    assert ask("undo", **snapshots)["state"] == plan["before"]

    ids = {each["id"]: each["addresses"] for each in ask("probe", "--acl", acl)["ids"]}
    assert sorted(ids[subnet]) == ["10.0.1.5", "10.0.1.6"], "all in the subnet would be cut off"
    plan = ask("plan", "--acl", acl)
    snapshots = {"before": plan["before"], "wanted": plan["wanted"]}
    assert plan["wanted"]["acls"] == {subnet: acl}
    assert ask("apply", "--acl", acl, **snapshots)["state"] == plan["wanted"]
    assert ask("undo", "--acl", acl, **snapshots)["state"] == plan["before"]
