"""Modules for carrying out a plan, not for planning: loaded while the hosts apply the first changes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from stopgap.orchestrator.message import Route
from stopgap.orchestrator.plan import PlannedStep
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.template import get_ready

_REPORT = (
    "stopgap.orchestrator.report.lessons",
    "stopgap.orchestrator.report.render",
    "stopgap.orchestrator.template",
    "jinja2.sandbox",
)
FINDINGS = (
    "stopgap.orchestrator.findings",
    "stopgap.orchestrator.findings.keeping",
    "stopgap.orchestrator.findings.tables",
)


def post_module(route: Route) -> str:
    """Return the name of the module that sends messages by this route."""
    return f"stopgap.orchestrator.post.{route.kind}"


def early_modules(steps: Iterable[PlannedStep]) -> tuple[str, ...]:
    """Return the names of modules for the steps before a cut: a letter is written to a file ahead of it."""
    routes = [message.route for step in steps for message in step.messages]
    return tuple(dict.fromkeys(post_module(route) for route in routes if route.kind == "file"))


def late_modules(steps: Iterable[PlannedStep]) -> tuple[str, ...]:
    """Return the names of modules needed later by threads of a run."""
    modules = list(_REPORT)
    for step in steps:
        modules += FINDINGS if step.collections else ()
        modules += (post_module(message.route) for message in step.messages)
    return tuple(dict.fromkeys(modules))


def warm_up(steps: Iterable[PlannedStep]) -> None:
    """Compile the report template and read the rules; an error here is reported at the time of use."""
    from stopgap.orchestrator.report.render import PAGE  # noqa: PLC0415 - `late_modules` names it

    get_ready(PAGE)
    if any(step.collections for step in steps):
        from stopgap.orchestrator.findings import rules_in_force  # noqa: PLC0415 - as above

        with suppress(InvalidInput, FileNotFoundError):
            rules_in_force()
