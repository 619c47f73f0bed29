"""`python lab_hosts COMMAND …`: how `scripts/lab` starts it, isolated from the caller's Python settings."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from lab_hosts.cli import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
