"""Runbooks: parameters with types, steps with defaults, templates rendered once."""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.inventory import MissingVantage, parse_inventory
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.resources import runbooks
from stopgap.orchestrator.runbook import (
    Runbook,
    StepResult,
    applies,
    bind,
    check,
    items,
    parse_runbook,
    prepare,
    render,
    vantage_of,
)
from stopgap.orchestrator.source import InvalidInput, Unfit

INVENTORY = parse_inventory(
    """\
hosts:
  web: {address: 203.0.113.10, addresses: [203.0.113.10, "2001:db8:113::10"], upstream: edge, spare: spare}
  spare: {address: 203.0.113.20}
  edge: {address: 10.9.0.1, driver: nftables, may_block: [203.0.113.0/24]}
  web-2: {address: 203.0.113.11, upstream: null}
""",
    "inventory.yaml",
)
WEB = INVENTORY.hosts["web"]


def runbook(steps: str, params: str = "{}", top: str = "") -> Runbook:
    return parse_runbook(f"name: Try\nparams: {params}\n{top}steps:\n{steps}", "runbook.yaml")


def echo(value: str, params: str = "{}", given: Mapping[str, str] | None = None) -> str:
    """Render `value` as a word of a command."""
    book = runbook(f"  - task: host.command\n    with: {{argv: [echo, {value}], reads: true}}\n", params)
    scene = INVENTORY.scene(WEB, "target")
    bound = bind(book, INVENTORY, [WEB], given or {})
    rendered: Any = render(book.steps[0], bound, scene, {})
    return rendered.argv[1]


def problems(steps: str, params: str = "{}", top: str = "", **given: str) -> list[str]:
    try:
        check(runbook(steps, params, top), INVENTORY, [WEB], given)
    except InvalidInput as error:
        return [str(problem).splitlines()[0] for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("kind", "text", "value", "json"),
    [
        ("string", "a b", "a b", "a b"),
        ("text", "a\nb", "a\nb", "a\nb"),
        ("integer", "-3", -3, -3),
        ("number", "1.5", 1.5, 1.5),
        ("boolean", "yes", True, True),
        ("email", "noc@example.jp", "noc@example.jp", "noc@example.jp"),
        ("url", "https://example.jp/a?b", "https://example.jp/a?b", "https://example.jp/a?b"),
        ("host", "spare", "spare", "spare"),
        ("network", "203.0.113.5", ip_network("203.0.113.5/32"), "203.0.113.5/32"),
        ("networks", "10.0.0.0/8, 2001:db8::/32", (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")),
         ["10.0.0.0/8", "2001:db8::/32"]),
        ("networks", "", (), []),
        ("duration", "1h30m", timedelta(minutes=90), "1h30m"),
        ("duration", "3d", timedelta(days=3), "72h"),
        ("list", "a, b", ("a", "b"), ["a", "b"]),
        ("path", "/etc/motd", "/etc/motd", "/etc/motd"),
    ],
)  # fmt: skip
def test_the_command_lines_text_becomes_a_value_that_survives_the_journal(
    kind: str, text: str, value: object, json: object
):
    book = runbook("  - task: mta.stop\n", f"{{it: {{type: {kind}}}}}")
    bound = bind(book, INVENTORY, [WEB], {"it": text})
    assert bound == {"it": value}
    assert book.dump_params(bound) == {"it": json}
    assert book.load_params(book.dump_params(bound)) == bound


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "1.5"),
        ("boolean", "maybe"),
        ("email", "noc@example"),
        ("email", "<script>@example.org"),
        ("url", "javascript:alert(1)"),
        ("url", "https://[/"),
        ("host", "wbe"),
        ("address", "203.0.113.0/24"),
        ("networks", "10.0.0.0/8,10.0.0.1/8"),
        ("duration", "72"),
        ("duration", "0s"),
        ("duration", "999999w"),
        ("string", "a\nb"),
        ("path", "etc/motd"),
    ],
)
def test_text_that_does_not_fit_names_the_option(kind: str, text: str):
    book = runbook("  - task: mta.stop\n", f"{{it: {{type: {kind}}}}}")
    with pytest.raises(InvalidInput) as caught:
        bind(book, INVENTORY, [WEB], {"it": text})
    assert [problem.source for problem in caught.value.problems] == ["-p it"]


def test_a_choice_is_one_of_its_choices():
    book = runbook("  - task: mta.stop\n", "{lang: {type: choice, choices: [en, ja], default: ja}}")
    assert bind(book, INVENTORY, [WEB], {}) == {"lang": "ja"}
    with pytest.raises(InvalidInput, match="one of en, ja"):
        bind(book, INVENTORY, [WEB], {"lang": "fr"})


def test_a_default_of_null_means_no_value():
    book = runbook("  - task: mta.stop\n", "{next: {type: duration, default: null}}")
    assert bind(book, INVENTORY, [WEB], {}) == {"next": None}
    assert book.load_params({"next": None}) == {"next": None}


def test_a_required_parameter_is_missed_at_its_place_and_an_unknown_one_with_the_nearest():
    book = runbook("  - task: mta.stop\n", "{contact: {type: email, description: Shown to visitors}}")
    with pytest.raises(InvalidInput) as caught:
        bind(book, INVENTORY, [WEB], {"contct": "noc@example.jp"})
    unknown, missing = caught.value.problems
    assert (unknown.source, unknown.hint) == ("-p contct", "did you mean contact?")
    assert str(missing).startswith("runbook.yaml:2:10: the parameter contact has no value (Shown to visitors)")
    assert "-p contact=" in str(missing)


def test_steps_have_ids_and_names_of_their_tasks_where_they_have_none_of_their_own():
    book = runbook("  - task: mta.stop\n  - {task: mta.stop, id: mta-stop-2}\n  - {task: mta.stop, name: Again}\n")
    assert [step.id for step in book.steps] == ["mta-stop", "mta-stop-2", "mta-stop-3"]
    assert [step.name for step in book.steps][1:] == [book.steps[0].name, "Again"]
    assert book.steps[0].name.startswith("Stop the mail server")


def test_a_step_knows_what_happens_around_it():
    [step] = runbook("  - {task: mta.stop, timeout: 2m, retry: {attempts: 3, pause: 10s}, on_failure: undo}\n").steps
    assert (step.timeout, step.retry.attempts, step.retry.pause, step.on_failure) == (120.0, 3, 10.0, "undo")
    assert runbook("  - {task: mta.stop, retry: 2}\n").steps[0].retry.attempts == 2


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('"{{ target.name }}"', "web"),
        ('"a {{ target.addresses }} b"', "a 203.0.113.10, 2001:db8:113::10 b"),
        ('"{{ hosts.web_2.address }}"', "203.0.113.11"),
        ("\"{{ hosts['web-2'].address }}\"", "203.0.113.11"),
        ('"{{ hosts[target.spare].address }}"', "203.0.113.20"),
        ('"for {{ params.long }}"', "for 72h"),
        ("\"{{ params.list | join('+') }}\"", "a+b"),
    ],
)
def test_templates_see_parameters_and_the_inventory(template: str, text: str):
    params = "{long: {type: duration, default: 3d}, list: {type: list, default: [a, b]}}"
    assert echo(template, params) == text


def test_a_text_that_is_one_expression_gives_its_own_value():
    book = runbook(
        '  - task: traffic.block\n    with: {allow: " {{ params.allow }}", expires: "{{ params.expires }}"}\n',
        "{allow: {type: networks}, expires: {type: duration, default: 2h}}",
    )
    params = bind(book, INVENTORY, [WEB], {"allow": "10.0.0.0/8"})
    rendered: Any = render(book.steps[0], params, INVENTORY.scene(WEB, "upstream"), {})
    assert (rendered.allow, rendered.expires) == ((ip_network("10.0.0.0/8"),), timedelta(hours=2))


def test_what_a_template_gives_is_not_rendered_again():
    given = {"word": "{{ target.name }}"}
    assert echo('"{{ params.word }}"', "{word: {type: string}}", given) == "{{ target.name }}"
    assert echo('"say {{ params.word }}"', "{word: {type: string}}", given) == "say {{ target.name }}"


@pytest.mark.parametrize(
    "template",
    [
        "\"{{ ''.__class__.__mro__ }}\"",
        '"{{ params.__class__ }}"',
        '"{{ params._fields }}"',
        '"{{ target.name.__class__.__base__.__subclasses__() }}"',
        "\"{{ ''['format']['__globals__'] }}\"",
        "\"{% include 'x' %}\"",
        '"{{ range(10 ** 9) | list }}"',
        '"{{ 1 // 0 }}"',
        '"{{ target }}"',
        '"{{ target.identity }}"',
    ],
)
def test_a_template_reaches_nothing_else(template: str):
    with pytest.raises(InvalidInput):
        echo(template)


def test_results_show_what_a_step_did_and_nothing_that_a_host_said():
    [_, step] = runbook(
        "  - {id: cut-off, task: mta.stop}\n"
        "  - {task: mta.stop, when: \"steps.cut_off.changed and steps['cut-off'].outcome != 'failed'\"}\n"
    ).steps
    scene = INVENTORY.scene(WEB, "target")
    assert applies(step, {}, scene, {"cut-off": StepResult("changed")})
    assert not applies(step, {}, scene, {"cut-off": StepResult("unchanged")})


def test_foreach_binds_each_item():
    [step] = runbook(
        "  - task: host.command\n    foreach: params.words\n    when: item != 'b'\n"
        '    with: {argv: [echo, "{{ item }}"], reads: true}\n',
        "{words: {type: list, default: [a, b]}}",
    ).steps
    scene, params = INVENTORY.scene(WEB, "target"), {"words": ("a", "b")}
    given = items(step, params, scene, {})
    assert given == ["a", "b"]
    assert [applies(step, params, scene, {}, item) for item in given] == [True, False]
    rendered: list[Any] = [render(step, params, scene, {}, item) for item in given]
    assert [command.argv[1] for command in rendered] == ["a", "b"]


def test_a_literal_foreach_may_hold_templates():
    [step] = runbook('  - {task: mta.stop, foreach: [1, "{{ target.port }}"]}\n').steps
    assert items(step, {}, INVENTORY.scene(WEB, "target"), {}) == [1, 22]


def test_a_task_acts_where_the_inventory_offers_it_first():
    [page, cut] = runbook("  - task: apache.maintenance\n  - task: traffic.block\n").steps
    hosts, known = INVENTORY.hosts, tasks()
    assert vantage_of(page, known[page.task], hosts["web"], INVENTORY) == "spare"
    assert vantage_of(page, known[page.task], hosts["web-2"], INVENTORY) == "target"
    assert vantage_of(cut, known[cut.task], hosts["web"], INVENTORY) == "upstream"


def test_a_broken_into_host_is_not_asked_to_cut_itself_off_but_a_router_may_be():
    [cut] = runbook("  - task: traffic.block\n").steps
    task = tasks()["traffic.block"]
    with pytest.raises(MissingVantage, match="web-2 has no upstream"):
        vantage_of(cut, task, INVENTORY.hosts["web-2"], INVENTORY)
    assert vantage_of(cut, task, INVENTORY.hosts["edge"], INVENTORY) == "target"


def test_types_are_checked_by_a_sample_where_there_is_no_value_yet():
    page = '  - task: apache.maintenance\n    with: {contact: "{{ params.it }}"}\n'
    assert problems(page, "{it: {type: email}}") == []
    assert problems(page, "{it: {type: string}}") == []  # some text will do
    assert problems(page, "{it: {type: integer}}") != []  # no number will
    assert problems(page, "{it: {type: string}}", it="no address") != []


def test_a_shutdown_needs_a_reason():
    step = "  - task: host.command\n    with: {argv: [/sbin/reboot]}\n"
    assert problems(step) != []
    assert problems(step, top="allow_shutdown: true\nreason: The provider reinstalls it\n") == []
    with pytest.raises(InvalidInput, match="shut the host down"):
        render(runbook(step).steps[0], {}, INVENTORY.scene(WEB, "target"), {})


def test_the_targets_are_each_checked_and_without_any_the_best_stands_in():
    book = runbook("  - {task: apache.maintenance, on: spare, with: {contact: noc@example.jp}}\n")
    check(book, INVENTORY, [], {})
    with pytest.raises(InvalidInput, match="web-2 has no spare"):
        check(book, INVENTORY, [WEB, INVENTORY.hosts["web-2"]], {})


def test_a_journal_that_does_not_fit_is_refused():
    book = runbook("  - task: mta.stop\n", "{it: {type: duration}}")
    with pytest.raises(Unfit):
        book.load_params({"it": "soon"})


def test_the_check_contacts_nothing_and_loads_no_ssh(tmp_path: Path):
    (tmp_path / "inventory.yaml").write_text(INVENTORY.text)
    (tmp_path / "runbook.yaml").write_text("name: Try\nsteps:\n  - task: mta.stop\n    when: target.name == 'web'\n")
    program = """
import sys
sys.addaudithook(lambda event, _: event.startswith(("socket.", "subprocess.")) and sys.exit(event))
from pathlib import Path
from stopgap.orchestrator.runbook import prepare
prepare(Path("runbook.yaml"), Path("inventory.yaml"), ["web"])
assert not {"paramiko", "fabric", "invoke", "sqlite3", "asyncio", "rich"} & set(sys.modules), sorted(sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("inventory", ["example.yaml", "lab.yaml"])
@pytest.mark.parametrize(
    ("name", "target"), [("contain", "web"), ("collect", "web"), ("spare", "web"), ("provider-block", "edge")]
)
def test_the_shipped_runbooks_suit_the_shipped_inventories(name: str, target: str, inventory: str):
    path = Path(__file__).parents[2] / "inventories" / inventory
    given = {"contact": "noc@example.jp"} if name in {"contain", "spare"} else {}
    given |= {"addresses": "203.0.113.10,2001:db8:113::10"} if name == "provider-block" else {}
    book, known, targets = prepare(runbooks()[name], path, [target], given, complete=True)
    assert set(bind(book, known, targets, given)) == set(book.params)


def test_what_is_shown_as_it_is_written_holds_no_template():
    with pytest.raises(InvalidInput, match="shown as it is written"):
        runbook('  - {task: mta.stop, confirm: "Stop the mail of {{ target.name }}?"}\n')
