"""Names in body files are the same whatever stat(1) a host has: GNU's, busybox's, toybox's, uutils'."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stopgap.orchestrator.findings import judge, shipped_rules
from stopgap.tasks.evidence.source import Walk, shell

from .collection import collected

NAMES = (
    *(
        b"plain",
        b"with blank",
        b"quote'q",
        b'double"q',
        b"back\\slash",
        b"new\nline",
        b"tab\t",
        b"pipe|x",
        b"esc\x1b[2J",
    ),
    *(
        b"\xff\xfe",
        b"a -> arrow",
        b"'quoted'",
        "日本".encode(),
        "\ufffd".encode(),
        b"$(id)`id`",
        b"-n",
        b" ",
        b"end\n",
    ),
)
LINKS = {
    b"to-plain": b"plain",
    b"l'q": b"t'q",
    b"a' -> 'b": b"x' -> 'y",
    b"to-newline": b"new\nline",
    b"to-end": b"end\n",
    b"lk -> q": b"-> z",
    b"to-quoted": b"'quoted'",
    b"to-bytes": b"\xff\xfe",
    b"new\nlink": b"nowhere",
    b"\xfe\xff": b"nowhere",
}
UUTILS = f"""#!{sys.executable} -I
# Prints what stat(1) of uutils 0.12 does: every name of %N quoted as for a shell, what is no UTF-8 as U+FFFD.
import os, stat, sys, re
form, paths = sys.argv[2], [os.fsencode(p) for p in sys.argv[3:] if p != "--"]
if os.environ.get("QUOTING_STYLE"):
    sys.stderr.write("stat: ignoring invalid value of environment variable QUOTING_STYLE\\n")

def quoted(raw):
    text = raw.decode("utf-8", "replace")
    if re.search(r"[\\x00-\\x1f\\x7f\\ufffd]", text):
        return "'" + re.sub(r"[\\x00-\\x1f\\x7f\\ufffd]", lambda m: "'$'\\\\%03o''" % (ord(m[0]) & 0o377), text) + "'"
    return '"%s"' % text if "'" in text else "'%s'" % text

def one(path):
    found = os.lstat(path)
    names = {{
        "n": path.decode("utf-8", "replace"),
        "N": quoted(path) + (" -> " + quoted(os.readlink(path)) if stat.S_ISLNK(found.st_mode) else ""),
        "i": found.st_ino, "A": stat.filemode(found.st_mode), "u": found.st_uid, "g": found.st_gid,
        "s": found.st_size, "W": 0,
    }}
    for letter, moment in zip("XYZ", (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)):
        names[letter] = "%d.%09d" % divmod(moment, 10 ** 9)
    return re.sub(r"%(?:\\.9)?([a-zA-Z])", lambda m: str(names[m[1]]), form)

for path in paths:
    sys.stdout.write(one(path) + "\\n")
"""


@pytest.fixture
def names(tmp_path: Path) -> Path:
    folder = tmp_path / "names"
    folder.mkdir()
    for name in NAMES:
        os.close(os.open(bytes(folder) + b"/" + name, os.O_CREAT))
    for name, target in LINKS.items():
        (folder / os.fsdecode(name)).symlink_to(os.fsdecode(target))
    return folder


def tools(tmp_path: Path, kind: str) -> Path:
    """A folder of tools that goes before this machine's."""
    folder = tmp_path / kind
    folder.mkdir()
    if kind == "imitation":
        (folder / "stat").write_text(UUTILS)
        (folder / "stat").chmod(0o755)
        return folder
    places = {"uutils": ("/usr/lib/cargo/bin/coreutils", "coreutils"), "gnu": ("stat",)}.get(kind, (kind,))
    program = next(filter(None, map(shutil.which, places)), None)
    if program is None:
        pytest.skip(f"this machine has no {kind}")
    for tool in ("stat", "find", "awk", "readlink", "cat") if kind in {"busybox", "toybox"} else ("stat", "readlink"):
        has = subprocess.run([program, tool, "--help"], capture_output=True).returncode == 0
        if kind != "gnu" and has:
            (folder / tool).symlink_to(program)
    return folder


def body(folder: Path, by: Path) -> list[bytes]:
    """Give the lines without their times, sorted."""
    return sorted(line.rsplit(b"|", 4)[0] for line in walked(folder, by))


def walked(folder: Path, by: Path) -> list[bytes]:
    """Give the lines as the artifact's script prints them."""
    walk = Walk(kind="walk", paths=(str(folder),))
    libraries = "\n".join(map(shell, ("needs", *walk.libraries())))
    script = f"s=0 nl='\n'\n{libraries}\n{walk.script()}\nexit $s"
    env = {"PATH": f"{by}:/usr/bin:/bin", "LC_ALL": "C"}
    done = subprocess.run(["/bin/sh", "-s"], input=script.encode(), capture_output=True, env=env, cwd="/")
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.splitlines()


def escaped(name: bytes) -> bytes:
    """Write a name as a body file has it."""
    name = name.replace(b"\\", b"\\\\").replace(b"|", b"\\|")
    return b"".join(b"\\x%02x" % byte if byte < 32 or byte == 127 else bytes([byte]) for byte in name)


@pytest.mark.parametrize("kind", ["gnu", "busybox", "toybox", "uutils", "imitation"])
def test_names_and_targets_come_back_as_they_are(names: Path, tmp_path: Path, kind: str) -> None:
    top = bytes(names)
    expected = [top, *(top + b"/" + name for name in NAMES)]
    expected += [top + b"/" + name + b" -> " + target for name, target in LINKS.items()]
    found = [line.split(b"|", 1)[1].rsplit(b"|", 5)[0] for line in body(names, tools(tmp_path, kind))]
    assert sorted(found) == sorted(map(escaped, expected))


@pytest.mark.parametrize("kind", ["busybox", "toybox", "uutils", "imitation"])
def test_everything_but_the_times_is_the_same(names: Path, tmp_path: Path, kind: str) -> None:
    assert body(names, tools(tmp_path, kind)) == body(names, tools(tmp_path, "gnu"))


PLANTS: dict[str, int | str] = {
    "usr/bin/ls": 0o755,
    "usr/bin/ls ": 0o755,
    "usr/sbin/.hidden": 0o4755,
    "tmp/.x/miner": 0o755,
    "tmp/it's .sh": 0o755,
    "dev/shm/new\nline": 0o755,
    "dev/shm/\t": 0o644,
    "var/www/html/it's.php": 0o666,
    "etc/systemd/system/a b.service": 0o644,
    "root/.bash_history": "/dev/null",
    "root/.ssh/it's": "/tmp/keys 'x'",
}
"""Path below a host's root → mode of a file, or target of a link."""


@pytest.mark.parametrize("kind", ["busybox", "toybox", "uutils", "imitation"])
def test_the_same_plants_give_the_same_findings(tmp_path: Path, kind: str) -> None:
    top = tmp_path / "host"
    for name, what in PLANTS.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, str):
            (top / name).symlink_to(what)
            continue
        (top / name).touch()
        (top / name).chmod(what)

    def found(by: Path) -> list[tuple[str, list[str]]]:
        # Times are equal but for their fractions, which not every stat gives.
        lines = [re.sub(rb"\.[0-9]{9}", b"", line).rpartition(b"|")[0] + b"|0" for line in walked(top, by)]
        body = b"\n".join(sorted(lines)).replace(b"0|" + bytes(top) + b"/", b"0|/") + b"\n"
        judged = judge(collected(tmp_path / f"of-{by.name}", {"bodyfile": body}), shipped_rules())
        return sorted((finding.id, sorted(seen.what for seen in finding.seen)) for finding in judged.findings)

    expected = found(tools(tmp_path, "gnu"))
    assert len(expected) > 2
    assert found(tools(tmp_path, kind)) == expected
