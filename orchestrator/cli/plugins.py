"""How plug-ins look on the screen: those that are there, and those that are left out, with the reason."""

from __future__ import annotations

from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.text import tr

_told: set[object] = set()
"""Failures that this process has shown."""


def show_plugins(screen: Screen) -> None:
    """List the plug-ins of every kind, each with its origin and the beginning of its checksum."""
    from stopgap.orchestrator.findings import rules_in_force
    from stopgap.orchestrator.plugins import used
    from stopgap.tasks.evidence.catalogue import shipped
    from stopgap.tasks.traffic.drivers import drivers

    rules_in_force()  # finds out what is wrong with each kind
    shipped()
    drivers()
    if found := used():
        screen.line()
        screen.line("Plug-ins:")
    for plugin in found:
        screen.line(
            tr(
                "  {kind} {plugin}  ({origin}, sha256 {sha256})",
                kind=f"{plugin.kind:<11}",
                plugin=plugin.name,
                origin=plugin.origin,
                sha256=plugin.sha256[:12],
            )
        )


def tell_left_out(screen: Screen) -> None:
    """Say, once of each, which plug-ins are left out."""
    from stopgap.orchestrator.plugins import failures
    from stopgap.orchestrator.plugins.project import project

    told: list[object] = [*failures()]
    if project.cache_info().currsize and (reason := project().reason):
        told.append(tr("the plug-ins of this folder are left alone: {reason}", reason=reason))
    for each in told:
        if each not in _told:
            _told.add(each)
            screen.line(tr("stopgap: {each}", each=each), "warn")
