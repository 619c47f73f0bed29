"""A playbook of Ansible's as a runbook: what is mapped, and what is dropped and named. Nothing of it runs here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from stopgap.orchestrator.exchange.ansible import keywords
from stopgap.orchestrator.exchange.ansible.files import Files
from stopgap.orchestrator.exchange.ansible.modules import Arguments, bare, mapping_of, step_of
from stopgap.orchestrator.exchange.ansible.values import NoCounterpart, jinja_in, pairs, switch
from stopgap.orchestrator.exchange.imported import Imported, line, literal, may_destroy
from stopgap.orchestrator.exchange.runbook_text import runbook_yaml
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.source import InvalidInput, Loc, Located, Position, Problem, quoted
from stopgap.orchestrator.text import Text, joined, tr

MOST_STEPS = 200
_NO_FILES = Files()


def imported(document: Located, files: Files = _NO_FILES) -> Imported:
    """Return the runbook of a playbook.

    Args:
        document: as `read_playbook` gives it.
        files: what `copy` and `template` may read; by default nothing.

    Raises:
        InvalidInput: not one task has a counterpart, or there are too many; each reason with its line.
    """
    return _Import(document, files).whole()


@dataclass
class _Import:
    document: Located
    files: Files
    steps: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[tuple[Position, Text]] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)
    hosts: object = None
    """The hosts of the first play that is taken; a runbook acts on the same hosts throughout."""

    def whole(self) -> Imported:
        """Return the runbook."""
        for index in range(len(self.document.data)):
            self._play((index,))
        self.dropped.sort(key=lambda each: each[0])
        if not self.steps:
            problem = self.document.problem((), tr("it has no task that a runbook could do"))
            reasons = [Problem(self.document.path, text, position) for position, text in self.dropped]
            raise InvalidInput([problem, *reasons[:MOST_STEPS]])
        if len(self.steps) > MOST_STEPS:
            raise InvalidInput([self.document.problem((), tr("it has more than {most} steps", most=MOST_STEPS))])
        first = self.document.data[0]
        name = line(first.get("name") if isinstance(first, Mapping) else None, "Imported playbook")
        text = runbook_yaml({"name": name, "steps": self.steps})
        dropped = tuple(dict.fromkeys(text for _, text in self.dropped))
        return Imported(text, len(self.steps), dropped, tuple(dict.fromkeys(self.warnings)))

    def _play(self, loc: Loc) -> None:
        play = self.document.at(loc)
        if not isinstance(play, Mapping):
            self._drop(loc, tr("it is no play"))
            return
        if (why := self._play_refused(play)) is not None:
            self._drop(loc, why)
            return
        self.hosts = play["hosts"] if self.hosts is None else self.hosts
        for key in play:
            if key in keywords.SECTIONS or key == "name":
                continue
            if key == "hosts":
                why = tr(
                    "hosts {hosts}: a runbook acts on the hosts that a run names with -t", hosts=_shown(play[key])
                )
                self._drop((*loc, key), why)
            elif key in {"roles", "handlers"} and isinstance(play[key], list):
                for index in range(len(play[key])):
                    self._drop((*loc, key, index), tr("{key} have no counterpart", key=key))
            else:
                self._drop((*loc, key), tr("{key} has no counterpart in a runbook", key=quoted(key)))
        for section in keywords.SECTIONS:
            entries = play.get(section)
            if not isinstance(entries, list):
                if entries is not None:
                    self._drop((*loc, section), tr("it is no list of tasks"))
                continue
            for index in range(len(entries)):
                self._task((*loc, section, index))

    def _play_refused(self, play: Mapping[str, Any]) -> Text | None:
        if "hosts" not in play:
            return tr("it is no play with `hosts`, and what it leads to is not read")
        if changed := keywords.changing(play, keywords.IDLE_IN_PLAY):
            # A play without `become` is one with `become: false`.
            changed = [key for key in changed if key != "become" or not keywords.is_off(play[key])]
        if changed:
            return _changed(changed)
        if keywords.names_this_machine(play["hosts"]):
            return tr("the play acts on this machine, and a runbook on the hosts of a run")
        if self.hosts is not None and play["hosts"] != self.hosts:
            return tr("the play has other hosts than the first one; import it from a file of its own")
        return None

    def _task(self, loc: Loc) -> None:
        task = self.document.at(loc)
        if not isinstance(task, Mapping):
            self._drop(loc, tr("it is no task"))
            return
        modules = [key for key in task if key not in keywords.OF_TASK and not key.startswith("with_")]
        try:
            if changed := keywords.changing(task, {*keywords.IDLE_IN_TASK, *modules}):
                raise NoCounterpart(_changed(changed))
            if len(modules) != 1:
                raise NoCounterpart(tr("it has no module, or more than one"))
            step = self._step(loc, task, modules[0])
        except NoCounterpart as error:
            self._drop(loc, error.why)
            return
        self._warn(loc, step)
        self.steps.append(step)
        for key in task:
            if key in keywords.NAMED_IN_TASK:
                self._drop((*loc, key), tr("{key} has no counterpart in a runbook", key=quoted(key)))

    def _step(self, loc: Loc, task: Mapping[str, Any], module: str) -> dict[str, Any]:
        mapping = mapping_of(module)
        made = step_of(mapping, self._arguments(loc, task, module))
        try:
            tasks()[made["task"]].Params.model_validate(made["with"])
        except ValidationError:
            raise NoCounterpart(tr("its values do not fit {task}", task=made["task"])) from None
        step = {"name": line(task.get("name"), bare(module)), **made, "with": _literal(made["with"])}
        if "ignore_errors" in task and switch(task["ignore_errors"], "ignore_errors"):
            step["on_failure"] = "continue"
        return step

    def _arguments(self, loc: Loc, task: Mapping[str, Any], module: str) -> Arguments:
        places: dict[str, Loc] = {}
        written: dict[str, str] = {}
        for key in (module, "args"):
            value = task.get(key)
            if isinstance(value, Mapping):
                if places.keys() & value.keys():
                    raise NoCounterpart(tr("an argument stands twice"))
                places |= {name: (*loc, key, name) for name in value}
            elif isinstance(value, str) and key == module:
                if jinja_in(value):
                    raise NoCounterpart(tr("it has an expression of Jinja's; write the value out"))
                if bare(module) in {"command", "shell"}:
                    places["_raw_params"] = (*loc, key)
                else:
                    written = pairs(value)
            elif value is not None:
                raise NoCounterpart(tr("its arguments are neither a mapping nor words"))
        if places.keys() & written.keys():
            raise NoCounterpart(tr("an argument stands twice"))
        return Arguments(self.document, places, written, self.files)

    def _warn(self, loc: Loc, step: Mapping[str, Any]) -> None:
        values = step["with"]
        if may_destroy(step):
            self._say(loc, tr("it may destroy evidence before any is kept"))
        if values.get("absent"):
            self._say(loc, tr("Ansible removes a directory with all in it; Stopgap only an empty one"))
        if values.get("directory"):
            self._say(loc, tr("Ansible makes the directories above as well; Stopgap does not"))

    def _say(self, loc: Loc, text: Text) -> None:
        self.warnings.append(tr("{place}: {why}", place=self._place(loc), why=text))

    def _drop(self, loc: Loc, why: str) -> None:
        position = self.document.key(loc)
        self.dropped.append((position, tr("{place}: {why}", place=self._place(loc), why=why)))

    def _place(self, loc: Loc) -> Text:
        """Return line, play and task of a place."""
        where = {"line": self.document.key(loc).line, "play": int(loc[0]) + 1}
        if len(loc) < 3:
            return tr("line {line}, play {play}", **where)
        section, number = str(loc[1]), int(loc[2]) + 1
        entry = self.document.at(loc[:3])
        name = entry.get("name", entry.get("role")) if isinstance(entry, Mapping) else entry
        if not isinstance(name, str):
            return tr("line {line}, play {play}, {section} {number}", **where, section=section, number=number)
        return tr(
            "line {line}, play {play}, {section} {number} ({name})",
            **where,
            section=section,
            number=number,
            name=line(name, "?"),
        )


def _changed(keys: Iterable[str]) -> Text:
    return tr("without {keys} it would do something else", keys=joined(" and ", map(quoted, keys)))


def _literal(value: Any) -> Any:  # noqa: ANN401
    """Return parameters whose texts a template renders to the same texts."""
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, Mapping):
        return {key: _literal(each) for key, each in value.items()}
    return [_literal(each) for each in value] if isinstance(value, list) else value


def _shown(hosts: object) -> str:
    return line(", ".join(map(str, _flat(hosts))), "?")


def _flat(hosts: object) -> Iterator[object]:
    if isinstance(hosts, list):
        yield from hosts
    else:
        yield hosts
