"""ask.py FILE: log in at each host that the file describes, all at once, and print what Stopgap says, as JSON."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote import Item, Limits, Unreachable, connect


def said_of(described: dict[str, Any]) -> str:
    """Log in and run a command, twice, as the next step of a runbook would."""
    host = Host.model_validate(described)
    try:
        session = connect(host, {host.name: host}, Limits())
    except Unreachable as failure:
        return f"unreachable ({failure.kind}): {failure.reason}"
    try:
        for _ in range(2):
            output = session.exchange([Item("id -un")])[0]
            if session.no_shell:
                return f"unreachable (shell): {session.no_shell}"
            if output.status != 0 and not session.alive:  # as a run does, which connects once more
                session = connect(host, {host.name: host}, Limits())
                output = session.exchange([Item("id -un")])[0]
            if output.status != 0:
                return f"unknown: {session.trouble}"
        return f"in as {output.stdout}".strip()
    finally:
        session.close()


def main() -> None:
    """Ask all of them."""
    hosts = json.loads(Path(sys.argv[1]).read_text())
    with ThreadPoolExecutor(16) as pool:
        answers = dict(zip((host["name"] for host in hosts), pool.map(said_of, hosts), strict=True))
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
