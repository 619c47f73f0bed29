"""A runbook from a stranger costs bounded time and memory, whatever its expressions say."""

from __future__ import annotations

import resource
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopgap.orchestrator.runbook.expression import Budget, ExpressionError, evaluate, parse_template, render_value
from stopgap.orchestrator.runbook.expression.budget import OF_CHECK, OF_ONE
from stopgap.orchestrator.runbook.expression.evaluation import _EXPRESSIONS, _STATEMENTS
from stopgap.orchestrator.runbook.expression.filters import FILTERS
from stopgap.orchestrator.runbook.expression.grammar import EXPRESSIONS, STATEMENTS
from stopgap.orchestrator.runbook.expression.methods import TEXT_METHODS
from stopgap.orchestrator.runbook.expression.operators import ARITHMETIC

GIB = 1 << 30
COSTLY = [
    "9**9**9", "2**(10**9)", "10**200", "9.0**9999", "(-8)**0.5", "'a' * 2**31", "2147483648 * 'a'",
    "'a' * 300000000",
    "[1] * 10**9", "(1,) * 10**9", "'a'.center(3000000000)", "'a'.ljust(3000000000)", "'a'.rjust(10**9, 'x')",
    "'a'.zfill(10**9)", "'a'|center(10**9)", "'a\nb'|indent(10**9)", "'a\nb'|indent('x' * 10**9)",
    "'%2000000000d'|format(1)", "'%.2000000000f'|format(1)", "'%*d'|format(10**9, 1)", "'%2000000000d' % 1",
    "'{:>99999999}'.format(1)", "'{0.__class__}'.format(1)", "'{a}'.format_map({})", "range(10**9)",
    "range(10**9)|list",
    "range(99999)|map('string')|join('x' * 99999)", "('a' * 100000).replace('a', 'b' * 100000)",
    "('a' * 100000)|replace('', 'b' * 100000)", "('x' * 100000).join(range(9999)|map('string')|list)",
    "1.5|round(10**9)", "1|round(-10**9)", "'9' * 10**7", "('f' * 1000000)|int(base=16)",
    "range(5000)|map('center', 5000)|list|length", "range(3000)|map('replace', '1', 'x' * 5000)|list",
    "networks[0].hosts()|list", "networks[0].subnets(new_prefix=128)|list|length",
    "'a'|wordwrap(1, wrapstring='b' * 10**9)",
    "[1]|batch(10**9, 0)|list", "[1]|slice(10**9)|list", "[]|sum(start='a' * 10**9)", "1|tojson(indent=10**9)",
    "(" * 3000 + "1" + ")" * 3000, "[" * 3000 + "]" * 3000, "- " * 3000 + "1", "not " * 3000 + "1", "1+" * 3000 + "1",
    "1 if 1 else " * 3000 + "1",
    "'a'" + "|upper" * 3000, "'a'" + ".upper()" * 3000, "1" + "0" * 5000, "0x" + "f" * 60000,
    "'a' ~ " * 20000 + "'a'", "[" + "1," * 100000 + "]", "lipsum(n=10**6)", "cycler(1)", "namespace(a=1)",
    "dict(a=1)",
    "'a'|attr('__class__')", "''.__class__", "''['__class__']", "[]|random", "range.__class__",
    "().__class__.__base__",
    "moment.strftime('%2000000000d')",
]  # fmt: skip
COSTLY_TEMPLATES = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}" + "x" * 30000 + "{% endfor %}",
    "{% for a in range(99999) %}{{ 'x' * 30000 }}{% endfor %}",
    "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
    "{% set a = 'xx' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
    "{% set a = [1, 1] %}" + "{% set a = a + a %}" * 60 + "{{ a == a }}",
    "{% set a = [1] %}" + "{% set a = [a] %}" * 2000 + "{{ a }}",
    "{% if 1 %}" * 3000 + "{% endif %}" * 3000,
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for a in [1] recursive %}{{ loop(a) }}{% endfor %}",
    "{% include '/etc/passwd' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% block a %}{% endblock %}",
    "{% set params = 1 %}", "{% for target in [1] %}{% endfor %}", "{% call a() %}{% endcall %}",
    "{% filter center(10**9) %}x{% endfilter %}",
    "{{ 1 }}" * 50000,
]  # fmt: skip
NAMES = {"networks": [ip_network("::/0")], "word": "x", "number": 3, "words": ("a", "b")}


@pytest.mark.parametrize("expression", COSTLY, ids=range(len(COSTLY)))
def test_what_would_cost_too_much_or_reach_too_far_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(expression, NAMES)


@pytest.mark.parametrize("template", COSTLY_TEMPLATES, ids=range(len(COSTLY_TEMPLATES)))
def test_a_template_that_would_cost_too_much_or_reach_too_far_is_refused(template: str) -> None:
    with pytest.raises(ExpressionError):
        render_value(template, NAMES)


def test_all_of_them_fit_into_little_memory() -> None:
    program = (
        "from tests.unit.test_expression_bounds import *\n"
        "for text in [f'{{{{ {e} }}}}' for e in COSTLY] + COSTLY_TEMPLATES:\n"
        "    try: render_value(text, NAMES)\n"
        "    except ExpressionError: pass\n"
        "    else: raise SystemExit(text[:100])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (GIB, GIB)),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_grammar_accepts_what_the_evaluation_knows_and_no_more() -> None:
    assert set(_EXPRESSIONS) | set(ARITHMETIC) == EXPRESSIONS
    assert set(_STATEMENTS) == STATEMENTS


FILTER = st.sampled_from(sorted(FILTERS))
OPERATOR = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "~", "<", "==", "in", "and", "or"])
VALUES = st.recursive(
    st.one_of(st.sampled_from(["word", "number", "words", "networks", "missing", "none", "true", "''", "'a b'",
    "0", "-1",
                               "1.5", "10**9", "[]", "{}", "'%5d'", "'a' * 9999"]), st.integers().map(str)),
    lambda inner: st.one_of(
        st.tuples(inner, OPERATOR, inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(inner, FILTER).map(lambda parts: f"({parts[0]}|{parts[1]})"),
        st.tuples(inner, FILTER, inner).map(lambda p: f"({p[0]}|{p[1]}({p[2]}))"),
        st.tuples(inner, FILTER, inner, inner).map(lambda p: f"({p[0]}|{p[1]}({p[2]}, {p[3]}))"),
        st.tuples(inner, st.sampled_from(sorted(TEXT_METHODS)), inner).map(lambda p: f"({p[0]}.{p[1]}({p[2]}))"),
        st.tuples(inner, inner).map(lambda parts: f"[{', '.join(parts)}]"),
        st.tuples(inner, inner).map(lambda parts: f"({parts[0]}[{parts[1]}])"),
        inner.map(lambda part: f"range({part})"),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(VALUES)
def test_whatever_is_written_has_a_value_within_bounds_or_an_error(expression: str) -> None:
    try:
        value = evaluate(expression, NAMES)
    except ExpressionError as error:
        assert str(error)
    else:
        assert len(repr(value)) <= 16 * OF_ONE


@pytest.mark.parametrize(
    "template",
    ["{{ '\\ud800' }}", "a{{ '\\ud83d\\ude00' }}", "{{ ['\\udfff'] }}", "{{ {'\\ud800': 1}.keys()|list }}",
     "{% set a = '\\udd00' %}{{ a ~ 'b' }}", "{% for a in '\\ud800' %}{{ a }}{% endfor %}"],
)  # fmt: skip
def test_a_text_that_no_host_could_be_sent_is_refused(template: str) -> None:
    with pytest.raises(ExpressionError, match="half of a character"):
        render_value(template, NAMES)


def test_bytes_that_are_no_text_stay_as_they_were_typed() -> None:
    assert render_value("{{ typed }}", {"typed": b"\xff".decode("utf-8", "surrogateescape")}) == "\udcff"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("range(10**30)", "the number is too large, or none"),
        ("9" * 5000, "a number has too many digits"),
        ("1|tojson(indent=1)", "this filter or method got an unexpected keyword argument 'indent'"),
    ],
)
def test_a_reason_names_no_part_of_the_interpreter(expression: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        evaluate(expression, NAMES)
    assert str(raised.value) == reason


def test_all_expressions_of_a_check_share_a_budget() -> None:
    whole = Budget(OF_CHECK)
    with pytest.raises(ExpressionError, match="too much time or memory"):
        for _ in range(20):
            render_value("{% for a in range(99) %}{{ 'x' * 40000 }}{% endfor %}", NAMES, whole)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ words | join('+') }}", "a+b"),
        ("{{ words | join('+') | upper }}!", "A+B!"),
        ("{% for w in words %}{{ loop.index }}{{ w }}{% if not loop.last %}, {% endif %}{% endfor %}", "1a, 2b"),
        ("{% for k, v in {'a': 1}|items %}{{ k }}={{ v }}{% else %}none{% endfor %}", "a=1"),
        ("{% for w in words if w != 'a' %}{{ w }}{% endfor %}.", "b."),
        ("{% set x = number * 2 %}{{ x }}!", "6!"),
        ("{{ missing | default('none') }}.", "none."),
        ("{{ 'yes' if missing is defined else 'no' }}.", "no."),
        ("{{ networks[0].prefixlen }} {{ networks[0].version }}", "0 6"),
        ("{{ '%05.1f of %s' | format(2, word) }}", "002.0 of x"),
        ("{{ words | map('upper') | list | last }}.", "B."),
        ("{{ [{'n': 2}, {'n': 1}] | sort(attribute='n') | map(attribute='n') | join(',') }}", "1,2"),
        ("{{ [3, 1, 3, 2] | unique | join }}.", "312."),
        ("{{ 'a,b'.split(',')[1] }}{{ 'abc'[1:] }}{{ word * 3 }}", "bbcxxx"),
        ("{{ words | select('eq', 'a') | list | length }} {{ 7 // 2 }} {{ 2 ** 10 }} {{ 7 % 4 }}", "1 3 1024 3"),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{# a remark #}{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ],
)  # fmt: skip
def test_what_runbooks_say_works(template: str, text: str) -> None:
    assert str(render_value(template, NAMES)) == text


def test_a_template_that_was_parsed_is_not_parsed_again() -> None:
    assert parse_template("{{ word }}") is parse_template("{{ word }}")
