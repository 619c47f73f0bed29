"""The driver of a step on a router: named by the inventory, or found out on the router."""

from __future__ import annotations

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Refused
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import Driver
from stopgap.tasks.traffic.drivers import driver_named, drivers, needs_cli


def is_to_be_found(scene: Scene) -> bool:
    """Return True for a router whose driver is found out on the router, once the router is reached."""
    return scene.on.named_driver is None and scene.on.name != scene.target.name and scene.found is None


def selected(scene: Scene) -> Driver:
    """Return the driver of `scene.on`, for the scene. Raises Refused for a router without a fitting driver."""
    router = scene.on
    if router.named_driver is None and scene.found:
        raise Refused(scene.found.why)
    if router.named_driver is None:
        raise Refused(
            tr(
                "nothing says how {router} drops packets: give it a `driver` in the inventory ({drivers}), "
                "or the target an `upstream` that has one",
                router=router.name,
                drivers=", ".join(drivers()),
            )
        )
    driver = driver_named(router.driver)
    if driver is None:
        raise Refused(
            tr(
                "{router}: no driver is called {driver}; known: {drivers}",
                router=router.name,
                driver=router.driver,
                drivers=", ".join(drivers()),
            )
        )
    if needs_cli(driver) != (router.cli is not None):
        needs = (
            tr("needs a `cli`")
            if router.cli is None
            else tr("needs a shell, and `cli: {cli}` has none", cli=router.cli)
        )
        raise Refused(tr("{router}: `driver: {driver}` {needs}", router=router.name, driver=driver.name, needs=needs))
    return driver.at(scene)


def diverts_beside(scene: Scene) -> bool:
    """Return True if another upstream of the target sends web traffic to the spare, by the driver that it names."""
    drivers_beside = (driver_named(router.named_driver) for router in scene.beside)
    return scene.spare is not None and any(driver and driver.capabilities.divert for driver in drivers_beside)
