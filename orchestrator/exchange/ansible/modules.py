"""The modules of Ansible's that a task of Stopgap does as well, argument by argument; anything else is refused."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from stopgap.orchestrator.exchange.ansible.files import Files
from stopgap.orchestrator.exchange.ansible.values import NoCounterpart, bounded, jinja_in, switch, text_at
from stopgap.orchestrator.exchange.imported import COMMAND_TASK, CONFIRM
from stopgap.orchestrator.source import Loc, Located, quoted
from stopgap.orchestrator.text import tr

_FILE_TASK, _SERVICE_TASK = "host.file", "host.service"
_PREFIXES = ("ansible.builtin.", "ansible.legacy.")
_MODE = re.compile("[0-7]{3,4}")
_VARIABLE = re.compile(r"\$(\w|\{)")
_OPTION = re.compile(
    "(creates|removes|chdir|executable|warn|stdin|stdin_add_newline|strip_empty_ends|expand_argument_vars)="
)
_FREE = "_raw_params"
"""Where the words of a command stand that is written as one text."""


@dataclass(frozen=True)
class Arguments:
    """The arguments of one module, each with its place in the document."""

    document: Located
    places: Mapping[str, Loc]
    """For arguments that are values of the document."""
    written: Mapping[str, str]
    """For arguments that are written as `key=value` in one line."""
    files: Files

    def __contains__(self, key: str) -> bool:
        return key in self.places or key in self.written

    def names(self) -> set[str]:
        """Return the names of all arguments."""
        return {*self.places, *self.written}

    def value(self, key: str) -> Any:  # noqa: ANN401
        """Return a value as it is in the document."""
        return self.written[key] if key in self.written else self.document.at(self.places[key])

    def text(self, key: str) -> str:
        """Return a value as a text. Raises NoCounterpart."""
        return bounded(self.written[key]) if key in self.written else text_at(self.document, self.places[key])

    def switch(self, key: str) -> bool:
        """Return a value as true or false. Raises NoCounterpart."""
        return switch(self.value(key), key)

    def only(self, *known: str, idle: Mapping[str, bool] | None = None) -> None:
        """Refuse an argument that is neither known nor has the value with which it does nothing."""
        for key in sorted(self.names() - set(known)):
            if idle is None or key not in idle or self.switch(key) != idle[key]:
                raise NoCounterpart(tr("its argument {key} has no counterpart", key=quoted(key)))

    def one_of(self, *names: str) -> str:
        """Return the text of an argument with several names. Raises NoCounterpart."""
        given = [name for name in names if name in self]
        if len(given) != 1:
            raise NoCounterpart(tr("exactly one of {names} is needed", names=", ".join(names)))
        return self.text(given[0])


Mapped: TypeAlias = tuple[str, dict[str, Any]]
"""The name of a task, and its parameters."""
Mapper: TypeAlias = Callable[[Arguments], Mapped]


def bare(module: str) -> str:
    """Return the name of a module without the collection that every Ansible has.

    >>> bare("ansible.builtin.copy")
    'copy'
    """
    return next((module.removeprefix(prefix) for prefix in _PREFIXES if module.startswith(prefix)), module)


def mapping_of(module: str) -> Mapper:
    """Return what makes a task of a module's arguments. Raises NoCounterpart."""
    mapping = _MODULES.get(bare(module))
    if mapping is None:
        raise NoCounterpart(tr("the module {name} has no counterpart in Stopgap", name=quoted(module)))
    return mapping


def step_of(mapping: Mapper, arguments: Arguments) -> dict[str, Any]:
    """Return the task, parameters and question of a step. Raises NoCounterpart."""
    if any(jinja_in(arguments.value(key)) for key in arguments.names()):
        raise NoCounterpart(tr("it has an expression of Jinja's; write the value out"))
    task, values = mapping(arguments)
    made: dict[str, Any] = {"task": task, "with": values}
    return {**made, "confirm": CONFIRM} if task == COMMAND_TASK else made


def _service(arguments: Arguments) -> Mapped:
    arguments.only("name", "state", "enabled")
    return _SERVICE_TASK, _wished(arguments, arguments.one_of("name"))


def _systemd(arguments: Arguments) -> Mapped:
    names = ("name", "service", "unit")
    idle = {"daemon_reload": False, "daemon-reload": False, "daemon_reexec": False, "no_block": False, "force": False}
    known = {"scope"} if "scope" in arguments and arguments.value("scope") == "system" else set()
    arguments.only(*names, "state", "enabled", "masked", *known, idle=idle)
    values = _wished(arguments, arguments.one_of(*names))
    if "masked" in arguments:
        if not arguments.switch("masked") or "enabled" in arguments:
            raise NoCounterpart(tr("`masked` has a counterpart only where it is true, and without `enabled`"))
        values["enabled"] = "masked"
    return _SERVICE_TASK, values


def _wished(arguments: Arguments, name: str) -> dict[str, Any]:
    values: dict[str, Any] = {"name": name}
    if "state" in arguments:
        values["state"] = _one("state", arguments.text("state"), "started", "stopped")
    if "enabled" in arguments:
        values["enabled"] = arguments.switch("enabled")
    return values


def _one(key: str, value: str, *known: str) -> str:
    if value not in known:
        raise NoCounterpart(tr("{key}: {value} has no counterpart", key=key, value=quoted(value)))
    return value


def _copy(arguments: Arguments) -> Mapped:
    arguments.only("dest", "content", "src", "mode", idle={"backup": False, "force": True, "remote_src": False})
    values = {"path": _path(arguments.one_of("dest"))}
    if ("src" in arguments) == ("content" in arguments):
        raise NoCounterpart(tr("exactly one of {names} is needed", names="content, src"))
    if "content" in arguments:
        values["content"] = arguments.text("content")
    else:
        values["content"] = arguments.files.text(arguments.text("src"), "files")
    return _FILE_TASK, {**values, **_mode(arguments)}


def _template(arguments: Arguments) -> Mapped:
    arguments.only("dest", "src", "mode", idle={"backup": False, "force": True})
    path = _path(arguments.one_of("dest"))
    text = arguments.files.text(arguments.one_of("src"), "templates")
    if jinja_in(text) or text.startswith("#jinja2:") or "\r" in text:
        raise NoCounterpart(tr("the template has an expression of Jinja's"))
    return _FILE_TASK, {"path": path, "content": text, **_mode(arguments)}


def _file(arguments: Arguments) -> Mapped:
    names = ("path", "dest", "name")
    arguments.only(*names, "state", "src", "mode", idle={"recurse": False, "force": False})
    values: dict[str, Any] = {"path": _path(arguments.one_of(*names))}
    state = _one("state", arguments.text("state") if "state" in arguments else "file", "absent", "directory", "link")
    if ("src" in arguments) != (state == "link") or ("mode" in arguments and state != "directory"):
        raise NoCounterpart(tr("its arguments do not fit the state {state}", state=state))
    if state == "link":
        values["link_to"] = _without_variable(arguments.text("src"))
    else:
        values[state] = True
    return _FILE_TASK, {**values, **_mode(arguments)}


def _path(text: str) -> str:
    if not text.startswith("/") or text.endswith("/"):
        raise NoCounterpart(tr("the path has to be absolute, and without a slash at the end"))
    return _without_variable(text)


def _without_variable(text: str) -> str:
    if _VARIABLE.search(text) or text.startswith("~"):
        raise NoCounterpart(tr("Ansible puts a value of the host in place of {word}", word=quoted(text)))
    return text


def _mode(arguments: Arguments) -> dict[str, str]:
    if "mode" not in arguments:
        return {}
    mode = arguments.value("mode")
    # A number without a leading zero is decimal for Ansible: 644 sets other bits than '0644'.
    if not isinstance(mode, str) or not _MODE.fullmatch(mode):
        raise NoCounterpart(tr("the mode has to be octal and in quotes, such as '0644'"))
    return {"mode": mode}


def _command(arguments: Arguments) -> Mapped:
    forms = (_FREE, "cmd", "argv")
    arguments.only(
        *forms, "creates", "stdin",
        idle={"strip_empty_ends": True, "stdin_add_newline": True, "expand_argument_vars": True},
    )  # fmt: skip
    words = _words(arguments, forms)
    return COMMAND_TASK, {"argv": [_without_variable(word) for word in words], **_around(arguments)}


def _words(arguments: Arguments, forms: tuple[str, ...]) -> list[str]:
    if "argv" not in arguments or _FREE in arguments or "cmd" in arguments:
        text = _one_text(arguments, forms)
        try:
            words = shlex.split(text)
        except ValueError:
            words = []
        if "\\\n" in text or (_FREE in arguments and any(map(_OPTION.match, words))) or not words:
            _unclear()
        return words
    given = arguments.value("argv")
    if not isinstance(given, list) or not given:
        _unclear()
    return [text_at(arguments.document, (*arguments.places["argv"], index)) for index in range(len(given))]


def _shell(arguments: Arguments) -> Mapped:
    forms = (_FREE, "cmd")
    arguments.only(*forms, "creates", "stdin", "executable", idle={"stdin_add_newline": True})
    text = _one_text(arguments, forms)
    if not text.strip() or (_FREE in arguments and _has_option(text)):
        _unclear()
    shell = _without_variable(arguments.text("executable")) if "executable" in arguments else "sh"
    if any(mark.isspace() for mark in shell):
        _unclear()
    return COMMAND_TASK, {"argv": [shell, "-c", text], **_around(arguments)}


def _one_text(arguments: Arguments, forms: tuple[str, ...]) -> str:
    given = [form for form in forms if form in arguments]
    if len(given) != 1:
        _unclear()
    return arguments.text(given[0])


def _has_option(text: str) -> bool:
    return any(map(_OPTION.match, text.split()))


def _unclear() -> NoReturn:
    raise NoCounterpart(tr("the words of the command cannot be told apart; write `argv`, or `cmd`"))


def _around(arguments: Arguments) -> dict[str, str]:
    values = {}
    if "creates" in arguments:
        values["creates"] = _path(arguments.text("creates"))
        if any(mark in values["creates"] for mark in "*?["):
            raise NoCounterpart(tr("`creates` with a pattern has no counterpart"))
    if "stdin" in arguments:
        values["stdin"] = arguments.text("stdin") + "\n"  # Ansible ends the input with a newline.
    return values


_MODULES: Mapping[str, Mapper] = {
    "command": _command,
    "copy": _copy,
    "file": _file,
    "service": _service,
    "shell": _shell,
    "systemd": _systemd,
    "systemd_service": _systemd,
    "template": _template,
}
