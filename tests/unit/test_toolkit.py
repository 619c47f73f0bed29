"""A toolkit in a host's RAM: the right bytes, used with nothing of the host's, and gone afterwards in any case."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.facts import Output, ToolkitFact, ToolkitFile
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.remote.script import exchange_script
from stopgap.orchestrator.remote.session import Item
from stopgap.orchestrator.shell import quote
from stopgap.orchestrator.task import Unplannable
from stopgap.orchestrator.toolkit import FOLDER, Toolkit, ToolkitError
from stopgap.tasks.evidence.toolkit import toolkit_of

BUSYBOX = shutil.which("busybox") or ""
TOKEN = "0123456789abcdef"
SHELLS = (("dash",), ("bash", "--posix"), ("busybox", "ash"))

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts filesystems in a namespace of its own")


def look(path: str) -> ToolkitFact:
    done = subprocess.run(["/bin/sh", "-s"], input=ToolkitFile((path,)).script().encode(), capture_output=True)
    return ToolkitFile((path,)).parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))


@pytest.fixture(scope="module")
def toolkit() -> Toolkit:
    return toolkit_of("busybox", look(BUSYBOX), ["ps", "dpkg-query"])


class Exchange:
    """A shell that took an exchange's script, in a mount namespace of its own."""

    def __init__(
        self, shell: tuple[str, ...], items: list[str], before: str = ":", env: dict[str, str] | None = None
    ) -> None:
        script = exchange_script([Item(item, 30) for item in items], "NONCE", stop_on_failure=False, total=60)
        # What the host has in RAM: these two mounts, as far as `before` leaves them.
        setting = f"mount -t tmpfs none /dev/shm && mount -t tmpfs -o noexec none /run && {before}"
        self.process = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", f'{setting} && exec "$@"', "sh", *shell, "-s"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], **(env or {})},
        )  # fmt: skip
        assert self.process.stdin
        self.process.stdin.write(script)
        self.process.stdin.flush()

    def said(self) -> str:
        """All that it prints until its end."""
        assert self.process.stdout
        text = self.process.stdout.read().decode(errors="replace")
        self.process.wait(60)
        return text

    def until(self, words: str) -> str:
        """What it prints until these words."""
        assert self.process.stdout
        text = ""
        while words not in text:
            line = self.process.stdout.readline().decode(errors="replace")
            assert line, text
            text += line
        return text


def scripts(toolkit: Toolkit, *read: str) -> list[str]:
    opening = toolkit.opening(TOKEN)
    first = opening + toolkit.pouring() + toolkit.delivery(40)
    return [first, *(opening + toolkit.using(script) for script in read), opening + toolkit.removal()]


def eventually(gone: str, namespace: int) -> bool:
    for _ in range(300):
        seen = subprocess.run(
            ["nsenter", f"--mount=/proc/{namespace}/ns/mnt", "ls", "-a", "/dev/shm"], capture_output=True, text=True
        )
        if gone not in seen.stdout:
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def keeper() -> Iterator[int]:
    """A process that keeps a mount namespace alive, with a /dev/shm of its own."""
    process = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c",
         "mount -t tmpfs none /dev/shm && echo ready && exec sleep 300"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    yield process.pid
    process.kill()
    process.wait()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_the_bytes_arrive_through_the_shells_own_printf(toolkit: Toolkit, shell: tuple[str, ...]) -> None:
    said = Exchange(shell, scripts(toolkit, "readlink /proc/self/exe")).said()
    assert f"sha256 as sent, by /dev/shm/{FOLDER}{TOKEN}/busybox sha256sum" in said
    assert "sha256 as sent, by sha256sum" in said
    assert f"\n/dev/shm/{FOLDER}{TOKEN}/busybox\n" in said
    assert "removed" in said


def test_nothing_of_the_hosts_environment_and_tools_counts_but_those_whose_word_is_wanted(
    toolkit: Toolkit, tmp_path: Path
) -> None:
    for name in ("find", "ps", "cat"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name}: as the intruder wants\n")
        (tmp_path / name).chmod(0o755)
    over = f"mount --bind {tmp_path} /usr/local/sbin"
    read = 'env; cat /proc/self/comm; find /dev/null; ps; cd /; echo "it\'s" \'"$x"\' `echo `; cat; exit 3'
    env = {"LD_PRELOAD": "/nowhere.so", "ENV": "/nowhere", "EVIL": "yes"}
    said = Exchange(("dash",), scripts(toolkit, read), over, env).said()
    words = said.partition("NONCE B 1")[2].partition("NONCE E 1")[0]
    assert "EVIL" not in words
    assert "LD_PRELOAD" not in words
    assert "find: as the intruder wants" not in words
    assert "cat: as the intruder wants" not in words
    assert '/dev/null\nps: as the intruder wants\nit\'s "$x"' in words
    assert "answered by the toolkit" in words
    assert "NONCE E 1 3" in said


def test_it_lies_where_ram_may_be_run_from(toolkit: Toolkit) -> None:
    said = Exchange(("dash",), scripts(toolkit, "true"), "mount -o remount,noexec /dev/shm").said()
    assert re.search(rf"in RAM at (?!/dev/shm|/run)\S+/{FOLDER}{TOKEN}\n", said), said
    both = "mount -o remount,noexec /dev/shm && mount -o remount,exec /run"
    assert f"in RAM at /run/{FOLDER}{TOKEN}\n" in Exchange(("dash",), scripts(toolkit, "true"), both).said()


USERS_OWN = {
    "a user's own": "mkdir /run/mine && mount -t tmpfs -o uid=65534,mode=700 none /run/mine",
    "everybody's": "mkdir /run/mine && mount -t tmpfs -o mode=777 none /run/mine",
    "root's, in a user's directory": "mkdir -p /run/home/mine && chown 65534 /run/home"
    " && mount -t tmpfs none /run/home/mine",
}


@pytest.mark.parametrize("whose", USERS_OWN)
def test_it_never_lies_where_another_account_could_exchange_it(toolkit: Toolkit, whose: str) -> None:
    elsewhere_noexec = "mount -o remount,noexec /dev/shm"
    said = Exchange(("dash",), scripts(toolkit, "true"), f"{elsewhere_noexec} && {USERS_OWN[whose]}").said()
    assert "mine" not in said
    trusted = "mkdir /run/mine && mount -t tmpfs none /run/mine"
    said = Exchange(("dash",), scripts(toolkit, "true"), f"{elsewhere_noexec} && {trusted}").said()
    assert f"in RAM at /run/mine/{FOLDER}{TOKEN}\n" in said


def test_where_there_is_no_such_ram_the_host_itself_answers_and_that_is_said(toolkit: Toolkit) -> None:
    all_noexec = (
        "while read -r from point type options rest; do "
        "case $type in tmpfs|ramfs|devtmpfs) mount -o remount,bind,noexec $point || umount -l $point;; esac; "
        "done </proc/self/mounts"
    )
    said = Exchange(("dash",), scripts(toolkit, "echo here"), all_noexec).said()
    assert "no filesystem in RAM took the toolkit: the host itself answers" in said
    assert "the toolkit is not there: answered by the host itself\n" in said
    assert "here\n" in said


def test_what_is_not_what_was_sent_is_not_used(toolkit: Toolkit) -> None:
    wrong = toolkit.model_copy(update={"sha256": "0" * 64})
    opening = toolkit.opening(TOKEN)
    items = [opening + toolkit.pouring() + wrong.delivery(40), opening + toolkit.using("echo here"), "ls -a /dev/shm"]
    said = Exchange(("dash",), items).said()
    assert "not what was sent" in said
    assert "answered by the host itself" in said
    assert FOLDER not in said.partition("NONCE B 2")[2]


def test_it_is_gone_after_a_cut_connection(toolkit: Toolkit, keeper: int) -> None:
    items = scripts(toolkit, "echo begun; sleep 20")
    entered = ("nsenter", f"--mount=/proc/{keeper}/ns/mnt", "dash")
    exchange = Exchange(entered, items)
    exchange.until("begun")
    exchange.process.kill()
    exchange.process.wait()
    assert eventually(f"{FOLDER}{TOKEN}", keeper)


def test_a_program_that_needs_a_loader_and_what_is_no_program_are_no_toolkit(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("#!/bin/sh\n")
    with pytest.raises(Unplannable, match="needs a dynamic loader"):
        toolkit_of("/bin/sh", look("/bin/sh"), [])
    with pytest.raises(Unplannable, match="no program of a known machine"):
        toolkit_of("text", look(str(tmp_path / "text")), [])
    with pytest.raises(Unplannable, match="busybox-static"):
        toolkit_of("busybox", look(str(tmp_path / "none")), [])


def test_a_toolkit_that_changed_since_it_was_looked_at_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "kit"
    path.write_bytes(b"one")
    kit = Toolkit(path=str(path), sha256=hashlib.sha256(b"one").hexdigest(), size=3)
    assert "one" in kit.pouring()
    path.write_bytes(b"two")
    with pytest.raises(ToolkitError, match="changed since"):
        kit.pouring()
    path.unlink()
    with pytest.raises(ToolkitError, match="No such file"):
        kit.pouring()


def test_every_byte_stands_for_itself(tmp_path: Path) -> None:
    content = bytes(range(256)) * 3 + b"\x000\x00%s\\n'"
    path = tmp_path / "kit"
    path.write_bytes(content)
    kit = Toolkit(path=str(path), sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    for shell in SHELLS:
        script = f"eval {quote(kit.pouring() + 'pour')}".encode("utf-8", "surrogateescape")
        done = subprocess.run([*shell, "-s"], input=script, capture_output=True, env={"LC_ALL": "C", "PATH": "/bin"})
        assert done.stdout == content, shell
