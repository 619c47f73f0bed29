"""Commands that go on until they are stopped: serve."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from stopgap.orchestrator.cli.door.call import Call, path_of


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
