"""Whatever a runbook or an inventory holds, it is read, or its problems are told."""

import os

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stopgap.orchestrator.inventory import parse_inventory
from stopgap.orchestrator.runbook import check, parse_runbook
from stopgap.orchestrator.source import InvalidInput

EXAMPLES = int(os.environ.get("STOPGAP_FUZZ", "200"))
"""Examples of each test; a longer run sets STOPGAP_FUZZ."""
INVENTORY = parse_inventory(
    "hosts:\n  web: {address: 203.0.113.10, upstream: edge}\n  edge: {address: 10.9.0.1}\n", "i"
)
WORDS = st.sampled_from(
    ["web", "edge", "mta.stop", "traffic.block", "host.command", "72h", "{{ params.a }}", "{{ item", "{% if %}",
     "email", "params.a", "steps.a.changed", "target.address", "[1]", "range(3)", "10.0.0.1/8", "::1", "a", ""]
)  # fmt: skip
SCALARS = st.one_of(WORDS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=8,
)
STEP = st.fixed_dictionaries(
    {"task": st.one_of(WORDS, SCALARS)},
    optional={
        **dict.fromkeys(("id", "name", "on", "when", "foreach", "needs", "retry", "timeout", "confirm"), ANYTHING),
        "with": st.one_of(
            ANYTHING,
            st.dictionaries(st.sampled_from(["argv", "undo", "allow", "expires", "addresses"]), ANYTHING, max_size=3),
        ),
    },
)
PARAM = st.one_of(ANYTHING, st.fixed_dictionaries({"type": WORDS}, optional={"default": ANYTHING}))
RUNBOOK = st.fixed_dictionaries(
    {"name": st.one_of(st.just("Try"), SCALARS), "steps": st.one_of(ANYTHING, st.lists(STEP, max_size=3))},
    optional={"params": st.one_of(ANYTHING, st.dictionaries(WORDS, PARAM, max_size=3)), "allow_shutdown": ANYTHING},
)
HOST = st.dictionaries(
    st.sampled_from(["address", "addresses", "upstream", "spare", "jump", "port", "identity", "may_block"]), ANYTHING
)
INVENTORIES = st.fixed_dictionaries(
    {"hosts": st.one_of(ANYTHING, st.dictionaries(WORDS, st.one_of(HOST, ANYTHING), max_size=3))},
    optional={"groups": st.one_of(ANYTHING, st.dictionaries(WORDS, ANYTHING)), "defaults": st.one_of(HOST, ANYTHING)},
)


def written(data: object) -> str:
    from io import StringIO

    stream = StringIO()
    YAML(typ="safe", pure=True).dump(data, stream)
    return stream.getvalue()


@settings(max_examples=EXAMPLES, deadline=None)
@given(RUNBOOK)
def test_a_runbook_is_sound_or_its_problems_are_told(data: object):
    try:
        check(parse_runbook(written(data), "runbook"), INVENTORY, [INVENTORY.hosts["web"]], {})
    except InvalidInput as error:
        assert error.problems
        assert str(error)


@settings(max_examples=EXAMPLES, deadline=None)
@given(INVENTORIES)
def test_an_inventory_is_sound_or_its_problems_are_told(data: object):
    try:
        inventory = parse_inventory(written(data), "inventory")
    except InvalidInput as error:
        assert error.problems
        assert str(error)
    else:
        for name, host in inventory.hosts.items():
            assert inventory.select([name]) == (host,)
