"""Inventories: defaults, paths, groups, and the scene of a step."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from stopgap.orchestrator.host import CONTROLLER
from stopgap.orchestrator.inventory import Inventory, MissingVantage, load_inventory, parse_inventory
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.source import InvalidInput

TEXT = """\
defaults: {user: admin, identity: ~/.ssh/incident, known_hosts: ./known_hosts, jump: bastion}
hosts:
  web: {address: 203.0.113.10, upstream: edge, spare: spare}
  spare: {address: spare.example.org, user: root, addresses: [203.0.113.20]}
  edge: {address: 10.9.0.1, driver: nftables, jump: null}
  bastion: {address: 192.0.2.5}
  probe: {address: 198.51.100.2, vantage: outside, jump: null}
  neighbour: {address: 203.0.113.30}
groups:
  servers: {hosts: [web, spare]}
  all: {hosts: [edge], groups: [servers]}
"""


@pytest.fixture
def inventory() -> Inventory:
    return parse_inventory(TEXT, "/srv/incident/inventory.yaml")


def test_the_shipped_example_is_sound():
    assert "web" in load_inventory(folder("inventories") / "example.yaml").hosts


def test_defaults_hold_where_a_host_says_nothing(inventory: Inventory):
    assert inventory.hosts["web"].user == "admin"
    assert inventory.hosts["spare"].user == "root"


def test_a_default_jump_is_not_taken_through_itself_and_can_be_refused(inventory: Inventory):
    assert inventory.hosts["web"].jump == "bastion"
    assert inventory.hosts["bastion"].jump is None
    assert inventory.hosts["edge"].jump is None


def test_paths_are_relative_to_the_file_or_below_home(inventory: Inventory, monkeypatch: pytest.MonkeyPatch):
    assert inventory.hosts["web"].known_hosts == Path("/srv/incident/known_hosts")
    assert inventory.hosts["web"].identity == Path.home() / ".ssh/incident"


def test_an_address_is_a_hosts_own_unless_it_names_others(inventory: Inventory):
    assert inventory.hosts["web"].addresses == (ip_address("203.0.113.10"),)
    assert inventory.hosts["spare"].addresses == (ip_address("203.0.113.20"),)


def test_an_address_that_two_hosts_answer_at_is_neither_ones_own():
    text = "hosts:\n  a: {address: 192.0.2.1, port: 2201}\n  b: {address: 192.0.2.1, port: 2202}\n"
    assert parse_inventory(text, "f").hosts["a"].addresses == ()


def test_hosts_and_groups_are_selected_in_order_and_once(inventory: Inventory):
    assert [host.name for host in inventory.select(["spare", "all", "web"])] == ["spare", "edge", "web"]


def test_an_unknown_target_is_named_with_the_nearest(inventory: Inventory):
    with pytest.raises(InvalidInput) as caught:
        inventory.select(["wbe", "web", "sevrers"])
    assert [(p.source, p.hint) for p in caught.value.problems] == [
        ("-t wbe", "did you mean web?"),
        ("-t sevrers", "did you mean servers?"),
    ]


def test_a_scene_has_every_host_in_its_part(inventory: Inventory):
    scene = inventory.scene(inventory.hosts["web"], "upstream")
    assert scene.on.name == "edge"
    assert scene.upstream == scene.on
    assert scene.spare and scene.spare.name == "spare"
    assert [host.name for host in scene.outside] == ["probe"]
    assert [host.name for host in scene.others] == ["bastion", "neighbour"]
    assert inventory.scene(inventory.hosts["web"], "controller").on == CONTROLLER


def test_each_of_several_upstreams_has_a_scene_of_its_own():
    several = parse_inventory(TEXT.replace("upstream: edge", "upstream: [bastion, edge]"), "f")
    web = several.hosts["web"]
    scenes = several.scenes(web, "upstream")
    assert [(s.on.name, s.upstream.name if s.upstream else "", [h.name for h in s.beside]) for s in scenes] == [
        ("bastion", "bastion", ["edge"]),
        ("edge", "edge", ["bastion"]),
    ]
    (scene,) = several.scenes(web, "spare")
    assert [router.name for router in scene.upstreams] == ["bastion", "edge"]
    assert [host.name for host in scene.others] == ["neighbour"]


def test_a_missing_vantage_says_what_to_add(inventory: Inventory):
    with pytest.raises(MissingVantage, match="neighbour has no upstream") as caught:
        inventory.scene(inventory.hosts["neighbour"], "upstream")
    assert "upstream: HOST" in caught.value.advice


# The long ones would keep a pattern that backtracks busy for ever.
LONG = ["a" * 252 + "!", "a-" * 126 + "!", "a." * 126 + "!", "a" * 64, "a..b"]


@pytest.mark.parametrize("address", ["-oProxyCommand=x", "a b", "300.1.1.1", "x;y", "", "1.2.3.4/24", *LONG])
def test_an_address_is_an_address_or_a_name(address: str):
    with pytest.raises(InvalidInput, match="address"):
        parse_inventory(f"hosts:\n  web: {{address: '{address}'}}\n", "f")


@pytest.mark.parametrize("user", ["-l", "a b", "a\\nb", ""])
def test_a_user_is_a_login_name(user: str):
    with pytest.raises(InvalidInput, match="user"):
        parse_inventory(f'hosts:\n  web: {{address: a.example.org, user: "{user}"}}\n', "f")


def test_the_inventory_can_be_read_again_from_its_text(inventory: Inventory):
    assert parse_inventory(inventory.text, inventory.path).hosts == inventory.hosts
