"""Commands that go on until they are stopped: serve, agent."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from stopgap.orchestrator.cli.door.call import Call, duration_of, path_of


def serve(args: Namespace) -> Call[Any]:
    """Read `stopgap serve`."""
    from stopgap.orchestrator.cli.serve import ServeOptions, serve

    options = ServeOptions(
        listen=args.listen,
        socket=path_of(args.socket),
        allow=frozenset(args.allow),
        trust_header=args.trust_header,
        proxies=tuple(args.proxy),
        hosts=tuple(args.host),
        timezone=args.timezone,
        metrics=args.metrics,
    )
    return Call(serve, options)


def agent_start(args: Namespace) -> Call[Any]:
    """Read `stopgap agent start`. Raises InvalidInput for a duration that is none."""
    from stopgap.orchestrator.cli.agent import StartOptions, start

    idle = duration_of("--idle", args.idle)
    return Call(start, StartOptions(idle, foreground=args.foreground, json=args.json))


def agent_stop(args: Namespace) -> Call[Any]:
    """Read `stopgap agent stop`."""
    from stopgap.orchestrator.cli.agent import AgentOptions, stop

    return Call(stop, AgentOptions(json=args.json))


def agent_status(args: Namespace) -> Call[Any]:
    """Read `stopgap agent status`."""
    from stopgap.orchestrator.cli.agent import AgentOptions, status

    return Call(status, AgentOptions(json=args.json))
