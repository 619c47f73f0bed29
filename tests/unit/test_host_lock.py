"""Two operators do not work on one host at once, and nobody is kept out by one who is gone."""

import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.remote import Item
from stopgap.orchestrator.run import host_lock
from stopgap.orchestrator.run.host_lock import GONE, HostLocks, locking

from .bench import Bench
from .journals import Journals
from .ssh_server import make_key, wait_for

SINCE = "2026-11-23T01:13:00Z"
EDGE = Host(name="edge", address="10.9.0.1", driver="nftables")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(host_lock, "FOLDER", str(tmp_path / "run"))
    return tmp_path / "run"


def of(who: str, home: str, **rest: bool) -> HostLocks:
    return HostLocks(who, home, frozenset({"edge"}), **rest)


def heard(item: Item | None) -> Output:
    assert item is not None
    done = subprocess.run(["sh", "-c", item.script], capture_output=True, timeout=180)
    return Output(HostText(done.stdout), HostText(done.stderr), done.returncode)


def locked(locks: HostLocks) -> bool:
    locks.heard(EDGE, heard(locks.item(EDGE)))
    return "edge" in locks.locked


def test_the_second_is_told_who_holds_it_and_since_when(folder: Path) -> None:
    first, second = of("kei@noc", "aa"), of("ana@desk", "bb")
    assert locked(first)
    assert not locked(second)
    assert second.held["edge"] == f"kei@noc since {first.since}"
    assert "kei@noc" in host_lock.refusal(second.held, ["edge"])
    assert heard(first.release(EDGE)).status == 0
    assert not folder.exists()
    assert locked(of("ana@desk", "bb"))


def test_a_claim_of_this_machine_whose_process_died_is_replaced() -> None:
    assert locked(of("kei@noc", "aa"))
    assert locked(of("kei@noc", "aa"))


def test_a_claim_lapses_and_can_be_taken_over(folder: Path) -> None:
    assert locked(of("kei@noc", "aa"))
    assert locked(of("ana@desk", "bb", take_over=True))
    note = folder / "claim"
    note.write_text("1 " + note.read_text().split(" ", 1)[1])
    assert locked(of("eve@attic", "cc"))


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "\n",
        "x y z\n",
        "99999999999999999999 a\n",
        "999999999 bb cc dd ee\n",
        "08 bb\n",
        "9" * 5000,
        "\0\0",
        "-1 b\n",
    ],
)
def test_a_note_that_no_claim_could_have_written_keeps_nobody_out(folder: Path, rubbish: str) -> None:
    folder.mkdir()
    (folder / "claim").write_text(rubbish)
    assert locked(of("kei@noc", "aa"))


def test_who_has_lost_the_claim_meanwhile_changes_nothing(folder: Path) -> None:
    first = of("kei@noc", "aa")
    assert locked(first)
    assert heard(first.guard(EDGE)).status == 0
    assert locked(of("ana@desk", "bb", take_over=True))
    output = heard(first.guard(EDGE))
    assert output.status == GONE
    assert "ana@desk" in host_lock.lost(EDGE, output)
    (folder / "claim").unlink()
    assert "restarted" in host_lock.lost(EDGE, heard(first.guard(EDGE)))


def test_who_loses_the_claim_while_it_undoes_takes_nothing_more_back(bench: Bench, folder: Path) -> None:
    hosts = {
        "a": {"address": "127.0.0.2", "connection": "local", "upstream": "up"},
        "up": {"address": "127.0.0.3", "connection": "local"},
    }
    bench.inventory.write_text(json.dumps({"hosts": hosts}))
    taken_over = f"echo '1 bb token {SINCE} ana@desk' >{folder}/claim"
    undos = {"one": ["rm", "-f", str(bench.files / "one")], "two": ["sh", "-c", taken_over]}
    steps = [
        {
            "id": name,
            "task": "host.command",
            "on": "upstream",
            "with": {"argv": ["touch", str(bench.files / name)], "undo": undo},
        }
        for name, undo in undos.items()
    ]
    assert bench.run(bench.runbook(*steps), "--yes")[0] == 0
    status, out, _ = bench.stopgap("undo", "last", "--yes")
    assert (status, f"ana@desk since {SINCE}" in out) == (4, True), out
    assert (bench.files / "one").exists()
    (folder / "claim").unlink()
    assert bench.stopgap("undo", "last", "--yes", "--step", "one")[0] == 0
    assert not (bench.files / "one").exists()


def test_a_folder_that_cannot_be_written_does_not_keep_the_cut_from_being_made(folder: Path) -> None:
    folder.write_text("a file")
    assert heard(of("kei@noc", "aa").item(EDGE)).status == 0


def test_a_lifeline_that_a_dead_process_left_is_cancelled_with_the_claim(folder: Path) -> None:
    folder.mkdir()
    (folder / "stopgap-x.armed").touch()
    assert locked(of("kei@noc", "aa"))
    assert sorted(p.name for p in folder.iterdir()) == ["claim", "stopgap-x.kept"]


def test_a_second_process_of_this_machine_is_refused_until_the_first_ends(bench: Bench) -> None:
    step = {"id": "one", "task": "host.file", "with": {"path": str(bench.files / "one"), "content": "new\n"}}
    reads = {"id": "ask", "task": "checkpoint", "with": {"ask": "There?", "reason": "To see."}}
    lock_files = bench.top / "home" / "locks"
    lock_files.mkdir(parents=True)
    with (lock_files / "127.0.0.2_22").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(json.dumps({"who": "ana@desk", "since": "2026-11-23T01:13:00Z"}))
        lock.flush()
        words = ["-i", str(bench.inventory), "-t", "a", "--yes"]
        status, _, err = bench.stopgap("run", bench.runbook(step), *words)
        assert (status, list(bench.files.iterdir())) == (4, [])
        assert "ana@desk since 2026-11-23T01:13:00Z" in err
        assert bench.stopgap("run", bench.runbook(reads), *words)[0] == 0
    assert bench.run(bench.runbook(step), "--yes")[0] == 0


WITH_NOTES_IN = """
import sys
from stopgap.orchestrator.run import host_lock
host_lock.FOLDER = sys.argv[1]
from stopgap.orchestrator.cli import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture
def argv(bench: Bench, folder: Path) -> list[str]:
    """A run that acts on a router, which is this machine, and then on a target; its notes lie in the folder."""
    inventory = json.loads(bench.inventory.read_text())
    inventory["hosts"]["b"]["upstream"] = "a"
    bench.inventory.write_text(json.dumps(inventory))
    with_ = {"path": str(bench.files / "one"), "content": "new\n"}
    steps = [
        {"id": "router", "task": "host.file", "on": "upstream", "with": with_},
        {"id": "target", "task": "host.file", "with": {**with_, "path": str(bench.files / "two")}},
    ]
    words = ["run", bench.runbook(*steps), "-i", str(bench.inventory), "-t", "b"]
    return [sys.executable, "-c", WITH_NOTES_IN, str(folder), *words]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_stops_while_it_plans_leaves_no_claim(
    bench: Bench, folder: Path, argv: list[str], tmp_path: Path, number: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        inventory = json.loads(bench.inventory.read_text())
        make_key(tmp_path / "id")
        (tmp_path / "known_hosts").write_text("192.0.2.1 " + (tmp_path / "id.pub").read_text())
        inventory["hosts"]["b"] = {
            "address": "127.0.0.1",
            "port": silent.getsockname()[1],
            "upstream": "a",
            "identity": "./id",
        }
        bench.inventory.write_text(json.dumps(inventory))
        process = subprocess.Popen([*argv, "--yes"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wait_for(folder / "claim")
        process.send_signal(number)
        out, _ = process.communicate(timeout=180)
    assert process.returncode == 130, out
    assert not folder.exists(), "it would keep others out until it lapses"
    assert list(bench.files.iterdir()) == []


def test_whoever_stops_instead_of_agreeing_leaves_no_claim(bench: Bench, folder: Path, argv: list[str]) -> None:
    here, there = pty.openpty()
    process = subprocess.Popen(argv, stdin=there, stdout=there, stderr=there)
    os.close(there)
    said = b""
    while b"[yes/no]" not in said:
        said += os.read(here, 4096)
    assert (folder / "claim").exists()
    process.send_signal(signal.SIGINT)
    assert process.wait(180) == 130
    os.close(here)
    assert not folder.exists()
    assert list(bench.files.iterdir()) == []


ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal.locks import RunLocks
from stopgap.orchestrator.run.host_lock import locking
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
hosts = [Host(name="edge", address="10.9.0.1")]
home = Path(sys.argv[1])
claims = RunLocks(home / "runs")
with locking(home, "kei", hosts, claims), locking(home, "rin", hosts, claims) as second:
    print(second.held)
"""


def test_a_host_is_claimed_on_a_full_disk_too(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    words = [sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path / "home")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.stdout == "{'edge': 'another process on this machine'}\n", done.stderr


def test_two_sites_with_the_same_private_addresses_do_not_lock_each_other(team: Journals, tmp_path: Path) -> None:
    def edge(site: str | None, address: str = "10.9.0.1") -> Host:
        return Host(name=f"edge-{address}", address=address, site=site)

    public = "9.9.9.9"
    with (
        team.open(tmp_path / "a") as one,
        team.open(tmp_path / "b") as other,
        locking(one.home, "kei", [edge("tokyo"), edge(None, public)], one.claims),
    ):
        for machine in (one, other):
            with locking(machine.home, "rin", [edge("osaka")], machine.claims) as elsewhere:
                assert elsewhere.held == {}
            with locking(machine.home, "rin", [edge("tokyo"), edge("tokyo", public)], machine.claims) as same:
                assert sorted(same.held) == ["edge-10.9.0.1", "edge-9.9.9.9"]


def test_the_holder_of_a_teams_lock_replaces_the_lock_file_of_a_dead_member(team: Journals, tmp_path: Path) -> None:
    edge, strangers = Host(name="edge", address="10.9.0.1", driver="nftables"), Journals()
    with (
        team.open(tmp_path / "a") as one,
        team.open(tmp_path / "b") as other,
        strangers.open(tmp_path / "c") as alone,
    ):
        with locking(one.home, "kei", [edge], one.claims) as dead:
            assert locked(dead)
        with locking(alone.home, "mio", [edge], alone.claims) as stranger:
            assert not locked(stranger)
        with locking(other.home, "rin", [edge], other.claims) as next_one:
            assert locked(next_one)
            assert heard(dead.guard(EDGE)).status == GONE
