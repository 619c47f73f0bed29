"""Own inventories with ranges, patterns and group variables, and several inventories as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stopgap.orchestrator.inventory import Inventory, load_inventory, parse_inventory
from stopgap.orchestrator.source import InvalidInput

from .bench import Bench

SITE = """\
defaults: {user: admin, known_hosts: ./known_hosts}
hosts:
  web[01:12].tokyo: {address: "203.0.113.[1:12]", addresses: ["203.0.113.[1:12]", "2001:db8::[1:9]a"]}
"""


def site(text: str) -> Inventory:
    return parse_inventory(text, "/srv/site.yaml")


def written(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def told(error: pytest.ExceptionInfo[InvalidInput]) -> str:
    return str(error.value)


class TestRanges:
    def test_a_range_of_hosts_takes_ranges_of_addresses_in_step(self) -> None:
        hosts = site(SITE.replace(', "2001:db8::[1:9]a"', "")).hosts
        assert list(hosts)[::11] == ["web01.tokyo", "web12.tokyo"]
        assert hosts["web12.tokyo"].address == "203.0.113.12"
        assert [str(address) for address in hosts["web07.tokyo"].addresses] == ["203.0.113.7"]

    def test_a_range_of_another_length_is_told_at_its_host(self) -> None:
        with pytest.raises(InvalidInput) as refused:
            site(SITE)
        assert "site.yaml:3:3: the range '2001:db8::[1:9]a' has 9 members" in told(refused)

    def test_the_entry_of_a_name_is_more_than_that_of_a_range(self) -> None:
        text = (
            "hosts:\n  web2: {address: 192.0.2.9, user: bob}\n  web[1:3]: {address: 'web[1:3].example', port: 2222}\n"
        )
        host = site(text).hosts["web2"]
        assert (host.address, host.port) == ("192.0.2.9", 2222)

    def test_two_ranges_that_say_different_things_of_one_host_are_told(self) -> None:
        text = "hosts:\n  w[1:3]: {address: 'a[1:3].example'}\n  w[3:4]: {address: 'b[3:4].example'}\n"
        with pytest.raises(
            InvalidInput, match=r"w3: `address` is 'b3.example' here, and 'a3.example' in .*site.yaml:2:"
        ):
            site(text)

    def test_a_later_member_of_a_range_that_is_no_address_is_told(self) -> None:
        with pytest.raises(InvalidInput, match=r"site.yaml:2:30: .*203.0.113.256"):
            site("hosts:\n  w[1:3]: {user: a, address: '203.0.113.[254:256]'}\n")

    @pytest.mark.parametrize(
        "name", ["web[9:1]", "web[a:3]", "web[01:100]", "web[0:999999999]", "w[0:99999][0:99999]"]
    )
    def test_a_range_that_is_none_is_told(self, name: str) -> None:
        with pytest.raises(InvalidInput, match=r"range|names"):
            site(f"hosts:\n  '{name}': {{address: 192.0.2.1}}\n")

    def test_a_fault_inside_a_range_stands_once_and_where_it_was_written(self) -> None:
        with pytest.raises(InvalidInput) as refused:
            site("hosts:\n  web[1:50]: {address: 'a[1:50].example', prot: 22}\n")
        assert told(refused).count("unknown key 'prot'") == 1
        assert "site.yaml:2:43" in told(refused)

    def test_groups_name_ranges_and_patterns(self) -> None:
        text = "hosts:\n  w[1:5]: {address: 'a[1:5].example'}\ngroups:\n  few: {hosts: ['w[2:3]', '*5']}\n"
        assert site(text).groups["few"] == ("w2", "w3", "w5")

    def test_a_member_of_a_groups_range_that_is_no_host_is_told_at_the_range(self) -> None:
        with pytest.raises(InvalidInput, match=r"site.yaml:4:17: there is no host 'w6'"):
            site("hosts:\n  w[1:5]: {address: 'a[1:5].example'}\ngroups:\n  few: {hosts: ['w[2:6]']}\n")


LAYERED = """\
defaults: {user: nobody}
hosts:
  edge-tokyo: {address: 10.0.0.1}
  edge-osaka: {address: 10.0.0.2}
  web.tokyo: {address: 10.0.1.1}
  db.tokyo: {address: 10.0.1.2, upstream: edge-osaka}
  web.osaka: {address: 10.0.2.1}
  "*": {upstream: edge-osaka}
  "*.tokyo": {upstream: edge-tokyo}
groups:
  all: {vars: {port: 2200, user: all}}
  site: {groups: [webs], vars: {user: site}}
  webs: {hosts: ["web.*"], vars: {user: webs}}
"""


class TestSharedWords:
    def test_patterns_give_relations_and_a_later_one_wins(self) -> None:
        hosts = site(LAYERED).hosts
        upstreams = {name: host.upstream for name, host in hosts.items()}
        assert upstreams["web.tokyo"] == "edge-tokyo"
        assert upstreams["web.osaka"] == "edge-osaka"

    def test_a_hosts_own_entry_wins(self) -> None:
        assert site(LAYERED).hosts["db.tokyo"].upstream == "edge-osaka"

    def test_a_host_that_a_pattern_matches_is_no_relation_of_itself(self) -> None:
        hosts = site(LAYERED).hosts
        assert (hosts["edge-osaka"].upstream, hosts["edge-tokyo"].upstream) == (None, "edge-osaka")

    def test_an_inner_group_wins_over_an_outer_group_and_all(self) -> None:
        hosts = site(LAYERED).hosts
        assert (hosts["web.tokyo"].user, hosts["db.tokyo"].user) == ("webs", "all")
        assert hosts["db.tokyo"].port == 2200

    def test_two_groups_of_one_rank_that_differ_are_told(self) -> None:
        groups = "groups:\n  x: {hosts: [a], vars: {user: x}}\n  y: {hosts: [a], vars: {user: y}}\n"
        with pytest.raises(InvalidInput, match=r"site.yaml:4:32: `user` is 'y' here, and 'x' in .*site.yaml:3:"):
            site("hosts: {a: {address: 192.0.2.1}}\n" + groups)

    def test_a_pattern_without_a_match_and_one_with_an_address_are_told(self) -> None:
        with pytest.raises(InvalidInput, match=r"site.yaml:3:3: '\*.osaka' matches no host"):
            site('hosts:\n  a: {address: 192.0.2.1}\n  "*.osaka": {user: bob}\n')
        with pytest.raises(InvalidInput, match=r"site.yaml:3:9: unknown key 'address'"):
            site('hosts:\n  a: {address: 192.0.2.1}\n  "*": {address: 192.0.2.2}\n')

    def test_an_unknown_relation_under_a_pattern_is_told_once(self) -> None:
        with pytest.raises(InvalidInput) as refused:
            site('hosts:\n  a: {address: 192.0.2.1}\n  b: {address: 192.0.2.2}\n  "*": {upstream: egde}\n')
        assert told(refused).count("there is no host 'egde'") == 1

    def test_the_text_gives_the_same_again(self) -> None:
        assert site(site(LAYERED).text).hosts == site(LAYERED).hosts


ROUTERS = """\
hosts:
  edge: {address: 10.0.0.1, may_block: [203.0.113.0/24, "2001:db8::/32"], never_block: [203.0.113.9/32]}
  core: {address: 10.0.0.2, may_block: [198.51.100.0/24, 203.0.113.128/25]}
  web: {address: 203.0.113.1, addresses: [203.0.113.1, "2001:db8::1"]}
  half: {address: 203.0.113.2, addresses: [203.0.113.2, "2001:dba::1"]}
  both: {address: 203.0.113.200}
  never: {address: 203.0.113.9}
  none: {address: 203.0.113.3, upstream: null}
  core-own: {address: 198.51.100.7, upstream: edge}
"""


class TestUpstreamsThatFollow:
    def test_the_one_router_that_may_block_all_addresses_is_the_upstream(self) -> None:
        inventory = site(ROUTERS)
        assert (inventory.hosts["web"].upstream, inventory.derived) == ("edge", {"web"})

    def test_a_router_that_may_block_some_or_never_is_none(self) -> None:
        hosts = site(ROUTERS).hosts
        assert [hosts[name].upstream for name in ("half", "never", "none")] == [None, None, None]
        assert hosts["core-own"].upstream == "edge"

    def test_two_routers_are_told_and_neither_is_taken(self, bench: Bench) -> None:
        inventory = site(ROUTERS)
        assert inventory.hosts["both"].upstream is None
        assert any(note.startswith("both: no `upstream`; the `may_block` of edge, core") for note in inventory.notes)
        (bench.top / "known_hosts").touch()
        bench.inventory.write_text(ROUTERS)
        status, _, err = bench.stopgap("check", "contain", "-i", str(bench.inventory), "-t", "both")
        assert (status, "the `may_block` of edge, core holds its addresses" in err) == (2, True), err


class TestSeveralSources:
    def test_an_own_file_beside_a_foreign_one_gives_what_that_lacks(self, tmp_path: Path) -> None:
        (tmp_path / "hosts.ini").write_text("[tokyo]\nweb[1:3].tokyo ansible_user=deploy\n[gate]\nedge-tokyo\n")
        own = 'hosts:\n  "*.tokyo": {upstream: edge-tokyo}\n  web2.tokyo: {port: 2222}\n'
        written(tmp_path, beside=own + "groups: {gate: {vars: {may_block: [203.0.113.0/24]}}}\n")
        inventory = load_inventory([tmp_path / "hosts.ini", tmp_path / "beside.yaml"])
        host = inventory.hosts["web2.tokyo"]
        assert (host.user, host.upstream, host.port) == ("deploy", "edge-tokyo", 2222)
        assert [str(n) for n in inventory.hosts["edge-tokyo"].may_block] == ["203.0.113.0/24"]
        assert inventory.place("web2.tokyo") == f"-i {tmp_path}/hosts.ini: web2.tokyo"

    def test_an_own_file_wins_over_a_foreign_one_and_that_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "hosts.ini").write_text("web[1:3] ansible_user=deploy\n")
        written(tmp_path, own='defaults: {port: 2222}\nhosts: {"*": {user: root}}\n')
        inventory = load_inventory([tmp_path / "hosts.ini", tmp_path / "own.yaml"])
        assert [(host.user, host.port) for host in inventory.hosts.values()] == [("root", 2222)] * 3
        assert any(note.startswith("web1, web2, web3: `user` is taken from") for note in inventory.notes)

    def test_paths_stay_relative_to_their_own_file(self, tmp_path: Path) -> None:
        one = written(tmp_path / "one", a="defaults: {known_hosts: ./k}\nhosts: {a: {address: 192.0.2.1}}\n")
        two = written(tmp_path / "two", b="hosts: {b: {address: 192.0.2.2, identity: ../key}}\n")
        hosts = load_inventory([one / "a.yaml", two / "b.yaml"]).hosts
        assert (hosts["a"].known_hosts, hosts["b"].identity) == (one / "k", two / "../key")
        assert hosts["b"].known_hosts == one / "k"

    def test_what_two_files_say_differently_is_told_with_both_places(self, tmp_path: Path) -> None:
        written(tmp_path, a="hosts: {web: {address: 192.0.2.1, user: x}}\n", b="hosts: {web: {user: y}}\n")
        with pytest.raises(InvalidInput, match=r"b.yaml:1:21: web: `user` is 'y' here, and 'x' in .*a.yaml:1:"):
            load_inventory([tmp_path / "a.yaml", tmp_path / "b.yaml"])

    def test_a_host_without_an_address_anywhere_is_told(self, tmp_path: Path) -> None:
        written(tmp_path, a="hosts: {web: {address: 192.0.2.1}}\n", b="hosts: {wbe: {user: y}}\n")
        with pytest.raises(
            InvalidInput, match=r"b.yaml:1:9: no inventory gives an address for 'wbe'\n.*did you mean web"
        ):
            load_inventory([tmp_path / "a.yaml", tmp_path / "b.yaml"])

    def test_a_folder_of_own_files_is_one_inventory(self, tmp_path: Path) -> None:
        folder = written(tmp_path / "site", a="hosts: {web: {address: 192.0.2.1}}\n", b="defaults: {user: bob}\n")
        (folder / "known_hosts").write_text("192.0.2.1 ssh-ed25519 AAAA\n")
        (folder / "customers.yaml").write_text("customers: {}\n")
        assert load_inventory(folder).hosts["web"].user == "bob"

    def test_a_folder_of_two_tools_is_refused(self, tmp_path: Path) -> None:
        folder = written(tmp_path / "site", a="hosts: {web: {address: 192.0.2.1}}\n")
        (folder / "group_vars").mkdir()
        with pytest.raises(InvalidInput, match=r"a.yaml is Stopgap's own, and group_vars is Ansible's"):
            load_inventory(folder)

    def test_the_text_of_several_gives_the_same_hosts_again(self, tmp_path: Path) -> None:
        written(tmp_path, a=LAYERED, b="hosts: {more: {address: 192.0.2.77, identity: ./key}}\n")
        loaded = load_inventory([tmp_path / "a.yaml", tmp_path / "b.yaml"])
        again = parse_inventory(loaded.text, loaded.path)
        assert (again.hosts, again.groups) == (loaded.hosts, loaded.groups)

    def test_a_run_on_several_inventories_is_resumed_from_the_journal(self, bench: Bench) -> None:
        own = written(bench.top / "more", b="hosts: {c: {address: 127.0.0.4, connection: local}}\n") / "b.yaml"
        path = bench.files / "made"
        step = {"task": "host.file", "with": {"path": str(path), "content": "x"}, "id": "make"}
        stop = {"task": "host.command", "with": {"argv": ["false"]}, "id": "stop"}
        runbook = bench.runbook(step, stop)
        words = ("-i", str(bench.inventory), "-i", str(own), "-t", "c", "--yes")
        status, _, err = bench.stopgap("run", runbook, *words)
        assert status == 1, err
        assert path.read_text() == "x"
        status, out, err = bench.stopgap("resume", "last", "--yes")
        assert (status, "stop" in out) == (1, True), err

    def test_the_command_shows_from_where_each_host_is(self, bench: Bench) -> None:
        written(bench.top, more="hosts: {z: {address: 192.0.2.1}}\n")
        more = str(bench.top / "more.yaml")
        _, out, _ = bench.stopgap("inventory", "-i", str(bench.inventory), "-i", more)
        assert f"  from         {more}:1:9" in out
        _, out, _ = bench.stopgap("inventory", "-i", str(bench.inventory), "-i", more, "--json")
        assert json.loads(out)["places"]["z"] == f"{more}:1:9"


TWO_LOGINS = """\
hosts:
  web: {address: 203.0.113.10}
  web-ops: {address: 203.0.113.10, user: ops}
  other: {address: 203.0.113.11}
"""


class TestLogins:
    def test_one_machine_may_have_two_logins(self) -> None:
        inventory = site(TWO_LOGINS)
        assert inventory.hosts["web-ops"].addresses == inventory.hosts["web"].addresses
        scene = inventory.scene(inventory.hosts["web"], "target")
        assert [host.name for host in scene.others] == ["other"]

    def test_one_login_under_two_names_is_told(self) -> None:
        with pytest.raises(InvalidInput, match=r"root at 203.0.113.10 port 22 is web's login already"):
            site(TWO_LOGINS.replace("ops}", "root}"))

    def test_a_machine_is_acted_on_once_by_the_login_that_is_named(self) -> None:
        inventory = site(TWO_LOGINS)
        assert [host.name for host in inventory.select(["all"])] == ["web", "other"]
        assert [host.name for host in inventory.select(["all", "web-ops"])] == ["web-ops", "other"]
        with pytest.raises(InvalidInput, match="web-ops is the same machine as web"):
            inventory.select(["web", "web-ops"])

    def test_a_private_address_behind_two_jump_hosts_is_two_machines(self) -> None:
        text = "hosts:\n  x: {address: 192.0.2.1}\n  y: {address: 192.0.2.2}\n"
        text += "  a: {address: 10.0.0.5, jump: x}\n  b: {address: 10.0.0.5, jump: y}\n"
        assert [host.name for host in site(text).select(["a", "b"])] == ["a", "b"]

    @pytest.mark.parametrize("user", ["DOMAIN\\bob", "DOMAIN+bob", "bob@corp.example", "4711", "web$"])
    def test_logins_of_directory_services_are_logins(self, user: str) -> None:
        assert site(json.dumps({"hosts": {"a": {"address": "192.0.2.1", "user": user}}})).hosts["a"].user == user

    def test_a_login_of_a_domain_is_read_from_ansible_and_typed(self, tmp_path: Path) -> None:
        (tmp_path / "hosts.ini").write_text("web ansible_host=192.0.2.1 ansible_user='CORP\\bob'\n")
        assert load_inventory(tmp_path / "hosts.ini").hosts["web"].user == "CORP\\bob"
        assert load_inventory("CORP\\bob@192.0.2.1,").hosts["192.0.2.1"].user == "CORP\\bob"


class TestLimitFile:
    def targets(self, bench: Bench, *words: str) -> list[str]:
        (bench.top / "limit").write_text("# of last night\nb\n\n  go*  \n")
        words = ("collect", "-i", str(bench.inventory), "--limit-file", str(bench.top / "limit"), *words, "--json")
        status, out, _ = bench.stopgap("check", *words)
        document = json.loads(out)
        return document["runbooks"][0]["targets"] if status == 0 else [p["message"] for p in document["problems"]]

    def test_a_file_names_the_targets_or_limits_them(self, bench: Bench) -> None:
        assert self.targets(bench) == ["b", "gone"]
        assert self.targets(bench, "-t", "all") == ["b", "gone"]
        assert self.targets(bench, "-t", "a", "-t", "gone") == ["gone"]

    def test_a_file_that_leaves_no_target_is_told(self, bench: Bench) -> None:
        assert self.targets(bench, "-t", "a") == ["names no host of -t a"]

    def test_a_file_that_is_missing_or_empty_is_told(self, bench: Bench) -> None:
        (bench.top / "empty").touch()
        for name, said in (("none", "No such file"), ("empty", "names no host")):
            words = ("-i", str(bench.inventory), "--limit-file", str(bench.top / name))
            status, _, err = bench.stopgap("check", "collect", *words)
            assert (status, said in err) == (2, True)


def test_two_sites_may_have_the_same_private_addresses_and_each_host_the_router_of_its_site() -> None:
    def hosts(address: str) -> str:
        return "hosts:\n" + "".join(
            f"  edge-{site}: {{address: 10.9.0.1, site: {site}, may_block: [10.9.0.0/16]}}\n"
            f"  web-{site}: {{address: {address}, site: {site}}}\n"
            for site in ("osaka", "tokyo")
        )

    inventory = parse_inventory(hosts("10.9.1.1"), "hosts.yaml")
    assert [inventory.hosts[f"web-{site}"].upstreams for site in ("osaka", "tokyo")] == [
        ("edge-osaka",),
        ("edge-tokyo",),
    ]
    with pytest.raises(InvalidInput, match=r"root at 9.9.9.9 port 22 is web-osaka's login already"):
        parse_inventory(hosts("9.9.9.9"), "hosts.yaml")
