"""Inventories of other tools, read by those tools themselves: ansible-inventory and ssh(1)."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stopgap.orchestrator.inventory import Inventory, load_inventory, parse_inventory
from stopgap.orchestrator.source import InvalidInput

from .bench import Bench

INI = """\
[web]
web[01:03].tokyo.example ansible_user=deploy
legacy ansible_host=203.0.113.77 ansible_port=2222 ansible_become_method=community.general.doas

[windows]
win1 ansible_connection=winrm

[routers]
edge ansible_host=10.9.0.1 ansible_connection=network_cli ansible_network_os=vyos.vyos.vyos

[tokyo:children]
web

[tokyo:vars]
ansible_ssh_common_args='-o ProxyCommand="ssh -W %h:%p -q ops@bastion.example"'
ansible_become=true
stopgap_upstream=edge
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An Ansible folder in its wild form: group_vars, host_vars with a vault, an INI file."""
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "hosts").write_text(INI)
    (tmp_path / "group_vars" / "routers.yml").write_text("stopgap_may_block: [203.0.113.0/24]\n")
    vault = tmp_path / "password"
    vault.write_text("a word\n")
    secret = tmp_path / "host_vars" / "legacy.yml"
    secret.write_text("ansible_password: hidden\nansible_user: old\n")
    tool = Path(sys.executable).with_name("ansible-vault")
    subprocess.run([tool, "encrypt", "--vault-password-file", vault, secret], check=True, capture_output=True)
    return tmp_path


@pytest.fixture
def loaded(site: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(site / "password"))
    return load_inventory(site / "hosts")


def test_ranges_ports_users_and_a_vaults_variables_are_understood(loaded: Inventory) -> None:
    host = loaded.hosts["web02.tokyo.example"]
    assert (host.address, host.user, host.become) == ("web02.tokyo.example", "deploy", "sudo")
    legacy = loaded.hosts["legacy"]
    assert (legacy.address, legacy.port, legacy.user, legacy.become) == ("203.0.113.77", 2222, "old", "doas")


def test_a_proxy_command_of_ssh_is_a_jump_host_with_an_entry_of_its_own(loaded: Inventory) -> None:
    jump = loaded.hosts["web01.tokyo.example"].jump
    assert jump is not None
    assert (loaded.hosts[jump].address, loaded.hosts[jump].user) == ("bastion.example", "ops")


def test_variables_called_stopgap_give_what_ansible_lacks(loaded: Inventory) -> None:
    assert loaded.hosts["web01.tokyo.example"].upstream == "edge"
    assert [str(network) for network in loaded.hosts["edge"].may_block] == ["203.0.113.0/24"]


def test_a_network_os_is_a_driver_with_its_command_line(loaded: Inventory) -> None:
    assert (loaded.hosts["edge"].driver, loaded.hosts["edge"].cli) == ("vyos", "vyos")


def test_a_host_without_ssh_is_left_out_by_name_and_reason(loaded: Inventory) -> None:
    assert set(loaded.left_out) == {"win1"}
    with pytest.raises(InvalidInput, match="win1 was left out: its ansible_connection is winrm"):
        loaded.select(["win1"])


def test_a_password_is_said_not_to_be_used_and_is_nowhere_in_the_inventory(loaded: Inventory) -> None:
    assert any(note.startswith("legacy: passwords are not used") for note in loaded.notes)
    assert "hidden" not in loaded.text + repr(loaded.notes)


def test_groups_and_patterns_select_as_ansible_does(loaded: Inventory) -> None:
    def names(*patterns: str) -> list[str]:
        return sorted(host.name for host in loaded.select(patterns))

    assert len(names("tokyo")) == 4
    assert names("web*:!web02*") == ["legacy", "web01.tokyo.example", "web03.tokyo.example"]
    assert names("all:&routers") == ["edge"]
    with pytest.raises(InvalidInput, match="'dbx\\*' matches no host"):
        names("dbx*:web*")


def test_what_was_understood_is_an_inventory_of_stopgaps_own(loaded: Inventory) -> None:
    again = parse_inventory(loaded.text, loaded.path)
    assert (again.hosts, again.groups) == (loaded.hosts, loaded.groups)


def test_a_folder_is_read_as_ansible_reads_it(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(site / "password"))
    (site / "password").rename(site.parent / "password")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(site.parent / "password"))
    assert "web03.tokyo.example" in load_inventory(site).hosts


def test_a_vault_without_its_password_is_an_error_with_the_way_out(site: Path) -> None:
    with pytest.raises(InvalidInput, match="ANSIBLE_VAULT_PASSWORD_FILE"):
        load_inventory(site / "hosts")


def test_yaml_of_ansibles_is_known_by_its_shape(tmp_path: Path) -> None:
    path = tmp_path / "site.yml"
    path.write_text("all:\n  children:\n    db:\n      hosts:\n        db1: {ansible_host: 192.0.2.9}\n")
    inventory = load_inventory(path)
    assert inventory.hosts["db1"].address == "192.0.2.9"
    assert inventory.groups["db"] == ("db1",)


def test_a_script_lists_groups_whose_variables_reach_their_hosts(tmp_path: Path) -> None:
    listing = {
        "web": ["a", "b"],
        "all": {"vars": {"ansible_user": "everybody"}},
        "site": {"children": ["web"], "vars": {"ansible_port": 99, "ansible_user": "site"}},
        "_meta": {"hostvars": {"a": {"ansible_host": "192.0.2.1", "ansible_port": 22}}},
    }
    path = tmp_path / "inventory.py"
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(listing)}\nEND\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    hosts = load_inventory(path).hosts
    assert (hosts["a"].address, hosts["a"].port, hosts["a"].user) == ("192.0.2.1", 22, "site")
    assert (hosts["b"].port, hosts["b"].user) == (99, "site")
    assert load_inventory(f"command:{path} --list").hosts == hosts


@pytest.mark.parametrize(
    ("output", "message"),
    [("no json", "did not print JSON"), ("[1]", "printed no object"), ("[" * 100_000, "did not print JSON")],
)
def test_a_command_that_prints_no_listing_is_told(tmp_path: Path, output: str, message: str) -> None:
    (tmp_path / "said").write_text(output)
    with pytest.raises(InvalidInput, match=message):
        load_inventory(f"command:cat {tmp_path}/said")


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="status 3: out of order"):
        load_inventory("command:sh -c 'echo out of order >&2; exit 3'")
    with pytest.raises(InvalidInput, match="cannot be run: No such file"):
        load_inventory(f"command:{tmp_path}/nothing")


def test_an_ssh_config_gives_each_alias_as_ssh_reaches_it(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch()
    (tmp_path / "more").write_text("Host gate\n  HostName 198.51.100.9\n  Port 2200\n")
    config = tmp_path / "config"
    config.write_text(
        f"Include {tmp_path}/more\nHost web db-*\n  HostName 203.0.113.9\n  User ops\n  IdentityFile {key}\n"
        f"  ProxyJump gate\nHost web\n  UserKnownHostsFile {key}\nHost *\n  User nobody\n"
    )
    hosts = load_inventory(f"ssh_config:{config}").hosts
    assert set(hosts) == {"web", "gate"}
    web = hosts["web"]
    assert (web.address, web.user, web.jump) == ("203.0.113.9", "ops", "gate")
    assert (web.identity, web.known_hosts) == (key, key)
    assert (hosts["gate"].address, hosts["gate"].port, hosts["gate"].user) == ("198.51.100.9", 2200, "nobody")


def test_an_ssh_config_without_hosts_or_that_is_missing_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host *\n  User ops\n")
    with pytest.raises(InvalidInput, match="no `Host` line names a host"):
        load_inventory(f"ssh_config:{tmp_path}/config")
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_inventory(f"ssh_config:{tmp_path}/none")


def test_logins_with_a_comma_are_an_inventory(bench: Bench) -> None:
    hosts = load_inventory("root@203.0.113.10,ops@[2001:db8::1]:2022").hosts
    assert [(h.address, h.user, h.port) for h in hosts.values()] == [
        ("203.0.113.10", "root", 22),
        ("2001:db8::1", "ops", 2022),
    ]
    with pytest.raises(InvalidInput, match="is no login"):
        load_inventory("root@host:port:x/y,")


def test_a_login_name_may_hold_an_at_sign_as_with_ssh(bench: Bench) -> None:
    host = load_inventory("alice@corp.example@web:2222,").hosts["web"]
    assert (host.user, host.address, host.port) == ("alice@corp.example", "web", 2222)


@pytest.mark.parametrize("word", ["bob@", "bob@@", "bob@-oProxyCommand=x", "@web"])
def test_a_word_without_login_or_host_is_no_login(bench: Bench, word: str) -> None:
    with pytest.raises(InvalidInput, match="is no login"):
        load_inventory(f"{word},")


def test_the_command_shows_writes_and_prints_what_was_understood(bench: Bench, site: Path) -> None:
    ini = site / "hosts"
    (site / "host_vars" / "legacy.yml").unlink()
    status, out, _ = bench.stopgap("inventory", "-i", str(ini))
    assert status == 0
    assert "win1 is left out: its ansible_connection is winrm" in out
    status, out, _ = bench.stopgap("inventory", "-i", str(ini), "--json")
    shown = json.loads(out)
    assert (status, shown["schema"], shown["hosts"]["edge"]["driver"]) == (0, "stopgap.inventory", "vyos")
    own = bench.top / "own.yaml"
    assert bench.stopgap("inventory", "-i", str(ini), "--write", str(own))[0] == 0
    assert load_inventory(own).hosts == load_inventory(ini).hosts
    status, _, err = bench.stopgap("inventory", "-i", str(ini), "--write", str(own))
    assert (status, "File exists" in err) == (2, True)


@pytest.mark.parametrize("name", ["inventory.yaml", "hosts.ini", "hosts.JSON"])
def test_a_program_with_the_name_of_a_file_to_read_is_not_run(tmp_path: Path, bench: Bench, name: str) -> None:
    program = tmp_path / name
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\necho '{{}}'\n")
    program.chmod(0o755)
    status, _, err = bench.stopgap("check", "collect", "-i", str(program))
    assert (status, "a program with the name of" in err) == (4, True)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "line",
    ['Match exec "touch RAN"', "match host web !exec 'touch RAN'", "  MATCH final exec touch", "Include ${HOME}/x"],
)
@pytest.mark.parametrize("included", [True, False])
def test_an_ssh_config_that_runs_a_command_is_not_given_to_ssh(tmp_path: Path, line: str, included: bool) -> None:
    config = tmp_path / "config"
    config.write_text(f"Host web\n  Hostname 192.0.2.1\n{line}\n".replace("RAN", str(tmp_path / "ran")))
    if included:
        (tmp_path / "outer").write_text(f"Host other\nInclude {config}\n")
        config = tmp_path / "outer"
    with pytest.raises(InvalidInput) as refused:
        load_inventory(f"ssh_config:{config}")
    assert refused.value.problems[0].refused
    assert not (tmp_path / "ran").exists()


WILD = """\
[web]
web[01:02].tokyo.example
other ansible_host="{{ real }}" real=192.0.2.50
looked ansible_host="{{ lookup('env', 'HOME') }}"
missing ansible_user="{{ nobody }}"
circle ansible_host="{{ one }}" one="{{ two }}" two="{{ one }}"
[all:vars]
bastion=gate.example
"""


@pytest.fixture
def wild(tmp_path: Path) -> Path:
    """A folder whose logins are templates of other variables, with a value in an inline vault."""
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "hosts").write_text(WILD)
    (tmp_path / "group_vars" / "web.yml").write_text(
        'ansible_user: "{{ login }}"\nlogin: deploy\n'
        'ansible_host: "{{ inventory_hostname_short }}.internal.example"\n'
        'ansible_ssh_private_key_file: "{{ inventory_dir }}/keys/web"\n'
        "ansible_ssh_common_args: '-o ProxyCommand=\"ssh -W %h:%p {{ bastion }}\"'\n"
        'stopgap_may_block: ["{{ net }}"]\nnet: 203.0.113.0/24\n'
    )
    password = tmp_path.parent / "vault-password"
    password.write_text("a word\n")
    tool = Path(sys.executable).with_name("ansible-vault")
    words = [tool, "encrypt_string", "--vault-password-file", password, "--name", "ansible_user", "bob"]
    vaulted = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    (tmp_path / "host_vars" / "web02.tokyo.example.yml").write_text(vaulted)
    return tmp_path


def test_templates_that_name_other_variables_are_filled_in(wild: Path) -> None:
    hosts = load_inventory(wild).hosts
    web = hosts["web01.tokyo.example"]
    assert (web.address, web.user, web.identity) == ("web01.internal.example", "deploy", wild / "keys/web")
    assert web.jump is not None
    assert hosts[web.jump].address == "gate.example"
    assert [str(network) for network in web.may_block] == ["203.0.113.0/24"]
    assert hosts["other"].address == "192.0.2.50"


def test_a_host_whose_login_only_ansible_knows_is_left_out_with_the_reason(wild: Path) -> None:
    left_out = load_inventory(wild).left_out
    assert left_out["web02.tokyo.example"].startswith("its ansible_user is an inline vault")
    assert left_out["looked"].startswith("its ansible_host is a template that only Ansible fills in: {{ lookup(")
    assert left_out["missing"].startswith("its ansible_user is a template, and nobody is not a variable")
    assert left_out["circle"] == "its ansible_host is a template that leads back to itself"


def test_a_plug_in_of_ansibles_lists_hosts_and_groups(tmp_path: Path) -> None:
    (tmp_path / "plug.yml").write_text(
        "plugin: ansible.builtin.generator\nhosts: {name: '{{ role }}-{{ number }}.example'}\n"
        "layers: {role: [web, db], number: ['1', '2']}\n"
    )
    listed = load_inventory(tmp_path / "plug.yml").hosts
    assert sorted(listed) == ["db-1.example", "db-2.example", "web-1.example", "web-2.example"]
