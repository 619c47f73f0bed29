"""What a router was to take away is looked for afterwards: no exit status, and no silence, is taken for absence."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from stopgap.orchestrator.change import UNCERTAIN, Command
from stopgap.tasks.traffic.bird import Rule, content
from stopgap.tasks.traffic.rtbh import announce
from stopgap.tasks.traffic.shell import run

WEB = ip_network("203.0.113.10/32")
VTYSH = """\
#!/bin/sh
# FRR's shell over a file of `network` lines. Beside it `mode` says what is wrong with it.
here=${0%/*}
mode=$(cat "$here/mode")
case "$*" in
    *'show running-config'*)
        case $mode in
            empty) exit 0 ;;
            down) echo 'Exiting: failed to connect to any daemons.' >&2; exit 1 ;;
            no-bgpd) printf 'Current configuration:\\n!\\nend\\n'; exit 0 ;;
        esac
        printf 'Current configuration:\\n!\\nrouter bgp 64501\\n address-family ipv4 unicast\\n'
        sed 's/.*/  network & route-map stopgap_web/' "$here/networks"
        printf ' exit-address-family\\n'
        [ ! -s "$here/networks" ] || printf 'route-map stopgap_web permit 10\\n'
        [ "$mode" = cut ] || echo end
        ;;
    *'no network'*)
        [ "$mode" != stubborn ] || { echo '% Can not withdraw'; exit 0; }
        [ "$mode" != mute ] || exit 0
        : >"$here/networks"
        ;;
    *network*) echo 203.0.113.10/32 >"$here/networks" ;;
esac
"""
BIRDC = """\
#!/bin/sh
# BIRD's client over a file of protocols' names. Beside it `mode` says what is wrong with it.
here=${0%/*}
mode=$(cat "$here/mode")
[ "$mode" != down ] || { echo 'Unable to connect to server control socket: Connection refused' >&2; exit 1; }
case "$*" in
    *'show protocols'*)
        [ "$mode" != blind ] || { echo 'BIRD 2.0.12 ready.'; exit 0; }
        printf 'BIRD 2.0.12 ready.\\nName       Proto      Table      State  Since         Info\\n'
        sed 's/$/ Static flowtab4 up 10:00:00.000/' "$here/protocols"
        ;;
    *'show status'*) echo 'BIRD 2.0.12 ready.' ;;
    *configure*)
        case $mode in
            refusing) echo '/etc/bird/bird.conf:3:1 syntax error'; exit 0 ;;
            mute) exit 0 ;;
            stubborn) ;;
            *) : >"$here/protocols" ;;
        esac
        printf 'BIRD 2.0.12 ready.\\nReading configuration from /etc/bird/bird.conf\\nReconfigured\\n'
        ;;
esac
"""
Runs = Callable[[Command], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs that are found first."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "mode").write_text("")
    return folder


@pytest.fixture
def runs(programs: Path) -> Runs:
    """Runs a command of a change, as a host does."""

    def go(command: Command) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        return subprocess.run(["sh", "-c", command.script()], env=environment, capture_output=True, text=True)

    return go


def place(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


@pytest.fixture
def frr(programs: Path) -> Path:
    place(programs, "vtysh", VTYSH)
    (programs / "networks").write_text(f"{WEB}\n")
    return programs


@pytest.mark.parametrize(
    ("mode", "status", "said"),
    [
        ("", 0, ""),
        ("stubborn", 1, "% Can not withdraw"),
        ("mute", 1, "vtysh said nothing, and changed nothing"),
        ("empty", UNCERTAIN, "does not show `router bgp 64501`"),
        ("no-bgpd", UNCERTAIN, "does not show `router bgp 64501`"),
        ("cut", UNCERTAIN, "to its end"),
        ("down", UNCERTAIN, "vtysh does not show the configuration"),
    ],
)
def test_an_announcement_is_withdrawn_where_frr_shows_it_no_more(
    frr: Path, runs: Runs, mode: str, status: int, said: str
) -> None:
    (frr / "mode").write_text(mode)
    done = runs(announce("stopgap_web", 64501, ()))
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr


def test_an_announcement_stands_where_frr_shows_it(frr: Path, runs: Runs) -> None:
    (frr / "networks").write_text("")
    assert runs(announce("stopgap_web", 64501, (WEB,))).returncode == 0
    assert (frr / "networks").read_text() == f"{WEB}\n"


@pytest.fixture
def bird(programs: Path, tmp_path: Path) -> tuple[Path, str]:
    """BIRD's client, and the file of a block that BIRD has taken up."""
    place(programs, "birdc", BIRDC)
    (programs / "protocols").write_text("stopgap_web_flowtab4\n")
    file = tmp_path / "block.conf"
    file.write_text(content("web", [Rule(destination=WEB)], {4: ("flowtab4",)}))
    return programs, str(file)


@pytest.mark.parametrize(
    ("mode", "status", "said"),
    [
        ("", 0, ""),
        ("stubborn", 1, "BIRD still has the protocol stopgap_web_flowtab4"),
        ("refusing", 1, "syntax error"),
        ("mute", 1, "birdc says nothing"),
        ("blind", UNCERTAIN, "BIRD does not list its protocols"),
    ],
)
def test_rules_are_withdrawn_where_bird_has_them_no_more(
    bird: tuple[Path, str], runs: Runs, mode: str, status: int, said: str
) -> None:
    programs, file = bird
    (programs / "mode").write_text(mode)
    done = runs(withdraw(file))
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert Path(file).exists() is (status != 0), "what is not withdrawn is still written down"


def withdraw(file: str) -> Command:
    """Withdraw the rules; a protocol that stays is waited for no second."""
    command = run("originate", file, rules="")
    return command.model_copy(update={"stdin": (command.stdin or "").replace("seconds=10", "seconds=0")})


@pytest.fixture
def running_bird(tmp_path: Path) -> Iterator[None]:
    """A process whose name is BIRD's."""
    program = tmp_path / "bird"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    process = subprocess.Popen([program, "600"])
    yield
    process.kill()
    process.wait()


@pytest.mark.usefixtures("running_bird")
def test_a_bird_that_runs_and_does_not_answer_may_still_send(bird: tuple[Path, str], runs: Runs) -> None:
    programs, file = bird
    (programs / "mode").write_text("down")
    done = runs(withdraw(file))
    assert done.returncode == UNCERTAIN
    assert "BIRD runs, and does not answer" in done.stderr
    assert Path(file).exists()


@pytest.mark.parametrize(
    ("script", "arguments", "variables"),
    [
        ("lift_routes", ("4",), {"routes": "203.0.113.10/32 protocol 83\n"}),
        ("lift_rules", ("83", "31001", "31000"), {}),
        ("chains", ("lift", "stopgap_web", "", "", ""), {}),
    ],
)
@pytest.mark.parametrize(("listing", "status"), [("clean", 0), ("left", 1), ("broken", UNCERTAIN)])
def test_what_is_still_listed_is_not_taken_away(
    programs: Path,
    runs: Runs,
    script: str,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    listing: str,
    status: int,
) -> None:
    left = {
        "lift_routes": "blackhole 203.0.113.10 proto 83 \n",
        "lift_rules": "0:\tfrom all lookup local\n31001:\tfrom 203.0.113.10 blackhole proto 83\n",
        "chains": "*raw\n:PREROUTING ACCEPT [0:0]\n:stopgap_web_p - [0:0]\nCOMMIT\n",
    }[script]
    others = {
        "lift_routes": "blackhole 203.0.113.100 proto 83 \n",
        "lift_rules": "0:\tfrom all lookup local\n31001:\tfrom all lookup main\n",
        "chains": "*raw\n:PREROUTING ACCEPT [0:0]\n:stopgap_web_2_p - [0:0]\nCOMMIT\n",
    }[script]
    shown = {"clean": others, "left": left, "broken": ""}[listing]
    (programs / "shown").write_text(shown)
    lists = f"cat {programs}/shown; exit {2 if listing == 'broken' else 0}"
    place(programs, "ip", f'#!/bin/sh\ncase "$*" in *show*) {lists} ;; esac\nexit 1\n')
    for program in ("iptables-save", "ip6tables-save", "ipset"):
        place(programs, program, f"#!/bin/sh\n{lists}\n")
    for program in ("iptables", "ip6tables"):
        place(programs, program, "#!/bin/sh\nexit 1\n")

    done = runs(run(script, *arguments, **variables))

    assert done.returncode == status, done.stderr


def test_sets_whose_chains_somebody_has_flushed_are_taken_away_by_the_undo(programs: Path, runs: Runs) -> None:
    sets = programs / "sets"
    sets.write_text("stopgap_web_b4\nstopgap_web_c6\nsomebody\n")
    for name in ("iptables-save", "ip6tables-save"):
        place(programs, name, "#!/bin/sh\n")
    place(
        programs,
        "ipset",
        f'#!/bin/sh\n[ "$2" = destroy ] || exit 1\ngrep -vx "$3" {sets} >{sets}.new; mv {sets}.new {sets}\n',
    )

    done = runs(run("chains", "unload", "stopgap_web", "me", "change1", ""))

    assert (done.returncode, sets.read_text()) == (0, "somebody\n")
