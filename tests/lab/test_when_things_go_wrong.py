"""Hosts that are down, silent, strange, broken or full: each ends in time, with a reason, and the rest is sane."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import ROOT, STATE, Lab
from .operator import CONTAIN, Operator


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    made = Operator(lab, tmp_path / "state")
    yield made
    made.undo_all()


@pytest.fixture
def inventory(tmp_path: Path) -> Callable[..., str]:
    """Writes the lab's inventory with something replaced, and gives its path."""

    def write(*replacements: tuple[str, str]) -> str:
        text = (ROOT / "inventories" / "lab.yaml").read_text()
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "inventory.yaml"
        path.write_text(text)
        return str(path)

    return write


@contextmanager
def broken(lab: Lab, host: str, command: str, repair: str) -> Iterator[None]:
    """Break something on a host, and repair it afterwards."""
    lab.read(host, command)
    try:
        yield
    finally:
        lab.read(host, repair)


@contextmanager
def told(lab: Lab, wrong: str, host: str, right: str) -> Iterator[None]:
    """Do something to a host by the lab's own command, and take it back afterwards."""
    assert lab.run(wrong, host).returncode == 0
    try:
        yield
    finally:
        assert lab.run(right, host).returncode == 0


def test_a_wrong_host_key_is_refused_and_nothing_is_done_on_any_host(
    lab: Lab, operator: Operator, inventory: Callable[..., str], tmp_path: Path
) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    kind, key, *_ = (tmp_path / "other.pub").read_text().split()
    known = (STATE / "known_hosts").read_text().splitlines()
    wrong = [line for line in known if not line.startswith(("10.9.0.1 ", "10.9.0.1,"))]
    (tmp_path / "known_hosts").write_text("\n".join([*wrong, f"10.9.0.1 {kind} {key}"]) + "\n")
    before = lab.rules()
    path = inventory(("known_hosts: ", f"known_hosts: {tmp_path}/known_hosts #"))
    done = Operator(lab, operator.home, path).run(*CONTAIN, "--yes")
    assert done.status == 3, done.out + done.err
    assert done.outcomes["cut-off"] == "unreachable"
    assert "key" in done.reason("cut-off")
    on_hosts = {step: outcome for step, outcome in done.outcomes.items() if step != "provider"}
    assert set(on_hosts.values()) <= {"unreachable", "skipped"}
    assert lab.rules() == before


@pytest.mark.parametrize(("wrong", "right"), [("cut", "join"), ("pause", "resume")])
def test_a_target_that_is_down_or_silent_is_cut_off_all_the_same(
    lab: Lab, operator: Operator, wrong: str, right: str
) -> None:
    with told(lab, wrong, "web", right):
        done = operator.run(*CONTAIN, "--yes")
    assert done.status == 3, done.out + done.err
    assert done.outcomes == {
        "provider": "changed",
        "wire": "skipped",
        "cut-off": "changed",
        "volatile": "unreachable",
        "mail": "unreachable",
        "page": "changed",
        "triage": "unreachable",
        "provider-update": "changed",
    }
    assert operator.stopgap("undo", "last", "--yes").status == 0


def test_an_account_that_may_not_use_sudo_is_told_so(
    lab: Lab, operator: Operator, inventory: Callable[..., str]
) -> None:
    add = (
        "useradd -m -s /bin/sh helper && mkdir -p ~helper/.ssh && cp /root/.ssh/authorized_keys ~helper/.ssh/"
        " && chown -R helper ~helper/.ssh"
    )
    path = inventory(
        ("    upstream: edge\n  spare:", "    upstream: edge\n    user: helper\n    become: sudo\n  spare:")
    )
    with broken(lab, "neighbour", add, "userdel -r helper 2>/dev/null; true"):
        words = ("runbooks/collect.yaml", "-t", "neighbour", "-p", "outside=none", "--yes")
        done = Operator(lab, operator.home, path).run(*words)
    assert done.status == 3, done.out + done.err
    assert {step: outcome for step, outcome in done.outcomes.items() if step != "outside"} == {
        "volatile": "unreachable",
        "triage": "unreachable",
    }
    assert "sudo" in done.reason("volatile")


def test_an_apache_that_was_broken_already_is_left_as_it_was(lab: Lab, operator: Operator) -> None:
    before = lab.services("spare")
    conf = "/etc/apache2/conf-enabled/zz-broken.conf"
    with broken(lab, "spare", f"echo NoSuchDirective on > {conf}", f"rm {conf}"):
        done = operator.run(*CONTAIN, "--yes")
        assert operator.stopgap("undo", "last", "--yes").status == 0
    assert done.status == 1, done.out + done.err
    assert (done.outcomes["cut-off"], done.outcomes["page"]) == ("changed", "failed")
    assert "NoSuchDirective" in done.reason("page")
    assert lab.services("spare") == before


def test_a_full_disk_on_the_spare_fails_the_page_alone_and_leaves_nothing_half(lab: Lab, operator: Operator) -> None:
    before = lab.services("spare")
    fill = (
        "cp -a /var/www /root/www && mount -t tmpfs -o size=64k tmpfs /var/www && cp -a /root/www/. /var/www/"
        " && { cat /dev/zero > /var/www/fill || true; } 2>/dev/null"
    )
    with broken(lab, "spare", fill, "umount -l /var/www; rm -rf /root/www"):
        done = operator.run(*CONTAIN, "--yes")
        left = lab.read("spare", "ls -A /var/www; ls /etc/apache2/conf-enabled").split()
        operator.stopgap("undo", "last", "--yes")
    assert done.status == 1, done.out + done.err
    assert (done.outcomes["cut-off"], done.outcomes["page"], done.outcomes["triage"]) == (
        "changed",
        "failed",
        "unchanged",
    )
    assert "space" in done.reason("page")
    assert not [name for name in left if "stopgap" in name]
    assert lab.services("spare") == before


def test_what_may_not_be_blocked_is_refused_before_anything_is_done(lab: Lab, operator: Operator) -> None:
    before = lab.rules()
    for addresses, word in (
        ("203.0.113.1", "never"),
        ("198.51.100.2", "may"),
        ("10.9.0.2", "may"),
        ("203.0.113.0/24", ""),
    ):
        done = operator.run(
            "runbooks/provider-block.yaml", "-t", "edge", "-p", f"addresses={addresses}", "-p", "reason=T-1", "--yes"
        )
        assert done.status == 4, (addresses, done.out, done.err)
        assert word in done.err
    assert lab.rules() == before


def test_a_provider_blocks_a_list_of_addresses_and_nothing_else(lab: Lab, operator: Operator) -> None:
    before = lab.rules()
    words = ("-t", "edge", "-p", "addresses=203.0.113.30,2001:db8:113::30", "-p", "reason=T-1", "--yes")
    done = operator.run("runbooks/provider-block.yaml", *words)
    assert done.status == 0, done.out + done.err
    assert not lab.tcp("203.0.113.30", 22)
    assert not lab.tcp("2001:db8:113::30", 22)
    assert lab.http("http://203.0.113.10/") == 200
    assert operator.stopgap("undo", "last", "--yes").status == 0
    assert lab.tcp("203.0.113.30", 22)
    assert lab.rules() == before
