"""Files of artifacts: what they say becomes scripts, and every mistake in them is named with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from stopgap.orchestrator.facts import SystemFact
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.task import Collection
from stopgap.tasks.evidence.catalogue import Catalogue, load, shipped
from stopgap.tasks.evidence.collect import Collect, CollectFacts, CollectParams

SOUND = """\
selections:
  secrets:
    about: What stays on the host.
    without: ["*.key"]
  ours:
    about: Our own application's settings.
    named: ["*.conf", "*.ini"]
artifacts:
  - id: application
    about: Settings of our own application.
    why: What was changed in them.
    references: [our own manual]
    volatility: disk
    suffix: tar
    cap: 10 MiB
    reads:
      - kind: archive
        paths: [/opt/app]
        tests: "@ours -mtime -30"
  - id: workers
    about: Its workers.
    why: Whether there are more than we started.
    references: [our own manual]
    volatility: running
    reads:
      - kind: run
        commands: [appctl list, [appctl peers, ss -a -n]]
profiles:
  ours:
    about: What belongs to our application.
    artifacts: [application, workers]
"""


def loaded(folder: Path, text: str) -> Catalogue:
    path = folder / "own.yaml"
    path.write_text(text)
    return load([path])


def problems(folder: Path, old: str, new: str) -> list[str]:
    assert old in SOUND
    with pytest.raises(InvalidInput) as caught:
        loaded(folder, SOUND.replace(old, new, 1))
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_a_profile_comes_in_order_of_volatility(tmp_path: Path) -> None:
    assert [definition.id for definition in loaded(tmp_path, SOUND).profile("ours")] == ["workers", "application"]


def test_a_selection_stands_for_its_words_and_secrets_stay_where_nothing_else_is_said(tmp_path: Path) -> None:
    script = loaded(tmp_path, SOUND).artifacts["application"].artifact().script
    assert "tests='( -name *.conf -o -name *.ini ) -mtime -30 ! -path *.key'" in script
    taken = SOUND.replace("paths: [/opt/app]", "paths: [/opt/app]\n        secrets: taken")
    assert "*.key" not in loaded(tmp_path, taken).artifacts["application"].artifact().script


def test_a_size_is_written_as_people_write_it(tmp_path: Path) -> None:
    assert loaded(tmp_path, SOUND).artifacts["application"].cap == 10 << 20


def test_commands_are_tried_in_their_order(tmp_path: Path) -> None:
    script = loaded(tmp_path, SOUND).artifacts["workers"].artifact().script
    assert "run 'appctl list'\nrun 'appctl peers' 'ss -a -n'" in script


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("cap: 10 MiB", "cap: 10 MB", "own.yaml:15:10", "'10 MB' is no size"),
        ("-mtime -30", "-delete", "own.yaml:19:16", "find(1) is not given -delete"),
        ("-mtime -30", "-exec rm {} +", "own.yaml:19:16", "find(1) is not given -exec"),
        ("-mtime -30", "-name $(id)", "own.yaml:19:16", "is no word that find(1) gets"),
        ("@ours", "@our", "own.yaml:19:16", "no selection `our`"),
        ("appctl list", "appctl list; id", "own.yaml:27:20", "cannot be 'appctl list; id'"),
        ("kind: archive", "kind: archives", "own.yaml:17:15", "cannot be"),
        ("volatility: disk", "volatility: disc", "own.yaml:13:17", "did you mean disk?"),
        ("[/opt/app]", "[/opt/$app]", "own.yaml:18:17", "cannot be '/opt/$app'"),
        ("[application, workers]", "[application, worker]", "own.yaml:31:30", "did you mean workers?"),
        ("id: workers", "id: application", "own.yaml:20:9", "a second artifact `application`"),
        ("id: workers", "id: ../etc", "own.yaml:20:9", "cannot be '../etc'"),
        ("references: [our own manual]", "known: our own manual", "own.yaml:12:5", "it is called `references` now"),
        (
            "[our own manual]",
            "[our own manual]\n    tags: [attack.T1014]",
            "own.yaml:13:12",
            "did you mean attack.t1014?",
        ),
        ("[our own manual]", "our own manual", "own.yaml:12:17", "expected a list"),
        ("references: [our own manual]", "references: []", "own.yaml:12:17", "at least 1"),
        ('named: ["*.conf", "*.ini"]', "named: []", "own.yaml:6:5", "a selection has one of"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, place: str, said: str) -> None:
    found = "\n".join(problems(tmp_path, old, new))
    assert place in found
    assert said in found


def test_a_key_of_an_earlier_version_is_one_problem(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "references: [our own manual]", "known: our own manual")
    assert "'known' is a key of an earlier version" in problem


def test_a_script_is_one_of_stopgaps_own(tmp_path: Path) -> None:
    run = "kind: run\n        commands: [appctl list, [appctl peers, ss -a -n]]"
    found = "\n".join(problems(tmp_path, run, "kind: script\n        name: hidden_proceses"))
    assert "did you mean hidden_processes?" in found


def test_the_table_beside_uac_names_every_artifact() -> None:
    table = (Path(__file__).parents[2] / "docs/evidence.md").read_text().partition("## Beside UAC")[2]
    assert set(shipped().artifacts) <= set(re.findall("`([a-z0-9-]+)`", table))


def parameters(**given: object) -> CollectParams:
    return CollectParams.model_validate(given)


def planned(params: CollectParams) -> Collection:
    facts = CollectFacts(system=SystemFact(init="systemd", os="debian", uid=0))
    web = Host(name="web", address="203.0.113.10")
    (collection,) = Collect().plan(params, facts, Scene(target=web, on=web))
    assert isinstance(collection, Collection)
    return collection


def test_artifacts_of_ones_own_are_collected_beside_or_without_a_profile(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(SOUND.replace("secrets:", "not-taken:", 1))
    collection = planned(parameters(own=str(tmp_path), profile="ours", artifacts=["histories", "processes"]))
    assert collection.profile == "ours"
    assert [artifact.id for artifact in collection.artifacts] == ["workers", "processes", "application", "histories"]
    alone = planned(parameters(own=str(tmp_path / "own.yaml"), artifacts=["workers"]))
    assert (alone.profile, len(alone.artifacts)) == ("custom", 1)


def test_the_hosts_own_work_goes_first_once_what_is_gone_within_seconds_is_taken() -> None:
    scripts = {artifact.id: artifact.script for artifact in planned(parameters(profile="full")).artifacts}
    names = list(scripts)
    assert [name for name, script in scripts.items() if "renice" in script] == names[names.index("bodyfile") :]
    assert "renice" not in "".join(a.script for a in planned(parameters(profile="full", nice=0)).artifacts)


def test_what_is_gone_within_seconds_is_not_held_up_to_see_how_fast_the_wire_is() -> None:
    assert planned(parameters(profile="volatile")).compress == "never"
    assert planned(parameters(profile="triage", rate="2 MiB")).compress == "auto"
    assert planned(parameters(profile="volatile", compress="always")).compress == "always"


def test_files_of_ones_own_cannot_change_what_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(SOUND)
    with pytest.raises(ValidationError, match=r"own.yaml:2:3: a second selection `secrets`"):
        parameters(own=str(tmp_path), profile="ours")


def test_mistakes_in_files_of_ones_own_are_told_on_one_line_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(SOUND.replace("disk", "disc").replace("secrets:", "more:", 1))
    with pytest.raises(ValidationError) as caught:
        parameters(own=str(tmp_path), profile="ours")
    (error,) = caught.value.errors()
    assert "own.yaml:13:17: `volatility` cannot be 'disc', expected 'running'" in error["msg"]
    assert "\n" not in error["msg"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "a `profile`, `artifacts` or `memory`"),
        ({"profile": "triag"}, "no profile 'triag'"),
        ({"artifacts": ["hystories"]}, "no artifact 'hystories'"),
        ({"own": "/nowhere/at/all", "profile": "full"}, "cannot be read"),
    ],
)
def test_what_is_not_there_cannot_be_collected(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        parameters(**given)
