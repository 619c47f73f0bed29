"""Builds a release in build/release and checks it.

Known vulnerabilities of what is locked; wheel and sdist (twice, the same bytes), a Debian package for Debian 12 and
13, one file that runs wherever Python does, the man page, completions, a bill of materials (CycloneDX), licences and
SHA256SUMS. It needs PyPI.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from release_build import checks, wheels
from release_build.audit import audited
from release_build.deb import build_deb, from_pypi
from release_build.materials import bill_of_materials, licences
from release_build.pages import man_page
from release_build.single import build_single
from release_build.sources import ROOT, runtime
from stopgap.orchestrator.cli.arguments import parser
from stopgap.orchestrator.cli.completion import completion_of

TO = ROOT / "build" / "release"
_TOOLS = ("shiv>=1.0.8,<2", "twine>=6,<8")


def main() -> int:
    """Return 0 for a release in which everything holds."""
    asked = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
    asked.add_argument("--tagged", action="store_true", help="refuse a commit without the version's tag")
    asked.add_argument("--osv", type=Path, metavar="PATH", help="audit by OSV's export for PyPI: a zip, or a folder")
    asked.add_argument("--trial", action="store_true", help="try the package on fresh systems of Debian 12 and 13")
    words = asked.parse_args()
    wrong = list(checks.problems(tagged=words.tagged))
    if wrong:
        print("\n".join(f"release: {each}" for each in wrong), file=sys.stderr)
        return 1
    if not is_free_of_known_faults(words.osv):
        return 1
    shutil.rmtree(TO, ignore_errors=True)
    TO.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="stopgap-release-") as folder:
        build(Path(folder))
    sums = wheels.digests(sorted(TO.iterdir()))
    (TO / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    print("\n".join(f"{(TO / name).stat().st_size:>10}  {name}" for name in sums))
    if words.trial:
        from release_build.trial import tried  # noqa: PLC0415 - needs the lab's tools

        [package] = TO.glob("*.deb")
        for name, lines in tried(package):
            print(f"{name}\n" + "\n".join(f"  {line}" for line in lines))
    print(f"The release lies in {TO.relative_to(ROOT)}.")
    return 0


def is_free_of_known_faults(osv: Path | None) -> bool:
    """Print the audit of the locked versions; return False where somebody has to decide about one of them."""
    try:
        found = audited(osv)
    except (OSError, ValueError) as error:
        print(f"release: dependencies are NOT audited: {error}", file=sys.stderr)
        return True
    print("\n".join(found.lines()))
    return not found.open_hits


def build(scratch: Path) -> None:
    """Build every file; raises SystemExit for what is not the same bytes a second time."""
    print("wheel and sdist, twice", file=sys.stderr)
    built = wheels.digests(wheels.build(TO, "wheel", "sdist"))
    again = scratch / "again"
    if wheels.digests(wheels.build(again, "wheel", "sdist")) != built:
        raise SystemExit("release: wheel or sdist differs when it is built a second time")
    [wheel] = TO.glob("*.whl")
    tools = scratch / "tools"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--target", str(tools), *_TOOLS], check=True)
    twine = [sys.executable, "-m", "twine", "check", "--strict", *map(str, wheels.files(TO))]
    subprocess.run(twine, env=os.environ | {"PYTHONPATH": str(tools)}, check=True)
    print("Debian package", file=sys.stderr)
    (scratch / "deb").mkdir()
    install = from_pypi(wheel, scratch)
    build_deb(TO, scratch / "deb", install)
    print("one file", file=sys.stderr)
    install(scratch / "site", f"{sys.version_info[0]}.{sys.version_info[1]}")
    build_single(TO, scratch / "site", tools)
    (TO / "stopgap.1").write_text(man_page())
    for shell in ("bash", "zsh", "fish"):
        (TO / f"completion.{shell}").write_text(completion_of(parser(whole=True), shell))
    (TO / "sbom.cdx.json").write_text(bill_of_materials())
    of = licences()
    (TO / "LICENCES.txt").write_text("".join(f"{name}: {of[name]}\n" for name in runtime()))


if __name__ == "__main__":
    sys.exit(main())
