"""A host with several upstreams: which of them drops what, where each may block a part of its addresses alone.

IPv4 and IPv6 that take different routers are the usual case. What more than one may block, each of them drops.
"""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.host import Host, Network, Scene
from stopgap.orchestrator.task import Gap, Unlimited
from stopgap.tasks.traffic.driver import some


def share(networks: tuple[Network, ...], scene: Scene) -> tuple[Network, ...]:
    """Give what this router has to drop: all, but what it may not block and another upstream may.

    One that may block nothing at all is an inventory that was forgotten, and gets everything, to be refused.
    """
    return tuple(n for n in networks if _may_block(scene.on, n) or not (scene.on.may_block and _others(n, scene)))


def is_left_to_others(networks: tuple[Network, ...], scene: Scene) -> bool:
    """Tell whether nothing of it is this router's to drop."""
    return bool(networks) and not share(networks, scene)


def left_to_others(networks: tuple[Network, ...], scene: Scene) -> Iterator[Gap]:
    """Name what this router lets pass, since it is for others to drop."""
    own = share(networks, scene)
    if left := tuple(n for n in networks if n not in own):
        others = ", ".join(dict.fromkeys(router.name for n in left for router in _others(n, scene)))
        yield Gap(
            text=f"{scene.on.name} may not block {some(left)}, and lets it pass: that is left to {others}",
            at_best=Unlimited(why="the step on the other router drops it, and is proved by itself"),
        )


def _others(network: Network, scene: Scene) -> list[Host]:
    """Give the target's other upstreams that may block it; none where the step is not on one of several."""
    on_upstream = scene.upstream is not None and scene.upstream.name == scene.on.name
    return [router for router in scene.beside if on_upstream and _may_block(router, network)]


def _may_block(router: Host, network: Network) -> bool:
    return any(n.version == network.version and network.subnet_of(n) for n in router.may_block)  # type: ignore[arg-type]
