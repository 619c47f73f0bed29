"""The JSON Schemas: editors are told what the loaders accept, and the copies in the tree are current."""

import json
import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from stopgap.orchestrator.findings.schema import schema_rules
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.resources import folder, runbooks
from stopgap.orchestrator.runbook import schema_inventory, schema_of, schema_runbook
from stopgap.orchestrator.source import parse, read
from stopgap.tasks.evidence.catalogue import ArtifactFile

RUNBOOK = schema_runbook()
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
    "null": type(None),
}  # fmt: skip
FORMATS: dict[str, Callable[[str], object]] = {
    "ipv4": ip_address,
    "ipv6": ip_address,
    "ipv4network": ip_network,
    "ipv6network": ip_network,
    "ipvanynetwork": ip_network,
}


def faults(value: Any, schema: Any, root: dict[str, Any], place: str = "") -> list[str]:
    """Validate by the keywords that the schemas use (JSON Schema 2020-12); give where it fails."""
    if isinstance(schema, bool):
        return [] if schema else [place]
    if "$ref" in schema:
        return faults(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, place)
    wanted = TYPES.get(schema.get("type", ""))
    if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)):
        return [place]
    found: list[str] = []
    if "const" in schema and value != schema["const"]:
        found.append(place)
    if "enum" in schema and value not in schema["enum"]:
        found.append(place)
    if isinstance(value, str):
        found += [place] * (re.search(schema.get("pattern", ""), value) is None)
        try:
            FORMATS.get(schema.get("format", ""), str)(value)
        except ValueError:
            found.append(place)
    if isinstance(value, list):
        found += [place] * (len(value) < schema.get("minItems", 0))
        found += [f for i, v in enumerate(value) for f in faults(v, schema.get("items", True), root, f"{place}/{i}")]
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [f"{place}/{name}" for name in schema.get("required", []) if name not in value]
        for name, inner in value.items():
            named = [inner for key, inner in schema.get("patternProperties", {}).items() if re.search(key, name)]
            rule = properties.get(name, *named[:1] or [schema.get("additionalProperties", True)])
            found += faults(inner, rule, root, f"{place}/{name}")
    for part in schema.get("allOf", []):
        found += faults(value, part, root, place)
    for key in ("anyOf", "oneOf"):
        if key in schema and all(faults(value, part, root, place) for part in schema[key]):
            found.append(place)
    if "if" in schema and not faults(value, schema["if"], root):
        found += faults(value, schema.get("then", True), root, place)
    return found


def step_faults(step: str) -> set[str]:
    data = parse(f"name: Try\nsteps:\n  - {step}\n", "f").data
    return {fault.removeprefix("/steps/0") for fault in faults(data, RUNBOOK, RUNBOOK)}


@pytest.mark.parametrize("name", runbooks())
def test_a_shipped_runbook_is_valid_and_names_its_schema(name: str):
    document = read(runbooks()[name])
    assert faults(document.data, RUNBOOK, RUNBOOK) == []
    assert document.text.startswith("# yaml-language-server: $schema=../templates/schema/runbook.json\n")


def test_the_shipped_inventory_is_valid():
    schema = schema_inventory()
    data = read(folder("inventories") / "example.yaml").data
    assert faults(data, schema, schema) == []
    data["hosts"]["web"]["upstrem"] = data["hosts"]["web"].pop("upstream")
    assert faults(data, schema, schema) == ["/hosts/web/upstrem"]


@pytest.mark.parametrize(
    ("step", "places"),
    [
        ("{task: mta.stop}", set()),
        ("{task: mta.stpo}", {"/task"}),
        ("{task: mta.stop, on_faliure: stop}", {"/on_faliure"}),
        ("{task: mta.stop, with: {force: true}}", {"/with/force"}),
        ("{task: mta.stop, on: spare}", {"/on"}),
        ("{task: traffic.block, with: {web_to: spar}}", {"/with/web_to"}),
        ("{task: traffic.block, with: {web_to: '{{ params.x }}'}}", set()),
        ("{task: traffic.block, with: {expires: 72h}}", set()),
        ("{task: traffic.block, with: {expires: 72}}", {"/with/expires"}),
        ("{task: traffic.block, with: {allow: ['{{ params.x }}', 10.0.0.0/8]}}", set()),
        ("{task: traffic.block, with: {allow: '{{ params.x }}'}}", set()),
        ("{task: traffic.block, with: {allow: 10.0.0.0/8}}", {"/with/allow"}),
        ("{task: host.command, with: {reads: true}}", {"/with/argv"}),
        ("{task: host.command}", {"/with"}),
        ("{task: mta.stop, retry: {attempts: 3, pause: 10s}, timeout: 1h30m}", set()),
        ("{task: mta.stop, timeout: 30}", {"/timeout"}),
    ],
)
def test_an_editor_underlines_what_the_loader_refuses(step: str, places: set[str]):
    assert step_faults(step) == places


def test_every_task_and_each_of_its_parameters_is_explained():
    for branch in RUNBOOK["$defs"]["StepEntry"]["allOf"]:
        name = branch["if"]["properties"]["task"]["const"]
        given = branch["then"]["properties"]["with"].get("properties", {})
        assert set(given) == set(tasks()[name].Params.model_fields)
        assert all(parameter.get("description") for parameter in given.values()), name


ARTIFACTS, RULES = schema_of(ArtifactFile), schema_rules()


@pytest.mark.parametrize(("kind", "schema"), [("artifacts", ARTIFACTS), ("rules", RULES)])
def test_every_shipped_file_of_artifacts_and_of_rules_is_valid_and_names_its_schema(
    kind: str, schema: dict[str, Any]
):
    for path in sorted(folder(kind).glob("*.yaml")):
        document = read(path)
        assert faults(document.data, schema, schema) == [], path
        assert document.text.startswith(f"# yaml-language-server: $schema=../templates/schema/{kind}.json\n"), path


ARTIFACT = "id: a, about: A., why: B., references: [here], volatility: disk"


@pytest.mark.parametrize(
    ("schema", "text", "places"),
    [
        (ARTIFACTS, f"artifacts: [{{{ARTIFACT}, cap: 1 MiB, reads: [{{kind: run, commands: [ps]}}]}}]", set()),
        (ARTIFACTS, f"artifacts: [{{{ARTIFACT}, cap: 1 MB, reads: []}}]", {"/artifacts/0/cap"}),
        (ARTIFACTS, f"artifacts: [{{{ARTIFACT}, cpa: 1, reads: []}}]", {"/artifacts/0/cpa"}),
        (ARTIFACTS, "profiles: {mine: {about: Ours, artifacts: [clock]}}", set()),
        (ARTIFACTS, "profiles: {mine: {about: Ours, artefacts: [clock]}}", {"/profiles/mine/artefacts"}),
        (RULES, "rules: [{tabel: ps}]", {"/rules/0/tabel"}),
        (RULES, "rules: [{table: sp}]", {"/rules/0/table"}),
        (RULES, "rules: [{sure: high, tags: [attack.t1014, T1014]}]", {"/rules/0/sure", "/rules/0/tags/1"}),
        (
            ARTIFACTS,
            f"artifacts: [{{{ARTIFACT}, known: here, reads: [{{kind: run, commands: [ps]}}]}}]",
            {"/artifacts/0/known"},
        ),
        (RULES, "rules: [{table: ps, when: {pid: {at_last: 3}}}]", {"/rules/0/when/pid"}),
    ],
)
def test_an_editor_underlines_mistakes_in_artifacts_and_rules(schema: dict[str, Any], text: str, places: set[str]):
    found = set(faults(parse(text, "f").data, schema, schema))
    assert places <= found if places else found == set()


@pytest.mark.parametrize(
    ("name", "schema"),
    [("runbook", RUNBOOK), ("inventory", schema_inventory()), ("artifacts", ARTIFACTS), ("rules", RULES)],
)
def test_the_copy_in_the_tree_is_current(name: str, schema: dict[str, Any]):
    copy = folder("templates") / "schema" / f"{name}.json"
    assert json.loads(copy.read_text()) == schema, f"renew it: stopgap schema {name} > templates/schema/{name}.json"
