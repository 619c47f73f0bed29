"""What a plan says beforehand of a file that cannot be changed, and what a file keeps when it is replaced."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from stopgap.orchestrator.change import CHANGE, FreezeChange, PathChange, RunCommands, command, write_file
from stopgap.orchestrator.facts import Extended, ExtendedFact, File, Output, Writable, WritableFact
from stopgap.orchestrator.facts.by_path import path_key
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.plan.prospects import Asked, obstacle, prepared, prospected, prospects

from .bench import Bench, file, outcomes
from .little_host import SHELLS, build

ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in ((1, 6, 0xFFFFFFFF), (2, 4, 1001), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF))
)
"""user::rw-, user:1001:r--, group::r--, mask::r--, other::--- (acl(5), as the kernel keeps it)."""
ATTRIBUTES = {
    "user.note": b"any\0bytes\xff",
    "user.empty": b"",
    "system.posix_acl_access": ACL,
    "security.selinux": b"system_u:object_r:shadow_t:s0\0",
    "security.capability": bytes.fromhex("0100000200040000000000000000000000000000"),
}
WAYS = {"perl": ("perl",), "python3": ("python3",), "getfattr": ("getfattr", "setfattr", "od")}
BASE = (
    *(
        "cat",
        "chmod",
        "chown",
        "df",
        "env",
        "head",
        "id",
        "ln",
        "ls",
        "mkdir",
        "mv",
        "readlink",
        "rm",
        "rmdir",
        "sed",
    ),
    *("sha256sum", "stat", "sync", "touch", "tr", "uname"),
)


def sh(script: str, path: Path | None = None) -> Output:
    env = {"PATH": str(path) if path else "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    done = subprocess.run(["/bin/sh", "-s"], input=script.encode(), capture_output=True, env=env, cwd="/")
    return Output(HostText(done.stdout), HostText(done.stderr), done.returncode)


def attributes(path: Path) -> dict[str, bytes]:
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path)}


def having(path: Path) -> Path:
    """Write a file that has some of everything; skip where this filesystem or account cannot."""
    path.write_text("old\n")
    try:
        for name, value in ATTRIBUTES.items():
            os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"extended attributes: {error}")
    return path


def planned(path: Path, content: str, by: Path | None = None) -> PathChange:
    """Give the change of a file as a plan has it, after its way through the journal."""
    asked = Asked.of([File(str(path))])
    before = File(str(path)).parse(sh(File(str(path)).script()))
    change = write_file(str(path), content, before, mode=before.mode)
    assert change is not None
    known = prospects(asked, *(reader.parse(sh(reader.script(), by)) for reader in (asked.writable, asked.extended)))
    found = CHANGE.validate_json(prepared(change, known[str(path)]).model_dump_json())
    assert isinstance(found, PathChange)
    return found


def only(folder: Path, *names: str) -> Path:
    """A folder with these tools of this machine's and no others."""
    folder.mkdir()
    for name in (*BASE, *names):
        real = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") or shutil.which(name)
        if real is None:
            pytest.skip(f"this machine has no {name}")
        (folder / name).symlink_to(real)
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_whatever_a_file_has_is_kept_in_the_change_and_in_its_undo(tmp_path: Path, way: str) -> None:
    by = only(tmp_path / "bin", *WAYS[way])
    path = having(tmp_path / "file")
    change = planned(path, "new\n", by)
    assert (change.losses, change.undo_losses) == ((), ())
    for script, content in ((change.do_script(), "new\n"), (change.undo_script(), "old\n")):
        done = sh(script, by)
        assert done.status == 0, done.stderr
        assert (path.read_text(), attributes(path), path.stat().st_mode & 0o777) == (content, ATTRIBUTES, 0o640)


def test_a_file_that_commands_alone_write_is_asked_for_no_prospects() -> None:
    assert Asked.of([File("/etc/changed"), File("/etc/kept", changes=False)]).paths == ("/etc/changed",)


def test_a_removed_file_comes_back_with_all_that_it_had(tmp_path: Path) -> None:
    path = having(tmp_path / "file")
    change = planned(path, "new\n")
    removal = change.model_copy(update={"after": File("/nothing/at/all").parse(sh(File("/nothing/at/all").script()))})
    assert sh(removal.do_script()).status == 0
    assert not path.exists()
    assert sh(removal.undo_script()).status == 0
    assert (path.read_text(), attributes(path)) == ("old\n", ATTRIBUTES)


def test_a_file_without_an_access_list_does_not_get_its_directorys(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old\n")
    try:
        os.setxattr(tmp_path, "system.posix_acl_default", ACL)
    except OSError as error:
        pytest.skip(f"access control lists: {error}")
    change = planned(path, "new\n")
    assert sh(change.do_script()).status == 0
    assert attributes(path) == {}


@pytest.mark.parametrize("way", ["perl", "python3"])
def test_inode_flags_are_kept(tmp_path: Path, way: str) -> None:
    path = tmp_path / "file"
    path.write_text("old\n")
    if subprocess.run(["chattr", "+dA", path], capture_output=True).returncode:
        pytest.skip("this filesystem has no such attributes")
    flags = subprocess.run(["lsattr", path], capture_output=True).stdout
    by = only(tmp_path / "bin", *WAYS[way])
    change = planned(path, "new\n", by)
    for script in (change.do_script(), change.undo_script()):
        assert sh(script, by).status == 0
        assert subprocess.run(["lsattr", path], capture_output=True).stdout == flags


def test_a_hard_link_is_named_as_lost_and_its_other_name_keeps_the_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old\n")
    os.link(path, tmp_path / "other")
    change = planned(path, "new\n")
    assert change.preview()[-1] == "lost: the hard link with 1 other name"
    assert change.describe_undo().endswith("without the hard link with 1 other name")
    assert sh(change.do_script()).status == 0
    assert (path.read_text(), (tmp_path / "other").read_text()) == ("new\n", "old\n")


def test_without_a_way_to_look_the_preview_says_what_may_be_lost(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old\n")
    change = planned(path, "new\n", only(tmp_path / "bin"))
    lost = "access control lists, labels and attributes (neither perl, python3 nor getfattr is installed)"
    assert change.preview()[-1] == f"lost: {lost}"
    assert sh(change.do_script(), tmp_path / "bin").status == 0


def test_a_signature_of_the_content_is_lost_with_it_and_comes_back_with_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old\n")
    change = write_file(str(path), "new\n", File(str(path)).parse(sh(File(str(path)).script())))
    assert change is not None
    have = ExtendedFact(attributes={"security.ima": b"\x03", "security.evm": b"\x02", "user.a": b"1"})
    found = prospects(Asked((str(path),)), (WritableFact(),), (have, ExtendedFact()))[str(path)]
    made = prepared(change, found)
    assert made.losses == ("signature (security.evm)", "signature (security.ima)")
    assert made.undo_losses == ("signature (security.evm)",)
    assert (made.before.extended, made.after.extended) == (
        {"security.ima": b"\x03", "user.a": b"1"},
        {"user.a": b"1"},
    )


@pytest.mark.parametrize(
    "names", [b"x ff\n", b"x 757365722e61 zz\n", b"what 1\n", b"flags x\n", b"links 9" * 9 + b"\n"]
)
def test_what_a_host_says_of_attributes_is_read_or_refused(names: bytes) -> None:
    with pytest.raises(Exception, match="extended attributes"):
        Extended(("/a",)).parse(Output(HostText(f"path {path_key('/a')}\n".encode() + names), HostText(b""), 0))


def test_a_dry_run_says_what_would_fail_and_why(bench: Bench) -> None:
    (bench.files / "file").write_text("x")
    steps = [
        file(bench, "nothing/at/all", on_failure="continue"),
        file(bench, "file/below", on_failure="continue"),
        {"id": "make", "task": "host.file", "with": {"path": str(bench.files / "folder"), "directory": True}},
        {"id": "in-it", "task": "host.file", "with": {"path": str(bench.files / "folder" / "f"), "content": "x"}},
    ]
    for number, step in enumerate(steps):
        step["id"] = f"s{number}"
    status, dry = bench.run(bench.runbook(*steps), "--dry-run")
    assert status == 1
    assert outcomes(dry) == {"s0": "would-fail", "s1": "would-fail", "s2": "would-change", "s3": "would-change"}
    reasons = {step["step"]: step["reason"] for step in dry[-1]["steps"]}
    assert reasons["s0"] == f"{bench.files}/nothing: no such directory"
    assert reasons["s1"] == f"{bench.files}/file: Not a directory"
    assert next(event["outcome"] for event in dry if event["event"] == "step-planned") == "would-fail"
    _, done = bench.run(bench.runbook(*steps), "--yes")
    assert outcomes(done) == {"s0": "failed", "s1": "failed", "s2": "changed", "s3": "changed"}
    assert (
        "would fail"
        in bench.stopgap("run", bench.runbook(*steps), "-i", str(bench.inventory), "-t", "a", "--dry-run")[1]
    )


@pytest.mark.parametrize("uid", [None, 0, 1000])
def test_what_root_alone_may_run_would_fail_for_another_account(uid: int | None) -> None:
    stop = RunCommands(about="stop it", do=(command("systemctl", "stop", "cron.service"),), undo=())
    freeze = FreezeChange(boot="b", processes=())
    for change, what in ((stop, "systemctl stop cron.service"), (freeze, "kill -STOP")):
        said = prospected([change], {}, (), uid, frozenset({"systemctl"}))[1]
        assert said == (f"user id 1000 may not run {what}: only root may ({BECOME})" if uid else "")


BECOME = "`become: sudo`, where sudo lets this login"


def asked_as(account: int, path: str, *, before: str = "") -> WritableFact:
    """Ask as an account, in a mount namespace that `before` prepares."""
    who = f"setpriv --reuid={account} --regid={account} --clear-groups " if account else ""
    done = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", f"{before or ':'} && exec {who}/bin/sh -s"],
        input=Writable((path,)).script().encode(),
        capture_output=True,
    )
    return Writable((path,)).parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))[0]


def test_an_account_that_may_not_write_is_told_so(public_path: Path) -> None:
    mine = public_path / "mine"
    mine.mkdir()
    os.chown(mine, 65534, 65534)
    found = asked_as(65534, f"{public_path}/file")
    assert (found.obstacle, found.uid) == (f"user id 65534 may not write to {public_path}", 65534)
    assert asked_as(65534, f"{mine}/file").obstacle == ""
    (public_path / "closed").mkdir(mode=0o700)
    assert asked_as(65534, f"{public_path}/closed/file").obstacle.endswith("closed: Permission denied")
    (public_path / "sticky").mkdir()
    (public_path / "sticky").chmod(0o1777)
    (public_path / "sticky" / "roots").touch()
    assert "sticky" in asked_as(65534, f"{public_path}/sticky/roots").obstacle
    assert asked_as(65534, f"{public_path}/sticky/new").obstacle == ""


def test_facts_come_in_the_order_of_the_paths_whatever_their_directories(public_path: Path) -> None:
    (public_path / "a").mkdir()
    paths = tuple(f"{public_path}/{name}" for name in ("a/one", "absent/file", "b", "a/two", "a"))
    done = subprocess.run(["/bin/sh", "-s"], input=Writable(paths).script().encode(), capture_output=True)
    found = Writable(paths).parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))
    assert [each.folder for each in found] == [True, False, True, True, True]
    assert f"{public_path}/absent: no such directory" in found[1].obstacle


def test_what_another_account_could_exchange_is_told(public_path: Path) -> None:
    home = public_path / "home"
    (home / "roots").mkdir(parents=True)
    os.chown(home, 65534, 65534)
    assert "could exchange it" in asked_as(0, f"{home}/roots/file").obstacle
    found = asked_as(0, f"{home}/roots")
    assert (found.obstacle, "could exchange it" in found.inside) == ("", True)
    (home / "link").symlink_to("/etc")
    assert "a symbolic link that another account can change" in asked_as(0, f"{home}/link/file").obstacle


def test_a_filesystem_that_is_read_only_or_full_is_told(public_path: Path) -> None:
    path = f"{public_path}/file"
    ro = asked_as(0, path, before=f"mount -t tmpfs -o ro none {public_path}")
    assert ro.obstacle == f"{public_path}: Read-only file system"
    bound = f"mount --bind {public_path} {public_path} && mount -o remount,bind,ro {public_path}"
    assert asked_as(0, path, before=bound).obstacle == f"{public_path}: Read-only file system"
    fill = f"head -c 8192 /dev/zero >{public_path}/fill"
    full = asked_as(0, path, before=f"mount -t tmpfs -o size=8k none {public_path} && {fill}")
    assert (full.obstacle, full.free) == ("", 0)
    crowded = asked_as(0, path, before=f"mount -t tmpfs -o nr_inodes=1 none {public_path}")
    assert crowded.inodes == 0


@pytest.mark.parametrize("shell", SHELLS)
def test_a_root_that_is_read_only_is_told_by_every_shell(tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    host = build(tmp_path / "host", shell)
    done = host.run(Writable(("/etc/file",)).script(), f"mount -o remount,bind,ro {host.root}")
    found = Writable(("/etc/file",)).parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))
    assert found[0].obstacle == "/etc: Read-only file system"


@pytest.mark.parametrize(
    ("may", "have", "reason"),
    [
        ({"free": 0}, {}, "0 bytes are free on its filesystem, and it needs 4096"),
        ({"free": 4096}, {}, ""),
        ({"inodes": 0}, {}, "no inode is free"),
        ({"uid": 7, "groups": (7,)}, {}, "cannot give it back to them: only root can"),
        ({}, {"flags": 0x10}, "/d/f is immutable"),
        ({}, {"flags": 0x20}, "/d/f is append-only"),
        ({"obstacle": "user id 7 may not write to /d", "uid": 7}, {}, "become: sudo"),
    ],
)
def test_each_obstacle_is_named(may: dict[str, object], have: dict[str, object], reason: str) -> None:
    old = File("/d/f").parse(Output(HostText(b"81a4 0 0 4 1\nold\n"), HostText(b""), 0))
    change = write_file("/d/f", "new\n", old)
    assert change is not None
    known = prospects(Asked(("/d/f",)), (WritableFact(**may),), (ExtendedFact(**have), ExtendedFact()))  # type: ignore[arg-type]
    said = obstacle(change, known["/d/f"], ())
    assert (reason in said) if reason else said == ""
