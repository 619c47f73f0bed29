"""The table: each web server of Debian, shown the page by `stopgap run`, asked as visitors ask, and undone."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from page_play.requests import KINDS, answers
from stopgap.tasks.web import page_server
from stopgap.tasks.web.page import pages
from stopgap.tasks.web.params import Params
from tests.unit.namespace import namespace
from tests.unit.test_web_servers_real import ALL, BOTH, PARAMS, Served, Site, standing
from tests.unit.unpacked_host import ADDRESSES

OWN = "Stopgap's own"


def show(names: Sequence[str]) -> int:
    """Print the table of the named servers, or of all; return the exit status."""
    rows = {served.name: _by(served) for served in ALL if not names or served.name in names}
    if not names or OWN in names:
        rows[OWN] = _own()
    columns = ("server", *(kind.name for kind in KINDS), "undo exact")
    print(f"Seen on {datetime.now(UTC):%Y-%m-%d}, by `scripts/page`:\n")
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|")
    for name, row in rows.items():
        print("| " + " | ".join((name, *row.values())) + " |")
    return 1 if any("**" in cell for row in rows.values() for cell in row.values()) or not rows else 0


def _by(served: Served) -> Mapping[str, str]:
    with tempfile.TemporaryDirectory() as home, standing(served, Path(home)) as site:
        return told(site)


def told(site: Site) -> dict[str, str]:
    """Show the page, ask, undo, and return the cells of the server's row."""
    before = site.main()
    https = site.served.https
    status, said = site.host.run("web.maintenance", {**PARAMS, **(BOTH if https else {})}, "--yes")
    if status != 0:
        return {kind.name: "**failed**" for kind in KINDS} | {"undo": said[-200:]}
    row = dict(answers(site.ask, https=https))
    status, _ = site.host.stopgap("undo", "last", "--yes")
    return row | {"undo": "yes" if status == 0 and site.main() == before else "**no**"}


def _own() -> Mapping[str, str]:
    """Run the server by itself, as its unit does; the unit is tried on the lab's spare (tests/lab/test_web.py)."""
    with tempfile.TemporaryDirectory() as home, namespace() as place:
        for path, content in pages(Params.model_validate(PARAMS)).files.items():
            (Path(home) / path.rpartition("/")[2]).write_text(content)
        new = f"-keyout {home}/key -out {home}/certificate"
        place.sh(f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x {new} 2>/dev/null")
        place.sh(f"ip addr add {ADDRESSES[1]}/64 dev lo nodad")
        place.sh(
            f"export CREDENTIALS_DIRECTORY={home}\n"
            f"python3 -I -S -B {page_server.__file__} {home} en,ja 3600 >/dev/null 2>&1 &\n"
            "for _ in $(seq 100); do curl -gs -m 2 -o /dev/null http://203.0.113.1/ && exit; sleep 0.1; done; exit 1"
        )

        def ask(*words: str) -> str:
            return place.run("curl", "-gksi", "-m", "5", *words).stdout.replace("\r", "")

        return {**answers(ask, https=True), "undo": "–"}
