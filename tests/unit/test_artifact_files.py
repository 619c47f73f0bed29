"""Files of artifacts: what they say becomes scripts, and every mistake in them is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.source import InvalidInput
from tasks.evidence.catalogue import Catalogue, load

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
    volatility: disk
    suffix: tar
    cap: 10 MiB
    reads:
      - kind: archive
        paths: [/opt/app]
        tests: "@ours -mtime -30"
  - id: workers
    about: Its workers.
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
        ("cap: 10 MiB", "cap: 10 MB", "own.yaml:13:10", "'10 MB' is no size"),
        ("-mtime -30", "-delete", "own.yaml:17:16", "find(1) is not given -delete"),
        ("-mtime -30", "-exec rm {} +", "own.yaml:17:16", "find(1) is not given -exec"),
        ("-mtime -30", "-name $(id)", "own.yaml:17:16", "is no word that find(1) gets"),
        ("@ours", "@our", "own.yaml:17:16", "no selection `our`"),
        ("appctl list", "appctl list; id", "own.yaml:23:20", "cannot be 'appctl list; id'"),
        ("kind: archive", "kind: archives", "own.yaml:15:15", "cannot be"),
        ("volatility: disk", "volatility: disc", "own.yaml:11:17", "did you mean disk?"),
        ("[/opt/app]", "[/opt/$app]", "own.yaml:16:17", "cannot be '/opt/$app'"),
        ("[application, workers]", "[application, worker]", "own.yaml:27:30", "did you mean workers?"),
        ("id: workers", "id: application", "own.yaml:18:9", "a second artifact `application`"),
        ("id: workers", "id: ../etc", "own.yaml:18:9", "cannot be '../etc'"),
        ('named: ["*.conf", "*.ini"]', "named: []", "own.yaml:6:5", "a selection has one of"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, place: str, said: str) -> None:
    found = "\n".join(problems(tmp_path, old, new))
    assert place in found
    assert said in found


def test_a_script_is_one_of_stopgaps_own(tmp_path: Path) -> None:
    run = "kind: run\n        commands: [appctl list, [appctl peers, ss -a -n]]"
    found = "\n".join(problems(tmp_path, run, "kind: script\n        name: hidden_proceses"))
    assert "did you mean hidden_processes?" in found
