"""The options of `stopgap serve` and `stopgap agent`."""

from __future__ import annotations

from argparse import ArgumentParser

from stopgap.orchestrator.cli.arguments.command import Commands, command
from stopgap.orchestrator.cli.door import serving


def serve_words(serve: ArgumentParser) -> None:
    """Add the options of `serve`."""
    serve.add_argument(
        "--listen", metavar="ADDRESS:PORT", help="default: 127.0.0.1:8617, or the socket that systemd has opened"
    )
    serve.add_argument("--socket", metavar="PATH", help="listen on this Unix socket (mode 0600) instead")
    serve.add_argument(
        "--allow",
        action="append",
        default=[],
        choices=("answer",),
        help="what the page may be used for, beside looking: answer questions",
    )
    serve.add_argument(
        "--trust-header",
        metavar="NAME",
        help="the header with the person's name, set by a proxy, in place of a token; needs a Unix socket or --proxy",
    )
    serve.add_argument(
        "--proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="serve this peer alone, a proxy; allows another address than loopback; repeat it",
    )
    serve.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="a name of the page behind a proxy; repeat it"
    )
    serve.add_argument(
        "--metrics",
        action="store_true",
        help="serve /metrics for Prometheus, without a login: names of hosts and runs, no text of a host",
    )
    serve.add_argument("--timezone", metavar="ZONE", help="of the times, such as Asia/Tokyo; default: $TZ, else UTC")


def agent_words(commands: Commands) -> None:
    """Add the commands of `stopgap agent`."""
    start = command(commands, "start", serving.agent_start, "start the process; off unless started")
    start.add_argument(
        "--idle", default="8h", metavar="DURATION", help="end after this long without a command; default: 8h"
    )
    start.add_argument("--foreground", action="store_true", help="stay at the terminal, or below systemd")
    command(commands, "stop", serving.agent_stop, "stop the process; commands that it runs go on")
    command(commands, "status", serving.agent_status, "say whether the process is there")
