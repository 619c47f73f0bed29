"""An agent whose commands are Python: `python agent_for_tests.py SOCKET IDLE`. Prints a line once it listens."""

import os
import sys
from pathlib import Path

from stopgap.orchestrator.agent.loaded import currency
from stopgap.orchestrator.agent.server import listen, serve
from stopgap.orchestrator.agent.worker import take_place

if __name__ == "__main__":
    listener = listen(Path(sys.argv[1]))
    print("listens", flush=True)
    connection = serve(listener, float(sys.argv[2]), currency())
    if connection is not None:
        words = take_place(connection)
        if words is None:
            os._exit(0)
        exec(words[1], {"words": words})
