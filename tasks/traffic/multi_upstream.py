"""Several upstreams of a host: the share of each router, by `may_block`.

Usually IPv4 and IPv6 take different routers. Addresses permitted to several routers are dropped on each.
"""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.host import Host, Network, Scene
from stopgap.orchestrator.task import Gap, Unlimited
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import collapsed, some


def share(networks: tuple[Network, ...], scene: Scene) -> tuple[Network, ...]:
    """Return the share of this router: all networks, except networks permitted only to another upstream.

    A router without any `may_block` is an incomplete inventory, and gets all networks, for the guard to refuse.
    """
    return tuple(n for n in networks if _may_block(scene.on, n) or not (scene.on.may_block and _others(n, scene)))


def is_left_to_others(networks: tuple[Network, ...], scene: Scene) -> bool:
    """Return True if this router has no share of the networks."""
    return bool(networks) and not share(networks, scene)


def left_to_others(networks: tuple[Network, ...], scene: Scene) -> Iterator[Gap]:
    """Yield a gap for the networks left to other upstreams."""
    own = frozenset(share(networks, scene))
    if left := collapsed(n for n in networks if n not in own):
        others = ", ".join(dict.fromkeys(r.name for n in networks if n not in own for r in _others(n, scene)))
        yield Gap(
            text=tr(
                "{host} may not block {left}, and lets it pass: that is left to {others}",
                host=scene.on.name,
                left=some(left),
                others=others,
            ),
            at_best=Unlimited(why=tr("the step on the other router drops it, and is proved by itself")),
        )


def _others(network: Network, scene: Scene) -> list[Host]:
    """Return the other upstreams permitted to block the network; empty unless the step runs on an upstream."""
    on_upstream = scene.upstream is not None and scene.upstream.name == scene.on.name
    return [router for router in scene.beside if on_upstream and _may_block(router, network)]


def _may_block(router: Host, network: Network) -> bool:
    return any(n.version == network.version and network.subnet_of(n) for n in collapsed(router.may_block))  # type: ignore[arg-type]
