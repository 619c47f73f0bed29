"""The sink `branch-log`: appends each event to the file that $BRANCH_LOG names."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def emit(event: Mapping[str, Any]) -> None:
    """Append one event as a line of JSON; without $BRANCH_LOG, nothing is written."""
    if path := os.environ.get("BRANCH_LOG"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
