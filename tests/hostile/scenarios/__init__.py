"""All scenarios: importing this registers them, in the order of the table."""

from ..scenario import SCENARIOS, Scenario
from . import connecting, counting, executing, flooding, framing, login, lying  # noqa: F401  (they register)

ORDER = ("connect", "log in", "jump", "exec", "flood", "frames", "whole run")


def all_scenarios() -> list[Scenario]:
    """Give every scenario, by place."""
    return sorted(SCENARIOS, key=lambda scenario: ORDER.index(scenario.place))
