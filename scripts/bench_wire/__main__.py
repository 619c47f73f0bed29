"""Entry point: `python scripts/bench_wire`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench_wire.cli import main

sys.exit(main(sys.argv[1:]))
