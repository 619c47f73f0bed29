"""What the artifacts' scripts bring from small hosts of several kinds, and that they leave everything as it was."""

from __future__ import annotations

import io
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from stopgap.orchestrator.findings.table import tables
from stopgap.orchestrator.task import Artifact
from stopgap.tasks.evidence.catalogue import shipped
from stopgap.tasks.evidence.source import shell

from .little_host import SHELLS, Host, build

PROFILES = tuple(shipped().profiles)
DEFINITIONS = [
    *((profile, definition) for profile in ("volatile", "triage") for definition in shipped().profile(profile)),
    *(("full", shipped().artifacts[name]) for name in shipped().profiles["full"].artifacts),
]
ODD_NAMES = [
    b"new\nline",
    b"esc\x1b[2J",
    b"\xff\xfe",
    b"-rf",
    b"a|b",
    b"back\\nslash",
    b"tab\tand space ",
    b"*",
    b"$(id)",
]
SECRET = secrets.token_hex(16).encode()
"""Of this process alone: some artifacts read what other processes of this machine hold open."""
SECRETS = (
    "etc/shadow-",
    "etc/ssh/ssh_host_rsa_key",
    "etc/ssl/private/web.key",
    "root/.ssh/id_ed25519",
    "root/.ssh/backup",
)
OLD = 1_500_000_000


def artifact(profile: str, name: str) -> Artifact:
    return next(d.artifact() for p, d in DEFINITIONS if (p, d.id) == (profile, name))


def members(archive: bytes) -> dict[bytes, bytes | None]:
    """Contents by name, of each archive where several follow one another."""
    with tarfile.open(fileobj=io.BytesIO(archive), ignore_zeros=True, encoding="utf-8") as tar:
        return {
            m.name.encode("utf-8", "surrogateescape"): f.read() if m.isfile() and (f := tar.extractfile(m)) else None
            for m in tar
        }


def names(body: bytes) -> list[bytes]:
    """The names of a body file, as its reader unescapes them; any line that is not whole fails."""
    found = []
    for line in body.removesuffix(b"\n").split(b"\n"):
        md5, name, inode, mode, *numbers = re.findall(rb"((?:[^\\|]|\\.)*)(?:\||$)", line)[:11]
        assert (md5, len(numbers)) == (b"0", 7), line
        assert inode.isdigit(), line
        assert re.fullmatch(rb"[bcdlps-][rwxsStT-]{9}", mode), line
        found.append(re.sub(rb"\\(x[0-9a-f]{2}|.)", _unescaped, name))
    return found


def _unescaped(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1][1:], 16)]) if len(match[1]) > 1 else match[1]


@pytest.fixture(scope="module", params=SHELLS)
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Host:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return build(tmp_path_factory.mktemp(request.param) / "host", request.param)


@pytest.fixture
def host(bare: Host, tmp_path: Path) -> Host:
    """A host with awkward files, secrets, and traces."""
    made = Host(tmp_path / "host", bare.shell)
    shutil.copytree(bare.root, made.root, symlinks=True, copy_function=os.link)
    root = made.root
    for odd in ODD_NAMES:
        Path(os.fsdecode(bytes(root / "tmp") + b"/" + odd)).write_bytes(b"odd: " + odd)
    for pipe in ("tmp/pipe", "var/log/pipe.log", "root/.viminfo", "etc/cron.d"):
        os.mkfifo(root / pipe)
    with (root / "tmp/holes").open("wb") as sparse:
        sparse.write(b"head")
        sparse.truncate(300 << 20)
    (root / "tmp/large").write_bytes(os.urandom(11 << 20))
    for secret in SECRETS:
        (root / secret).parent.mkdir(parents=True, exist_ok=True)
        (root / secret).write_bytes(SECRET)
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\neve:x:0:0::/home/e v e:/bin/sh\n")
    (root / "etc/shadow").write_text("root:$y$j9T$NOBODY MAY CARRY THIS AWAY:20000:0:99999:7:::\neve::20001::::::\n")
    (root / "home/e v e").mkdir()
    (root / "home/e v e/.bash_history").write_text("wget http://198.51.100.2/kit.tgz\n")
    (root / "root/.bash_history").symlink_to("/dev/null")
    (root / "root/.ssh/authorized_keys").write_text("ssh-ed25519 AAAA nobody@nowhere\n")
    (root / "var/www/html/uploads").mkdir(parents=True)
    (root / "var/www/html/uploads/logo.php").write_text("<?php")
    (root / "var/log/syslog").write_text("Nov 23 01:00:00 web sshd[1]: Accepted publickey for root\n")
    os.utime(root / "var/log/syslog", (OLD, OLD))
    return made


def test_no_artifact_changes_anything_and_no_secret_leaves(host: Host) -> None:
    before = host.state()
    for _, definition in DEFINITIONS:
        done = host.collect(definition.artifact())
        assert done.returncode in {0, 1, 127}, (definition.id, done.stderr)
        assert SECRET not in done.stdout, definition.id
    assert host.state() == before


SAY_NICE = "read -r line </proc/self/stat; set -- ${line##*) }; echo ${17}\n"


def test_priority_is_lowered_for_what_follows_and_nothing_is_said(host: Host) -> None:
    gently = artifact("triage", "clock").model_copy(
        update={"script": f"{SAY_NICE}nice=7\n{shell('gently')}\n{SAY_NICE}"}
    )
    done = host.collect(gently)
    assert (done.returncode, done.stderr) == (0, b"")
    before, after = map(int, done.stdout.split())
    assert after - before == (7 if host.shell == "busybox" else 0)  # the others lack renice


def test_with_nothing_but_a_shell_and_proc_the_kernel_is_read_and_what_lacks_a_tool_says_so(tmp_path: Path) -> None:
    host = build(tmp_path / "host", "alone")
    before = host.state()
    read, silent, mute = set(), set(), set()
    judged = {artifact for table in tables().values() for artifact in table.reads}
    for _, definition in DEFINITIONS:
        done = host.collect(definition.artifact())
        assert done.returncode == 0 or done.stderr, definition.id
        (read if done.stdout else silent if not done.stderr else set()).add(definition.id)
        told = b"not installed: " in done.stderr or b"there is none" in done.stderr
        if not done.stdout and done.returncode == 0 and not told:
            mute.add(definition.id)
    assert host.state() == before
    assert {"processes", "process-details", "hidden-processes", "mounts", "sockets", "routes", "memory"} <= read
    # A rule over nothing would read as if nothing had been found.
    assert mute & judged == set()
    # Of these, the host has none.
    assert silent <= {"containers", "password-states", "module-details", "mail-queue-files", "sudo-traces", "modules"}


def test_a_bodyfile_has_one_line_for_each_entry_whatever_its_name(host: Host) -> None:
    done = host.collect(artifact("triage", "bodyfile"))
    found = names(done.stdout)
    root = bytes(host.root)
    wanted = {path.removeprefix(root).removesuffix(b"/.") for path in host.state()}
    links = {name.split(b" -> ")[0] for name in found}
    assert {b"/tmp/" + odd for odd in ODD_NAMES} <= set(found)
    assert wanted - {b"", b"/proc"} <= links
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)


def test_a_bodyfile_says_where_a_link_leads(host: Host) -> None:
    (host.root / "home/link 'x'").symlink_to("it's there")
    (host.root / "home/plain 'x'").touch()
    found = names(host.collect(artifact("triage", "bodyfile")).stdout)
    assert b"/home/link 'x' -> it's there" in found
    assert b"/home/plain 'x'" in found


def test_a_bodyfile_gives_the_times_of_a_file(host: Host) -> None:
    done = host.collect(artifact("triage", "bodyfile"))
    line = next(line for line in done.stdout.splitlines() if line.startswith(b"0|/var/log/syslog|"))
    inode, mode, _, _, size, accessed, modified, *_ = line.split(b"|")[2:]
    seen = (host.root / "var/log/syslog").lstat()
    assert (int(inode), mode, int(size)) == (seen.st_ino, b"-rw-r--r--", seen.st_size)
    assert (float(accessed), float(modified)) == (OLD, OLD)


def test_the_body_file_has_times_of_access_and_a_list_what_was_changed_in_the_last_day(host: Host) -> None:
    old, new = host.root / "home/old", host.root / "home/new"
    for path, hours in ((old, 25), (new, 23)):
        path.write_text("x")
        then = path.stat().st_ctime - hours * 3600
        os.utime(path, (then, then))
    lines = host.collect(artifact("triage", "bodyfile")).stdout.splitlines()
    accessed = {line.split(b"|")[1]: float(line.split(b"|")[7]) for line in lines}
    for path in (old, new):
        assert accessed[b"/home/" + path.name.encode()] == pytest.approx(path.stat().st_atime)
    assert b"/home/old" in names(host.collect(artifact("full", "changed-24h")).stdout)


def test_awkward_files_are_carried_whole_and_pipes_stay_shut(host: Host) -> None:
    done = host.collect(artifact("triage", "temporary-files"))
    carried = members(done.stdout)
    for odd in ODD_NAMES:
        assert carried[b"./tmp/" + odd] == b"odd: " + odd
    assert b"./tmp/pipe" not in carried
    assert b"./tmp/large" not in carried
    assert b"too large: ./tmp/large" in done.stderr


def test_very_many_small_files_are_all_there(host: Host) -> None:
    many = host.root / "var/tmp/many"
    many.mkdir()
    for number in range(4000):
        (many / f"-n {number}").write_text("x")
    done = host.collect(artifact("triage", "temporary-files"))
    assert sum(name.startswith(b"./var/tmp/many/") for name in members(done.stdout)) == 4000
    found = names(host.collect(artifact("triage", "bodyfile")).stdout)
    assert sum(name.startswith(b"/var/tmp/many/") for name in found) == 4000


def test_holes_are_not_carried_as_zeros(host: Host) -> None:
    done = host.collect(artifact("triage", "temporary-files"))
    assert len(done.stdout) < 1 << 20
    if host.shell == "busybox":
        assert b"too large: ./tmp/holes" in done.stderr
    else:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            assert tar.getmember("./tmp/holes").size == 300 << 20


def test_histories_are_found_in_every_home_and_links_stay_links(host: Host) -> None:
    carried = members(host.collect(artifact("triage", "histories")).stdout)
    assert carried == {
        b"./home/e v e/.bash_history": b"wget http://198.51.100.2/kit.tgz\n",
        b"./root/.bash_history": None,
    }


def test_of_keys_those_that_let_in_are_carried_alone(host: Host) -> None:
    assert list(members(host.collect(artifact("triage", "ssh")).stdout)) == [b"./root/.ssh/authorized_keys"]


def test_passwords_are_described_and_not_given(host: Host) -> None:
    said = host.collect(artifact("triage", "password-states")).stdout.decode()
    assert "/etc/shadow:root:set, method y:20000:" in said
    assert "/etc/shadow:eve:empty:20001:" in said


def test_a_program_among_uploads_is_suspect(host: Host) -> None:
    assert b"./var/www/html/uploads/logo.php" in members(host.collect(artifact("triage", "web-suspects")).stdout)


def test_what_no_package_operation_explains_comes_first(host: Host) -> None:
    (host.root / "usr/share/.fonts").mkdir(parents=True)
    (host.root / "var/lib/dpkg").mkdir(parents=True)
    (host.root / "etc/packaged").write_text("x")
    (host.root / "var/lib/dpkg/status").write_text("x")
    time.sleep(1.1)
    (host.root / "usr/share/.fonts/kit").write_text("x")
    carried = list(members(host.collect(artifact("triage", "changed-files")).stdout))
    assert carried.index(b"./usr/share/.fonts/kit") < carried.index(b"./etc/packaged")


def test_reading_leaves_access_times_alone(host: Host) -> None:
    if host.shell == "busybox" or os.geteuid() != 0:
        pytest.skip("takes GNU tar, and root")
    log = host.root / "var/log/syslog"
    assert b"./var/log/syslog" in members(host.collect(artifact("triage", "logs")).stdout)
    assert log.stat().st_atime == OLD


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another account")
def test_an_account_without_rights_takes_what_it_may_and_says_what_it_could_not(host: Host) -> None:
    (host.root / "var/log/private").write_text("for root alone")
    (host.root / "var/log/private").chmod(0o600)
    host.root.chmod(0o755)
    host.root.parent.chmod(0o755)
    done = host.collect(artifact("triage", "logs"), account=65534)
    assert b"./var/log/syslog" in members(done.stdout)
    assert b"var/log/private" in done.stderr
    assert b"access times change" in done.stderr


def test_the_clock_comes_first_in_seconds_since_the_epoch(host: Host) -> None:
    for profile in ("volatile", "triage"):
        assert re.match(rb"1\d{9}(\.\d+)? \d{4}-\d\d-\d\dT", host.collect(artifact(profile, "clock")).stdout)


def test_settings_of_the_kernel_are_read_whole(host: Host) -> None:
    said = host.collect(artifact("volatile", "clock")).stdout.decode()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert f"/proc/sys/kernel/random/boot_id:{boot}\n" in said


BEACON = 400
"""Number of the process `beacon`."""


@pytest.fixture
def beacon(tmp_path: Path) -> str:
    """Begins a process whose executable is gone."""
    if os.geteuid() != 0:
        pytest.skip("to choose a process's number takes root")
    program = shlex.quote(str(tmp_path / "beacon"))
    return (
        f"cp /bin/sleep {program} && echo {BEACON - 1} >/proc/sys/kernel/ns_last_pid && "
        f"{{ exec env -i LD_PRELOAD= 'WORD=two\nlines' {program} 600 >/dev/null 2>&1 & }} && "
        f"until [ $(readlink /proc/{BEACON}/exe) = {program} ]; do sleep 0.1; done && rm {program}"
    )


def test_a_deleted_executable_is_recovered(host: Host, beacon: str) -> None:
    done = host.collect(artifact("volatile", "deleted-executables"), beacon)
    assert members(done.stdout)[f"./proc/{BEACON}/exe".encode()] == Path("/bin/sleep").read_bytes()
    links = names(host.collect(artifact("volatile", "process-links"), beacon).stdout)
    assert any(name.strip(b"'").startswith(f"/proc/{BEACON}/exe".encode()) and b"(deleted)" in name for name in links)


def test_a_file_that_is_open_and_deleted_is_recovered_and_one_that_is_too_large_is_named(
    host: Host, tmp_path: Path
) -> None:
    kept, large = shlex.quote(str(tmp_path / "kept")), shlex.quote(str(tmp_path / "large"))
    held = f"exec 8>{kept} 9>{large} && printf %s 'what a sniffer wrote' >&8 && truncate -s 30M {large}"
    done = host.collect(artifact("full", "deleted-files"), f"{held} && rm {kept} {large}")
    assert b"what a sniffer wrote" in members(done.stdout).values()
    assert re.search(rb"/proc/\d+/fd/9", done.stderr)
    assert b"left out, too large: " in done.stderr


@pytest.mark.parametrize("tool", ["perl", "python3"])
def test_a_port_that_is_taken_and_not_listed_is_named(tmp_path: Path, tool: str) -> None:
    found = sys.executable if tool == "python3" else shutil.which(tool)
    if found is None:
        pytest.skip(f"needs {tool}")
    (tmp_path / tool).symlink_to(Path(found).resolve())
    with socket.socket() as taken, socket.socket() as listed:
        for each in (taken, listed):
            each.bind(("", 0))
        listed.listen()
        script = ["/bin/sh", "-c", artifact("volatile", "hidden-ports").script]
        done = subprocess.run(script, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
        hidden, shown = taken.getsockname()[1], listed.getsockname()[1]
    said = done.stdout.splitlines()
    assert said[:1] == ["looked at 1 to 65535 of tcp and udp"], done.stderr
    assert f"hidden: tcp {hidden}" in said
    assert f"hidden: tcp {shown}" not in said


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_ports_are_not_said_to_be_looked_at_where_one_kind_was_not(tmp_path: Path, kind: str) -> None:
    (tmp_path / "perl").write_text(f'#!/bin/sh\n[ "$4" = {kind} ] || echo looked\n')
    (tmp_path / "perl").chmod(0o755)
    script = ["/bin/sh", "-c", artifact("volatile", "hidden-ports").script]
    done = subprocess.run(script, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("", 1)


def test_arguments_and_environments_keep_to_their_process(host: Host, beacon: str) -> None:
    def said(name: str) -> list[str]:
        return host.collect(artifact("volatile", name), beacon).stdout.decode().split("\n")

    assert f"/proc/{BEACON}/cmdline:600" in said("process-arguments")
    assert f"/proc/{BEACON}/environ:WORD=two\vlines" in said("process-environments")
    assert f"/proc/{BEACON}/environ:LD_PRELOAD=" in said("preload")


def test_a_process_that_the_listing_leaves_out_is_named(host: Host, beacon: str) -> None:
    honest = artifact("volatile", "hidden-processes")
    assert b"hidden:" not in host.collect(honest, beacon).stdout
    listing = "for file in /proc/[0-9]*; do"
    assert listing in honest.script
    rigged = honest.script.replace(listing, f"{listing} case $file in */{BEACON}) continue;; esac;")
    assert f"hidden: {BEACON} beacon".encode() in host.run(rigged, beacon).stdout


@pytest.mark.parametrize("tools", [("perl",), ("python3",), ()], ids="+".join)
def test_a_number_that_is_older_than_the_last_one_is_asked_once_all_were_given_out(
    tmp_path: Path, tools: tuple[str, ...]
) -> None:
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in tools):
        pytest.skip("takes root, and the tool")
    for name in ("cat", "env", "sleep", *tools):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    (tmp_path / "stat").write_text("processes 99999999\n")
    script = artifact("volatile", "hidden-processes").script
    for old, new in (
        ("done </proc/stat", f"done <{tmp_path}/stat"),
        ("for file in /proc/[0-9]*; do", "for file in /proc/[0-9]*; do [ ${file#/proc/} != 4001 ] || continue;"),
        ("most=$(cat /proc/sys/kernel/pid_max)", "most=5000"),
    ):
        assert script.count(old) == 1
        script = script.replace(old, new)
    older = "last=/proc/sys/kernel/ns_last_pid; echo 4000 >$last; sleep 60 & echo 30 >$last"
    apart = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"]
    done = subprocess.run([*apart, f"{older}; PATH={tmp_path}\n{script}"], capture_output=True, text=True)
    assert "looked at 1 to 5000 of 5000" in done.stdout, done.stderr
    assert "hidden: 4001 sleep" in done.stdout


def test_a_mount_over_a_process_does_not_hide_it(host: Host, beacon: str) -> None:
    over = f"{beacon} && mount --bind {host.root}/var/tmp {host.root}/proc/{BEACON}"
    assert f"masked: {BEACON}".encode() in host.collect(artifact("volatile", "hidden-processes"), over).stdout
    assert f"/proc/{BEACON} ".encode() in host.collect(artifact("volatile", "mounts"), over).stdout


def test_a_file_that_cannot_be_read_to_its_end_is_not_read_for_ever(bare: Host) -> None:
    unreadable = f"{shell('show')}\nline='of the file before' file=/proc/400/status\nbehind </"
    assert bare.run(f"({unreadable}) | head -c 100").stdout == b""


DEAD = """
import ctypes, os, sys, time
os.dup2(os.open(os.devnull, os.O_RDWR), 1)
os.dup2(1, 2)
c = ctypes.CDLL(None)
end = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={end},rootmode=40000,user_id=0,group_id=0".encode()
if c.mount(b"dead", sys.argv[1].encode(), b"fuse.dead", 6, options):
    sys.exit("no mount")
while True:
    time.sleep(60)
"""
"""A filesystem whose program never answers, as a network's whose server is gone."""


def test_a_mount_that_does_not_answer_is_left_out_and_what_lies_beside_it_is_not(host: Host) -> None:
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("takes root, and FUSE")
    for folder in ("tmp/a b/dead", "tmp/a b/beside", "home/dead"):
        (host.root / folder).mkdir(parents=True)
    (host.root / "tmp/a b/beside/file").write_text("beside")
    (host.root / "tmp/a b/*").write_text("a star")
    mounts = "".join(
        f"{{ {shlex.join([sys.executable, '-c', DEAD, str(host.root / place)])} & }} && "
        for place in ("tmp/a b/dead", "home/dead")
    )
    mounts += 'until [ "$(grep -c fuse.dead /proc/mounts)" = 2 ]; do sleep 0.1; done'
    done = host.collect(artifact("triage", "temporary-files"), mounts)
    assert b"left out, does not answer: /tmp/a b/dead\n" in done.stderr
    carried = members(done.stdout)
    assert (carried[b"./tmp/a b/beside/file"], carried[b"./tmp/a b/*"]) == (b"beside", b"a star")
    done = host.collect(artifact("triage", "bodyfile"), mounts)
    found = names(done.stdout)
    assert {b"/tmp/a b/beside/file", b"/etc/passwd", b"/tmp/new\nline"} <= set(found)
    assert not [name for name in found if name.startswith(b"/proc/")]


def test_a_missing_tool_is_named(host: Host) -> None:
    done = host.collect(artifact("triage", "mail-queue"))
    assert b"not installed: mailq" in done.stderr
    assert done.stdout == b""


def test_a_changed_file_that_a_package_explains_is_left_out(host: Host) -> None:
    if host.shell == "busybox":
        pytest.skip("its tar knows no options, and its archive is tried elsewhere")
    info = host.root / "var/lib/dpkg/info"
    info.mkdir(parents=True, exist_ok=True)
    for name in ("brought", "planted", "with\nnewline"):
        (host.root / "usr/share" / name).parent.mkdir(exist_ok=True)
        (host.root / "usr/share" / name).write_text("x")
    (info / "some.list").write_text("/.\n/usr/share/brought\n")
    carried = members(host.collect(artifact("triage", "changed-files")).stdout)
    shutil.rmtree(host.root / "var/lib/dpkg")
    assert {b"./usr/share/planted", b"./usr/share/with\nnewline"} <= set(carried)
    assert b"./usr/share/brought" not in carried


def test_what_containers_changed_comes_with_their_volumes_and_without_their_keys(host: Host) -> None:
    docker, podman = host.root / "var/lib/docker", host.root / "home/anna/.local/share/containers/storage"
    layer = "0a" * 32
    for path, text in {
        docker / "image/overlay2/layerdb/mounts/c1/mount-id": "feed",
        docker / "overlay2/feed/diff/tmp/kdev": "#!/bin/sh\n",
        docker / "overlay2/image/diff/bin/sh": "of the image",
        docker / "volumes/web/_data/index.php": "<?php",
        docker / "volumes/web/_data/id_ed25519": "key",
        podman / "overlay-containers/containers.json": f'[{{"id":"c2","layer":"{layer}","names":["x"]}}]',
        podman / f"overlay/{layer}/diff/var/tmp/y": "y",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    carried = set(members(host.collect(artifact("triage", "container-changes")).stdout))
    shutil.rmtree(docker)
    shutil.rmtree(host.root / "home/anna")
    names = {name.rpartition(b"/")[2] for name in carried}
    assert {b"kdev", b"index.php", b"y"} <= names
    assert not {b"sh", b"id_ed25519"} & names
