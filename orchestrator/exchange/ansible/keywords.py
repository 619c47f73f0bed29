"""Keywords of plays and tasks: which of them can be left out, and which make a task another one.

A keyword that is not known here makes a task, or a play, another one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from stopgap.orchestrator.exchange.ansible.values import NoCounterpart, switch

SECTIONS = ("pre_tasks", "tasks", "post_tasks")
"""The lists of tasks of a play, in the order in which Ansible takes them."""
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
NAMED_IN_TASK = frozenset({
    "become", "become_method", "become_user", "changed_when", "debugger", "diff", "notify", "register", "tags",
})  # fmt: skip
"""Keywords without which a task does the same; each is named as dropped."""
IDLE_IN_TASK = NAMED_IN_TASK | {"name", "args", "ignore_errors"}
IDLE_IN_PLAY = {
    *SECTIONS, "any_errors_fatal", "become", "become_method", "become_user", "debugger", "diff", "fact_path",
    "force_handlers", "gather_facts", "gather_subset", "gather_timeout", "handlers", "hosts", "max_fail_percentage",
    "name", "order", "roles", "serial", "strategy", "tags", "throttle", "vars", "vars_files", "vars_prompt",
}  # fmt: skip
OF_TASK = IDLE_IN_TASK | {
    "action", "always", "any_errors_fatal", "async", "become_exe", "become_flags", "block", "check_mode",
    "collections", "connection", "delay", "delegate_facts", "delegate_to", "environment", "failed_when",
    "ignore_unreachable", "listen", "local_action", "loop", "loop_control", "module_defaults", "no_log", "poll",
    "port", "remote_user", "rescue", "retries", "run_once", "throttle", "timeout", "until", "vars", "when",
}  # fmt: skip
_HARMLESS_VARIABLE = "ansible_python_interpreter"


def changing(entry: Mapping[str, Any], idle: Collection[str]) -> list[str]:
    """Return the keywords of a play or task that make it do something else than without them."""
    return [key for key in entry if key not in idle or (key in _CHANGES and _CHANGES[key](entry[key]))]


def names_this_machine(hosts: object) -> bool:
    """Return True where the hosts of a play have this machine among them."""
    patterns = hosts if isinstance(hosts, list) else [hosts]
    return any(not _THIS_MACHINE.isdisjoint(str(each).replace(",", " ").split()) for each in patterns)


def is_off(value: object) -> bool:
    """Return True for what Ansible reads as false."""
    return not _not_switch(value) and not switch(value, "")


def _never(tags: object) -> bool:
    """Tell tags with which a task runs only where somebody asks for it."""
    words = tags if isinstance(tags, list) else str(tags).split(",")
    return any("never" in str(word) or "{" in str(word) for word in words)


def _not_switch(value: object) -> bool:
    try:
        switch(value, "")
    except NoCounterpart:
        return True
    return False


def _of_ansible(variables: object) -> bool:
    """Tell variables that change how Ansible reaches a host, or acts there."""
    if not isinstance(variables, Mapping):
        return variables is not None
    return any(str(name).startswith("ansible_") and name != _HARMLESS_VARIABLE for name in variables)


_CHANGES: Mapping[str, Callable[[object], bool]] = {
    "become": lambda value: _not_switch(value) or not switch(value, ""),
    "become_user": lambda value: value != "root",
    "become_method": lambda value: value not in {"sudo", "su", "doas"} if isinstance(value, str) else True,
    "ignore_errors": _not_switch,
    "tags": _never,
    "vars": _of_ansible,
}
