"""What was typed becomes a typed value at the door, and argparse's is known nowhere else."""

from __future__ import annotations

import dataclasses
import inspect
from collections import defaultdict
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from pydantic import ConfigDict, TypeAdapter

from stopgap.orchestrator.cli.arguments import parser
from stopgap.orchestrator.cli.door import evidence, exchange, project, records, running, serving
from stopgap.orchestrator.cli.door.call import Call, Read

RUN = "20261129-1200-abcd"
LINES = [
    "check contain hand-back -i hosts.yaml -t web -t edge -p contact=a@example.jp --format sarif --limit-file LIMIT",
    "run contain -i hosts.yaml -i more.yaml -t web -t spare --limit-file LIMIT -p contact=a@example.jp"
    " --dry-run --incident one --full --yes --json"
    " --save-plan plan.json --age RECIPIENT --request r.json --customers c.yaml --take-over --sign-key KEY"
    " --emergency spam --site auto",
    "run contain -i hosts.yaml --wait --watch --plan plan.json",
    "cut root@web edge --at root@one --at two --for 6h --spare spare --contact a@example.jp --outside isp"
    " --allow 192.0.2.0/24 --save DIR --dry-run --full --yes --json --take-over --sign-key KEY --emergency spam",
    "cut root@web --at root@edge --wait --watch",
    "ready -i hosts.yaml -i beside.yaml -t web -t spare --limit-file LIMIT --sudoers --json",
    f"resume {RUN} --yes --json --age RECIPIENT --take-over --sign-key KEY --anyway --site",
    f"resume {RUN} --wait --watch",
    f"resume {RUN} --detach --from way",
    f"answer {RUN} ask yes -t web --json",
    f"approve {RUN} --yes --json",
    "runner --site tokyo -i hosts.yaml --slots 2 --rate 30/min --until-idle",
    f"undo {RUN} --step cut --yes --force --anyway --take-over --sign-key KEY --here --json",
    "request -i hosts.yaml -t web -t spare --limit-file LIMIT --address 192.0.2.1/32"
    " --address 192.0.2.2/32 --reason spam"
    f" --contact a@example.jp --expires 48h --run {RUN} --sign-key KEY -o request.json --json",
    "runs --pruned --json",
    "prune --older 90d --keep-evidence --dry-run --yes --json",
    f"show {RUN} --json",
    "status --offline --json",
    "recover --incident one --json",
    f"verify {RUN} --signers signers --tsa-ca ca.pem --json",
    f"watch {RUN} --json",
    f"events {RUN} last --follow --since 2h --json",
    f"report {RUN} --lang ja --format md --timezone Asia/Tokyo -o report.md",
    "report --incident one --lang ja --format md --timezone Asia/Tokyo -o report.md",
    "report --incident one --manual --lang ja --format md --timezone Asia/Tokyo -o manual.md",
    f"report {RUN} --manual --lang ja --format md --timezone Asia/Tokyo -o manual.md",
    f"journal import runs/{RUN} --signers signers --json",
    "serve --listen 127.0.0.1:8617 --allow answer --host noc.example.jp --timezone Asia/Tokyo",
    "serve --socket page.socket --trust-header X-Remote-User --proxy 127.0.0.1 --metrics",
    "agent start --idle 2h --foreground --json",
    "agent stop --json",
    "agent status --json",
    "journal install --json",
    "incident open one --file details.yaml --set phone=119 --json",
    "incident describe --incident one --file details.yaml --set phone=119 --json",
    "incident note text --incident one --went-well --json",
    "incident action add text --owner kei --due 2026-12-01 --decision --incident one --json",
    "incident action done 3 replaced --incident one --json",
    "incident close --incident one --json",
    "incident show --incident one --json",
    "incident duties --incident one --json",
    "incident duty appi-final --incident one --sent 2026-11-23T10:40+09:00 --reference 12-3 --json",
    "incident duty appi-final --incident one --not-owed lawyer",
    "incident duty appi-final --incident one --draft -o draft.txt",
    f"evidence ls {RUN} cron --json",
    f"evidence cat {RUN} cron /etc/crontab --raw",
    f"evidence grep {RUN} wget -i -F --json",
    f"evidence timeline {RUN} -o lines.jsonl --since 2026-11-01 --until 2026-11-02",
    f"evidence findings {RUN} --all --rules rules --yara y.yar --sigma s.yaml --json"
    " --baseline clean --host web --severity high --since 2026-11-01",
    f"evidence wire {RUN} --attacked --json",
    f"evidence custody {RUN} --json",
    f"evidence export {RUN} -t web -o web.tar --age RECIPIENT --tsa https://tsa.example --sign-key KEY --json",
    f"evidence export {RUN} --to sftp://keeper@store.example:2222/~/cases -i hosts.yaml --json",
    f"evidence decrypt {RUN} -i KEY -o clear --json",
    f"evidence store {RUN} --json",
    f"evidence fetch {RUN} --from sftp://kei@noc-a -i hosts.yaml --json",
    "export cacao contain --plan plan.json -i hosts.yaml --for soarca --sign-key KEY -o playbook.json --json",
    f"export stix {RUN} --tlp red -o bundle.json --json",
    f"export misp {RUN} --tlp amber+strict -o event.json --json",
    f"evidence export {RUN} --format stix --tlp green -o bundle.json --json",
    f"export events {RUN} --format ecs --json",
    f"export iris {RUN} --to https://iris --token env:TOKEN --ca ca.pem --customer 2 --tlp red --dry-run --json",
    f"export thehive {RUN} --to https://hive --token env:TOKEN --ca ca.pem --tlp red --dry-run --json",
    "import cacao playbook.json -i hosts.yaml -o runbook.yaml --json",
    "import ansible playbook.yml --files roles/web -o runbook.yaml --json",
    "import ansible playbook.yml --opaque -o runbook.yaml",
    "trust one.yaml two.yaml --yes --json",
    "tasks mta.stop --json",
    "inventory -i hosts.yaml --write own.yaml --json",
    "docs inventories --json",
    "completion zsh",
    "schema rules",
    "driver-check --address 192.0.2.7 --guest 101 --allow 192.0.2.0/24 --env TOKEN --timeout 5 --yes --json program",
    "init somewhere --json",
]
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / "key").touch()
    (tmp_path / "limit").write_text("web\n")
    return tmp_path / "key"


def typed(line: str, key: Path) -> Call[Any]:
    words = (
        line.replace("KEY", str(key))
        .replace("LIMIT", str(key.with_name("limit")))
        .replace("RECIPIENT", RECIPIENT)
        .split()
    )
    args = parser().parse_args(words)
    read: Read = args.command
    return read(args)


def fields_of(value: Any) -> list[tuple[type, str, Any, Any]]:
    """Give each field of an options value, those of nested values too: class, name, annotated type, value."""
    hints = get_type_hints(type(value))
    found: list[tuple[type, str, Any, Any]] = []
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        if dataclasses.is_dataclass(inner):
            found += fields_of(inner)
        else:
            found.append((type(value), field.name, hints[field.name], inner))
    return found


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:24].strip())
def test_every_option_has_the_type_that_its_field_names(line: str, key: Path) -> None:
    call = typed(line, key)
    assert call.options.__dataclass_params__.frozen
    for _, name, hint, value in fields_of(call.options):
        checked = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
        assert checked.validate_python(value, strict=True) == value, name


def test_every_option_reaches_its_command(key: Path) -> None:
    given: dict[type, set[str]] = defaultdict(set)
    known: dict[type, set[str]] = defaultdict(set)
    for line in LINES:
        for kind, name, _, value in fields_of(typed(line, key).options):
            (default,) = [field.default for field in dataclasses.fields(kind) if field.name == name]
            known[kind].add(name)
            if value != default:
                given[kind].add(name)
    assert {kind.__name__: names - given[kind] for kind, names in known.items() if names - given[kind]} == {}


def test_every_command_has_a_line_here() -> None:
    of_door = {
        name
        for module in (evidence, exchange, project, records, running, serving)
        for name, found in inspect.getmembers(module, inspect.isfunction)
        if found.__module__ == module.__name__
    }
    assert {parser().parse_args(line.split()).command.__name__ for line in LINES} == of_door
