"""Every broken file beside this one: its problems, each at its place, all of them at once, and nothing else."""

from pathlib import Path

import pytest

from stopgap.orchestrator.inventory import load_inventory
from stopgap.orchestrator.runbook import prepare
from stopgap.orchestrator.source import InvalidInput

FOLDER = Path(__file__).parent
TARGETS = {"runbook-no-spare.yaml": ["neighbour"]}

BROKEN = {
    "inventory-address-twice.yaml": [
        "5:31: 203.0.113.10 is web's already | expected an address of its own",
    ],
    "inventory-alias-in-itself.yaml": [
        "2:8: the alias *h stands inside of what it names",
    ],
    "inventory-aliases.yaml": [
        "1:32: its aliases stand for too much | expected at most 2000000 values",
    ],
    "inventory-bad-address.yaml": [
        "2:58: 5 is no address",
        "2:61: `addresses` cannot be '2001:db8::zz' | expected an IP address",
    ],
    "inventory-bad-network.yaml": [
        "6:9: `may_block` cannot be '203.0.113.5/24' | hint: did you mean 203.0.113.0/24?",
    ],
    "inventory-become.yaml": [
        "2:43: `become` cannot be 'suda' | hint: did you mean sudo?",
    ],
    "inventory-deep.yaml": [
        "1:48: nested too deep | expected at most 40 levels",
    ],
    "inventory-duplicate-host.yaml": [
        "3:3: the key 'web' stands twice in one mapping | hint: it stands first at 2:3",
    ],
    "inventory-empty.yaml": [
        "1:1: the file is empty | expected a mapping",
    ],
    "inventory-group-circle.yaml": [
        "4:16: b contains a: the groups go in a circle",
        "5:16: a contains b: the groups go in a circle",
    ],
    "inventory-group-unknown-host.yaml": [
        "4:22: there is no host 'wbe' | hint: did you mean web?",
    ],
    "inventory-indentation.yaml": [
        "4:11: a key and its value cannot stand here",
    ],
    "inventory-jump-circle.yaml": [
        "3:32: the jumps go in a circle: b → c → b | expected a host that is reached without them",
    ],
    "inventory-list.yaml": [
        "1:1: the file cannot be a list | expected a mapping",
    ],
    "inventory-merge-key.yaml": [
        "4:5: YAML 1.2 has no merge keys | expected the keys written out",
    ],
    "inventory-name.yaml": [
        "2:3: '../web' cannot be a name",
        "3:3: 'controller' cannot be a name",
    ],
    "inventory-no-address.yaml": [
        "3:5: `address` is missing | expected where it is reached: an IP address, or a name",
    ],
    "inventory-no-hosts.yaml": [
        "1:1: `hosts` is missing | expected hosts by name",
    ],
    "inventory-not-utf8.yaml": [
        "2:37: byte 0xe9 is not UTF-8 | expected UTF-8",
    ],
    "inventory-nul.yaml": [
        "2:18: character U+0000 cannot stand in YAML",
    ],
    "inventory-own-spare.yaml": [
        "4:12: web cannot be its own spare | expected another host",
    ],
    "inventory-port.yaml": [
        "2:38: `port` cannot be 'ssh' | expected a whole number",
    ],
    "inventory-tab.yaml": [
        "3:1: a tab where YAML wants spaces | hint: indent with spaces",
    ],
    "inventory-tag.yaml": [
        "2:8: the tag !!python/object:os.system means nothing here | expected a value without a tag",
    ],
    "inventory-two-documents.yaml": [
        "3:1: a second document begins | expected one document a file",
    ],
    "inventory-unclosed.yaml": [
        "3:8: expected ',' or '}', but got ':' | hint: look for the end of what is opened at 2:8",
    ],
    "inventory-unknown-key.yaml": [
        "4:5: unknown key 'upstrem' | hint: did you mean upstream?",
    ],
    "inventory-no-upstream-in-a-list.yaml": [
        "2:42: `upstream` has 0 items | expected at least 1",
    ],
    "inventory-unknown-upstream.yaml": [
        "2:42: there is no host 'egde' | hint: did you mean edge?",
    ],
    "inventory-unknown-upstream-of-several.yaml": [
        "2:49: there is no host 'egde' | hint: did you mean edge?",
        "2:55: edge stands twice | expected each router once",
        "2:61: web cannot be its own upstream | expected another host",
        "3:39: `upstream` cannot be 5 | expected text or a list",
    ],
    "inventory-utf16.yaml": [
        "1:1: the file is UTF-16 | expected UTF-8",
    ],
    "runbook-choice-without-choices.yaml": [
        "3:9: a choice needs its `choices` | expected `type: choice` with `choices`",
    ],
    "runbook-duplicate-id.yaml": [
        "4:10: the id 'mail' is taken | hint: by the step at line 3",
    ],
    "runbook-expression-with-braces.yaml": [
        "7:11: bad expression: an expression stands without braces | hint: write params.allow",
    ],
    "runbook-foreach-no-list.yaml": [
        "7:14: `foreach` does not give a list | expected a list",
    ],
    "runbook-host-field.yaml": [
        "4:25: target.adress: 'adress' is nothing that is known of a host | hint: did you mean target.address?",
    ],
    "runbook-hyphen.yaml": [
        "6:11: 'off' is not defined | expected one of params, target, hosts, steps",
        "6:11: steps.cut: 'cut' is no step before this one | hint: did you mean steps.cut_off?",
    ],
    "runbook-item-without-foreach.yaml": [
        "4:25: `item` has a value in a step with `foreach` alone | expected one of params, target, hosts, steps",
    ],
    "runbook-literal-parameter.yaml": [
        "4:20: `web_to` cannot be 'spar' | hint: did you mean spare?",
        "4:35: '72 hours' is no duration | hint: did you mean 72h?",
    ],
    "runbook-many.yaml": [
        "1:1: `name` is missing | expected what it is for, in words",
        "1:1: unknown key 'nmae' | hint: did you mean name?",
        "3:19: `type` cannot be 'mail' | hint: did you mean email?",
        "5:11: there is no task 'mta.stpo' | hint: did you mean mta.stop?",
        "7:12: unknown key 'force' | expected one of containers, look_again",
        "9:18: `argv` cannot be 'reboot' | expected a list",
    ],
    "runbook-missing-task-parameter.yaml": [
        "3:5: `argv` is missing",
    ],
    "runbook-needs-later.yaml": [
        "5:13: two comes later | expected an earlier step",
        "5:18: there is no step 'thre' | expected an earlier step",
    ],
    "runbook-no-name.yaml": [
        "1:1: `name` is missing | expected what it is for, in words",
    ],
    "runbook-no-spare.yaml": [
        "4:9: neighbour has no spare, where apache.maintenance acts",
    ],
    "runbook-no-steps.yaml": [
        "2:8: `steps` has 0 items | expected at least 1",
    ],
    "runbook-param-default.yaml": [
        "3:36: the default of allow: '10.0.0.1/8' has bits set outside of its prefix | did you mean 10.0.0.0/8?",
    ],
    "runbook-param-type.yaml": [
        "3:19: `type` cannot be 'mail' | hint: did you mean email?",
    ],
    "runbook-plain-text.yaml": [
        "1:1: the file is plain text | expected a mapping",
    ],
    "runbook-reboot-service.yaml": [
        "4:18: this would shut the host down, or leave it without its services",
    ],
    "runbook-result-field.yaml": [
        "6:11: steps.cut.stdout: 'stdout' is nothing that is known of a step",
    ],
    "runbook-shutdown-no-reason.yaml": [
        "2:17: a shutdown is allowed without a reason",
    ],
    "runbook-shutdown.yaml": [
        "5:13: this would shut the host down, or leave it without its services",
    ],
    "runbook-step-is-text.yaml": [
        "3:5: `steps` cannot be 'mta.stop' | expected a mapping",
    ],
    "runbook-step-not-before.yaml": [
        "4:11: steps.cut: 'cut' is no step before this one | hint: it comes later, or is this step itself",
    ],
    "runbook-template-syntax.yaml": [
        "7:21: bad template: unexpected end of template, expected '}}'",
    ],
    "runbook-template-unquoted.yaml": [
        '8:17: a key must be text | hint: a template needs quotes: "{{ … }}"',
    ],
    "runbook-timeout.yaml": [
        "4:14: the duration 30 has no unit"
        " | hint: write 30s for seconds or 30m for minutes or 30h for hours or 30d for days",
        "5:23: `attempts` cannot be 0 | expected at least 1",
    ],
    "runbook-undefined-name.yaml": [
        "7:21: 'contact' is not defined | hint: did you mean params.contact?",
    ],
    "runbook-undefined-parameter.yaml": [
        "7:21: params.contct: 'contct' is no parameter of this runbook | hint: did you mean params.contact?",
    ],
    "runbook-unknown-filter.yaml": [
        "7:25: bad template: No filter named 'jion' | hint: did you mean join?",
    ],
    "runbook-unknown-host.yaml": [
        "4:30: hosts.spaer: 'spaer' is no host of the inventory | hint: did you mean hosts.spare?",
    ],
    "runbook-unknown-parameter.yaml": [
        "8:7: unknown key 'contract' | hint: did you mean contact?",
    ],
    "runbook-unknown-step-key.yaml": [
        "4:5: unknown key 'on_faliure' | hint: did you mean on_failure?",
    ],
    "runbook-unknown-task.yaml": [
        "3:11: there is no task 'mta.stpo' | hint: did you mean mta.stop?",
    ],
    "runbook-vantage-unknown.yaml": [
        "4:9: `on` cannot be 'upsteam' | hint: did you mean upstream?",
    ],
    "runbook-vantage.yaml": [
        "4:9: checkpoint cannot act on upstream | expected controller",
    ],
    "runbook-wrong-type.yaml": [
        "8:14: `allow` cannot be '{{ params.contact }}' | expected a list",
    ],
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_problem_is_reported_at_its_place(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(FOLDER)
    with pytest.raises(InvalidInput) as caught:
        if name.startswith("inventory-"):
            load_inventory(Path(name))
        else:
            prepare(Path(name), Path("sound-inventory.yaml"), TARGETS.get(name, ["web"]))
    found = [str(problem) for problem in caught.value.problems]
    assert [text.splitlines()[0].removeprefix(f"{name}:") for text in found] == [
        w.split(" | ")[0] for w in BROKEN[name]
    ]
    for text, wanted in zip(found, BROKEN[name], strict=True):
        assert all(more in text for more in wanted.split(" | ")[1:]), text


def test_no_broken_file_is_forgotten():
    assert {path.name for path in FOLDER.glob("*.yaml")} - {"sound-inventory.yaml"} == set(BROKEN)


def test_the_problems_of_both_files_come_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(FOLDER)
    with pytest.raises(InvalidInput) as caught:
        prepare(Path("runbook-many.yaml"), Path("inventory-unknown-upstream.yaml"), ["web"], {"contct": "x"})
    assert [p.source for p in caught.value.problems] == [
        *["runbook-many.yaml"] * 6,
        "inventory-unknown-upstream.yaml",
        "-p contct",
    ]
