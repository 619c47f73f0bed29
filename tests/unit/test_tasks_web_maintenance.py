"""Planning twice: what the changes of a first plan foresee leaves a second one nothing to do."""

import pytest

from stopgap.orchestrator.change import Activate, Change, PathChange
from stopgap.orchestrator.facts import FileFact, ListenerFact, ProgramFact, SystemFact, UnitFact
from stopgap.orchestrator.host import Host, Scene
from stopgap.tasks.web.layout import Facts
from stopgap.tasks.web.maintenance import ApacheMaintenance
from stopgap.tasks.web.params import Params

SPARE = Host(name="spare", address="203.0.113.20")
SCENE = Scene(target=Host(name="web", address="203.0.113.10"), on=SPARE, spare=SPARE)
TASK = ApacheMaintenance()
PARAMS = Params(contact="noc@example.jp")
DEBIAN = "apache2ctl", "apache2.service"
RED_HAT = "httpd", "httpd.service"


def found(program: str, unit: str, **more: object) -> Facts:
    return Facts.model_validate(
        {
            "system": SystemFact(init="systemd"),
            "units": (UnitFact(name=unit, load="loaded", active="active", enabled="enabled"),),
            "listeners": (ListenerFact.model_validate({"address": "0.0.0.0", "port": 80}),),
            program: ProgramFact(status=0),
            "folders": {"/etc/httpd/conf.d": FileFact(kind="directory", mode=0o755)} if program == "httpd" else {},
            "www": FileFact(kind="directory", mode=0o755),
            **more,
        }
    )


def changes(params: Params, facts: Facts) -> list[Change]:
    return [p for p in TASK.plan(params, facts, SCENE) if isinstance(p, Change)]


def after(facts: Facts, made: list[Change]) -> Facts:
    """The facts as they will be read once the changes are made."""
    fields = {reader: name for name, reader in TASK.probe(PARAMS, SCENE).items()}
    predicted = {reader: fact for change in made for reader, fact in change.predicted().items()}
    update: dict[str, object] = {}
    for reader, fact in predicted.items():
        field, dot, key = fields[reader].partition(".")
        update[field] = {**getattr(facts, field), **update.get(field, {}), key: fact} if dot else fact  # type: ignore[dict-item]
    return facts.model_copy(update=update)


@pytest.mark.parametrize("layout", [DEBIAN, RED_HAT])
@pytest.mark.parametrize("mode", ["strong", "letter"])
def test_a_second_plan_has_nothing_to_do(layout: tuple[str, str], mode: str) -> None:
    params = Params.model_validate({"contact": "noc@example.jp", "mode": mode})
    facts = found(*layout)
    first = changes(params, facts)
    assert first
    assert changes(params, after(facts, first)) == []


@pytest.mark.parametrize("layout", [DEBIAN, RED_HAT])
def test_other_words_change_the_pages_alone_and_apache_is_not_reloaded(layout: tuple[str, str]) -> None:
    facts = found(*layout)
    facts = after(facts, changes(PARAMS, facts))
    other = Params.model_validate({"contact": "noc@example.jp", "message": {"en": "Back at noon."}})
    again = changes(other, facts)
    assert [c.path.rpartition("/")[2] for c in again if isinstance(c, PathChange)] == [
        "maintenance.en.html",
        "maintenance.ja.html",
        "maintenance.json",
        "maintenance.txt",
    ]
    assert not any(isinstance(c, Activate) for c in again)


def test_another_time_to_come_back_changes_the_configuration_alone() -> None:
    facts = found(*DEBIAN)
    facts = after(facts, changes(PARAMS, facts))
    other = Params.model_validate({"contact": "noc@example.jp", "retry_after": "2h"})
    configuration, activation = changes(other, facts)
    assert isinstance(configuration, PathChange)
    assert "+    Header always set Retry-After 7200" in configuration.preview()
    assert isinstance(activation, Activate)


def test_what_lies_in_the_way_of_the_page_is_restored_by_the_undo() -> None:
    facts = found(*DEBIAN, page_en=FileFact(kind="file", mode=0o600, content=b"older"))
    replaced = next(c for c in changes(PARAMS, facts) if isinstance(c, PathChange) and "en.html" in c.path)
    assert replaced.describe_undo() == "restore /var/www/stopgap/maintenance.en.html (file, 0600)"
