"""A path change by root where another account owns the directory, and moves things at every step of the script.

Each tool that the script calls lets the intruder act first: a race that he always wins.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stopgap.orchestrator.change import PathChange, make_directory, make_link, remove_path, write_file
from stopgap.orchestrator.facts import ABSENT, File, FileFact, Output
from stopgap.orchestrator.hosttext import HostText

NOBODY = 65534
TOOLS = (
    *("cat", "chmod", "chown", "df", "head", "id", "ln", "ls", "mkdir", "mv", "perl", "readlink", "rm", "rmdir"),
    *("setpriv", "sh", "sha256sum", "stat", "sync", "touch", "uname"),
)
AS_INTRUDER = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups sh -c"
PLANT = """
for f in "$SITE"/.stopgap.*; do
    [ -e "$f" ] || [ -L "$f" ] || continue
    case $f in *.gone) continue ;; esac
    mv -T "$f" "$f.gone" && ln -s "$SECRET" "$f"
done
"""
TRICKS = {
    "a link in place of the new file": PLANT,
    "a directory of links in place of the new file": PLANT.replace(
        'ln -s "$SECRET" "$f"', 'mkdir -m 777 "$f" && ln -s "$SECRET" "$f/page" && ln -s "$SECRET" "$f/index.html"'
    ),
    "a link in place of the path": 'rm -rf "$SITE/page"; ln -s "$SECRET" "$SITE/page"',
    "a hard link in place of the path": 'rm -rf "$SITE/page"; ln "$SECRET" "$SITE/page"',
    "a directory of root's in place of the path": 'rm -rf "$SITE/page"; ln -s "$ROOTS" "$SITE/page"',
    "a link in place of the directory": 'mv -T "$SITE" "$SITE.$$" && ln -s "$ROOTS" "$SITE"',
}


@pytest.fixture
def ground(public_path: Path) -> Path:
    """A home of the intruder's with a site in it, and a directory of root's beside it."""
    (public_path / "home" / "site").mkdir(parents=True)
    (public_path / "roots").mkdir()
    for name in ("secret", "page"):
        (public_path / "roots" / name).write_text("root's own\n")
        (public_path / "roots" / name).chmod(0o600)
    for path in (public_path / "home", public_path / "home" / "site"):
        os.chown(path, NOBODY, NOBODY)
    return public_path


def tools(ground: Path, trick: str) -> Path:
    """A folder of tools before which the intruder acts."""
    folder = ground / "bin"
    folder.mkdir(exist_ok=True)
    for name in TOOLS:
        real = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
        if real is None:
            continue
        wrapper = f'#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n(cd / && {AS_INTRUDER} "$TRICK") >/dev/null 2>&1\n'
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(f'{wrapper if trick else "#!/bin/sh"}\nexec {real} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


def sh(ground: Path, script: str, trick: str = "") -> subprocess.CompletedProcess[bytes]:
    site, roots = ground / "home" / "site", ground / "roots"
    where = {"SITE": str(site), "SECRET": str(roots / "secret"), "ROOTS": str(roots), "TRICK": trick}
    return subprocess.run(
        ["/bin/sh", "-c", script],
        capture_output=True,
        env={"PATH": str(tools(ground, trick)), "LC_ALL": "C", **where},
    )


def read(ground: Path, path: Path) -> FileFact:
    done = sh(ground, File(str(path)).script())
    return File(str(path)).parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))


def roots_own(ground: Path) -> list[tuple[str, int, int, int, str]]:
    """Everything of root's that a trick points at."""
    found = []
    for path in (ground / "roots", *sorted((ground / "roots").iterdir())):
        is_ = path.lstat()
        found.append((path.name, is_.st_mode, is_.st_uid, is_.st_gid, path.read_text() if path.is_file() else ""))
    return found


def _old_page(ground: Path) -> None:
    page = ground / "home" / "site" / "page"
    page.write_text("old\n")
    os.chown(page, NOBODY, NOBODY)


def _empty_directory(ground: Path) -> None:
    page = ground / "home" / "site" / "page"
    page.mkdir()
    os.chown(page, NOBODY, NOBODY)


def _nothing(ground: Path) -> None:
    pass


Prepare = Callable[[Path], None]
Make = Callable[[str, FileFact], PathChange | None]
CHANGES: dict[str, tuple[Prepare, Make]] = {
    "a new file": (_nothing, lambda path, before: write_file(path, "new\n", before)),
    "a file replaced": (_old_page, lambda path, before: write_file(path, "new\n", before)),
    "a file removed": (_old_page, remove_path),
    "a link made": (_nothing, lambda path, before: make_link(path, "/nowhere", before)),
    "a directory made": (_nothing, make_directory),
    "a directory removed": (_empty_directory, remove_path),
    "a directory's mode": (
        _empty_directory,
        lambda path, before: PathChange(path=path, before=before, after=before.model_copy(update={"mode": 0o700})),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_in_a_directory_of_anothers_it_is_made_and_taken_back(ground: Path, what: str) -> None:
    prepare, make = CHANGES[what]
    prepare(ground)
    path = ground / "home" / "site" / "page"
    before = read(ground, path)
    change = make(str(path), before)
    assert change is not None
    for script, wanted in ((change.do_script(), change.after), (change.undo_script(), before)):
        for _ in range(2):
            done = sh(ground, script)
            assert (done.returncode, done.stderr) == (0, b"")
            assert read(ground, path).same_as(wanted)
    assert [entry.name for entry in path.parent.iterdir()] == ([] if before.kind == "absent" else ["page"])


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("what", CHANGES)
def test_whatever_its_owner_moves_meanwhile_nothing_of_roots_is_touched(ground: Path, what: str, trick: str) -> None:
    prepare, make = CHANGES[what]
    prepare(ground)
    path = ground / "home" / "site" / "page"
    change = make(str(path), read(ground, path))
    assert change is not None
    before = roots_own(ground)
    for undoing in (False, True):
        if undoing:
            shutil.rmtree(ground / "home")
            (ground / "home" / "site").mkdir(parents=True)
            prepare(ground)
            for folder in (ground / "home", ground / "home" / "site"):
                os.chown(folder, NOBODY, NOBODY)
            sh(ground, change.do_script())
        for force in (False, True) if undoing else (False,):
            script = change.undo_script(force=force) if undoing else change.do_script()
            sh(ground, script, TRICKS[trick])
            assert roots_own(ground) == before


def test_a_directory_on_the_way_that_another_account_could_exchange_is_refused(ground: Path) -> None:
    below = ground / "home" / "site" / "roots-own"
    below.mkdir()
    change = write_file(str(below / "page"), "new\n", ABSENT)
    assert change is not None
    done = sh(ground, change.do_script())
    assert done.returncode == 1
    assert done.stderr.endswith(b"user id 65534 may write to the directory above it, and could exchange it\n")
    assert list(below.iterdir()) == []


def test_a_link_of_anothers_on_the_way_is_not_followed(ground: Path) -> None:
    link = ground / "home" / "link"
    link.symlink_to(ground / "roots")
    change = write_file(str(link / "new"), "new\n", ABSENT)
    assert change is not None
    done = sh(ground, change.do_script())
    assert (done.returncode, b"a symbolic link that another account can change" in done.stderr) == (1, True)
    assert not (ground / "roots" / "new").exists()


def test_a_link_of_roots_on_the_way_is_followed(ground: Path) -> None:
    (ground / "link").symlink_to("roots/../roots")
    change = write_file(str(ground / "link" / "new"), "new\n", ABSENT)
    assert change is not None
    assert sh(ground, change.do_script()).returncode == 0
    assert (ground / "roots" / "new").read_text() == "new\n"


def test_what_a_link_leads_to_meanwhile_is_not_read_for_what_lay_there(ground: Path) -> None:
    _old_page(ground)
    path = ground / "home" / "site" / "page"
    trick = TRICKS["a link in place of the path"]
    done = sh(ground, File(str(path)).script(), trick)
    assert b"root's own" not in done.stdout
