"""What cannot be read is never absent: every reader of files, asked by an account that may not look."""

import subprocess
from ipaddress import IPv4Address
from pathlib import Path
from typing import TypeVar

import pytest

from stopgap.orchestrator.facts import (
    ABSENT,
    File,
    FileHeads,
    FilesBelow,
    Gateways,
    Glob,
    InitScripts,
    Interfaces,
    Listeners,
    Neighbours,
    Output,
    Processes,
    Reader,
    Routes,
    Running,
    Scheduled,
    ScheduledFact,
    Units,
    UnreadableError,
)
from stopgap.orchestrator.hosttext import HostText

T = TypeVar("T")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def read(reader: Reader[T], script: str = "", *, account: tuple[str, ...] = NOBODY, path: str = "") -> T:
    done = subprocess.run(
        [*account, "/bin/sh", "-c", script or reader.script()],
        capture_output=True,
        env={"PATH": f"{path}/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        cwd="/",
    )
    return reader.parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))


@pytest.fixture
def closed(public_path: Path) -> Path:
    """A directory that root alone may enter, with a file; beside it one that everybody may."""
    for name in ("closed", "open"):
        (public_path / name / "below").mkdir(parents=True)
        (public_path / name / "below" / "file").write_text("x")
    (public_path / "open" / "secret").write_text("x")
    (public_path / "open" / "secret").chmod(0o600)
    (public_path / "closed").chmod(0o700)
    return public_path / "closed"


@pytest.mark.parametrize("name", ["below", "below/file", "nothing", "nothing/at/all"])
def test_what_lies_in_a_closed_directory_or_not_nobody_can_tell(closed: Path, name: str) -> None:
    with pytest.raises(UnreadableError, match=f"{closed}/{name}: cannot be read: Permission denied"):
        read(File(str(closed / name)))


def test_a_closed_file_cannot_be_read_and_an_absent_one_is_absent(closed: Path) -> None:
    beside = closed.parent / "open"
    with pytest.raises(UnreadableError, match="Permission denied"):
        read(File(str(beside / "secret")))
    assert read(File(str(beside / "nothing"))) == ABSENT
    assert read(File(str(beside / "secret" / "below"))) == ABSENT
    assert read(File(str(beside / "No such file or directory" / "x"))) == ABSENT


def test_a_link_that_leads_in_circles_is_not_absent(closed: Path) -> None:
    (closed.parent / "circle").symlink_to("circle")
    with pytest.raises(UnreadableError, match="Too many levels of symbolic links"):
        read(File(str(closed.parent / "circle" / "x")))
    assert read(File(str(closed.parent / "circle"))).kind == "link"


@pytest.mark.parametrize("why", ["Input/output error", "Stale file handle", "Transport endpoint is not connected"])
def test_whatever_else_the_kernel_says_is_not_absent(closed: Path, why: str) -> None:
    tools = closed.parent / "bin"
    tools.mkdir()
    (tools / "stat").write_text(f"#!/bin/sh\necho \"stat: cannot statx '$3': {why}\" >&2\nexit 1\n")
    (tools / "stat").chmod(0o755)
    with pytest.raises(UnreadableError, match=why):
        read(File("/nothing/at/all"), path=f"{tools}:")


@pytest.mark.parametrize("why", ["No such file or directory", "Not a directory"])
def test_an_absent_file_is_absent_where_the_tool_adds_the_errors_number(closed: Path, why: str) -> None:
    """As uutils' coreutils do, which Ubuntu 25.10 and later have."""
    tools = closed.parent / "bin"
    tools.mkdir()
    (tools / "stat").write_text(f"#!/bin/sh\necho \"stat: cannot stat '$3': {why} (os error 2)\" >&2\nexit 1\n")
    (tools / "stat").chmod(0o755)
    above = "/etc/passwd" if why == "Not a directory" else "/nothing"
    assert read(File(f"{above}/at/all"), path=f"{tools}:").kind == "absent"


@pytest.mark.parametrize("pattern", ["closed/*", "closed/below/*", "closed/*/file", "*/below/*", "closed/below"])
def test_a_listing_that_nobody_can_make_is_not_empty(closed: Path, pattern: str) -> None:
    top = closed.parent
    with pytest.raises(UnreadableError, match="Permission denied"):
        read(Glob(f"{top}/{pattern}"))
    assert read(FilesBelow((f"{top}/{pattern}",))).count is None
    with pytest.raises(UnreadableError, match="Permission denied"):
        read(FileHeads((f"{top}/{pattern}",)))


def test_a_listing_of_what_may_be_read_is_whole(closed: Path) -> None:
    top = closed.parent
    assert read(Glob(f"{top}/open/*")) == (f"{top}/open/below", f"{top}/open/secret")
    assert read(Glob(f"{top}/nothing/*")) == ()
    assert read(FilesBelow((f"{top}/open/*",))).count == 2
    with pytest.raises(UnreadableError, match="secret: Permission denied"):
        read(FileHeads((f"{top}/open",)))


def test_heads_of_a_directory_below_that_is_closed_are_not_taken_for_all(closed: Path) -> None:
    (closed.parent / "open" / "secret").unlink()
    (closed.parent / "open" / "below").chmod(0o700)
    with pytest.raises(UnreadableError, match="Permission denied"):
        read(FileHeads((f"{closed.parent}/open",)))
    assert read(FilesBelow((f"{closed.parent}/open",))).count is None


def test_an_init_script_of_roots_alone_is_there(closed: Path) -> None:
    script = closed.parent / "open" / "daemon"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o700)
    reader = InitScripts(("daemon",))
    (fact,) = read(reader, reader.script().replace("/etc/init.d", str(closed.parent / "open")))
    assert fact.exists
    with pytest.raises(UnreadableError, match="Permission denied"):
        read(reader, reader.script().replace("/etc/init.d", str(closed)))


def hidden(reader: Reader[T], options: str) -> T:
    """Read as an ordinary account, in a namespace where /proc was mounted with these options."""
    prepare = f"mount -t proc -o {options} none /proc && {' '.join(NOBODY)} /bin/sh -s; exit $?"
    done = subprocess.run(
        ["unshare", "-m", "-p", "-f", "--propagation", "private", "sh", "-c", prepare],
        input=reader.script().encode(),
        capture_output=True,
    )
    return reader.parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))


@pytest.mark.parametrize("reader", [Processes(), Running()], ids=lambda reader: type(reader).__name__)
@pytest.mark.parametrize("options", ["hidepid=2", "hidepid=1"])
def test_processes_that_are_hidden_from_an_account_are_not_absent(
    public_path: Path, reader: Reader[object], options: str
) -> None:
    with pytest.raises(UnreadableError, match="hidepid"):
        hidden(reader, options)
    assert hidden(reader, "hidepid=0")


@pytest.mark.parametrize(
    "reader",
    [
        Gateways(),
        Neighbours(),
        Routes((IPv4Address("192.0.2.1"),)),
        Interfaces(),
        Listeners(),
        Units(("cron.service",)),
    ],
    ids=lambda reader: type(reader).__name__,
)
def test_a_tool_that_is_missing_or_fails_gives_no_empty_answer(tmp_path: Path, reader: Reader[object]) -> None:
    script = reader.script().replace("[ -d /run/systemd/system ]", "true")
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, env={"PATH": str(tmp_path)})
    with pytest.raises(UnreadableError):
        reader.parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))


@pytest.mark.parametrize("reader", [Listeners(), Processes(), Gateways()], ids=lambda reader: type(reader).__name__)
def test_a_part_of_a_list_is_not_taken_for_the_whole(reader: Reader[object]) -> None:
    done = subprocess.run(["/bin/sh", "-c", reader.script()], capture_output=True)
    with pytest.raises(UnreadableError):
        reader.parse(Output(HostText(done.stdout), HostText(b""), 0, truncated=True))


def test_what_is_scheduled_in_a_closed_directory_nobody_can_tell(closed: Path) -> None:
    reader = Scheduled("some")
    script = reader.script().replace("/run/stopgap", str(closed)).replace("/run/systemd/system", "/nowhere")
    with pytest.raises(UnreadableError, match="Permission denied"):
        read(reader, script)
    assert read(reader, script.replace(str(closed), str(closed.parent / "open"))) == ScheduledFact()


@pytest.mark.parametrize("words", [b"9" * 5000 + b" 1", b"1 " + "²".encode(), b"1", b"999999999999999 1"])
def test_a_moment_that_is_none_is_unreadable(words: bytes) -> None:
    with pytest.raises(UnreadableError, match="nothing says when"):
        Scheduled("some").parse(Output(HostText(words), HostText(b""), 0))
