"""Test a plug-in without a host: play JSON cases of a task, read from a fake host, try a rule on its own examples.

The pytest plug-in of the same distribution collects both, where an ini option names their folders:

    [tool.pytest.ini_options]
    stopgap_cases = "cases"     # cases/TASK/NAME.json
    stopgap_rules = "rules"     # rules/NAME.yaml
"""

from stopgap.testing.cases import case_faults, scene_of
from stopgap.testing.hosts import Answer, FakeHost, NoAnswerError, facts_of
from stopgap.testing.rules import rule_faults

__all__ = ["Answer", "FakeHost", "NoAnswerError", "case_faults", "facts_of", "rule_faults", "scene_of"]
