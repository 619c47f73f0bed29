"""A provider whose state is a file: the groups of one port. A second argument says how the program misbehaves."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "drivers"))

from stopgap_driver import PartlyError, Provider, Snapshot, serve


class StandIn(Provider):
    """`provider_stand_in.py FILE [MISBEHAVIOUR]`."""

    def __init__(self, request: dict[str, Any], arguments: list[str]) -> None:
        super().__init__(request, arguments)
        self.file = Path(arguments[0])
        self.odd = arguments[1] if len(arguments) > 1 else ""
        self.op = request["op"]
        if self.odd == f"hangs-{self.op}":
            if os.fork() == 0:  # what it starts is killed with it
                (self.file.parent / "child").write_text(str(os.getpid()))
            time.sleep(600)
        if self.odd == "floods":
            sys.stdout.write("x" * (2 << 20))
        if self.odd == "talks":
            print("hello")
        if self.odd == "tells-the-secret":
            sys.exit(f"no: {os.environ['CLOUD_TOKEN']} {os.environ.get('UNLISTED', 'unlisted')}")

    def probe(self) -> dict[str, Any]:
        addresses = [*self.target["addresses"], *(["203.0.113.99"] if self.odd == "touches-another" else [])]
        ids = [{"id": "port-1", "addresses": addresses, "shared": self.odd == "shared"}]
        can = {"exception": True, "established": "established" in self.odd}
        return {
            "driver": "stand-in",
            "version": "1",
            "capabilities": can,
            "ids": [] if self.odd == "unknown" else ids,
        }

    def read(self) -> Snapshot:
        found: Snapshot = json.loads(self.file.read_text())
        return found

    def wanted(self, before: Snapshot) -> Snapshot:
        return {"groups": ["quarantine"]}

    def write(self, snapshot: Snapshot) -> None:
        if self.odd == "does-nothing":
            return
        if self.odd == "half-way" and self.op == "apply":
            self.file.write_text('{"groups": []}')
            raise PartlyError("the second half failed")
        self.file.write_text(json.dumps(snapshot))
        if self.odd == "dies-after":
            os.kill(os.getpid(), 9)

    def pending(self) -> bool:
        """The stand-in is at it for one look."""
        if self.odd != "slow" or self.op == "plan":
            return False
        seen = self.file.with_suffix(".seen")
        looks = int(seen.read_text()) + 1 if seen.exists() else 1
        seen.write_text(str(looks))
        return looks % 3 != 0


if __name__ == "__main__":
    serve(StandIn)
