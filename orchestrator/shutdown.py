"""Detects commands and units able to shut a host down: a compromised host may not boot again.

The check protects an operator from a slip, in a runbook validated offline; an opaque command (`python3 -c …`, a
script on the host) passes unseen.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

_POWER = {"halt", "kexec", "poweroff", "reboot"}
_SLEEP = {"hibernate", "hybrid-sleep", "sleep", "suspend", "suspend-then-hibernate"}
_SYSTEMCTL_VERBS = (
    _POWER | _SLEEP | {"default", "emergency", "exit", "isolate", "rescue", "soft-reboot", "switch-root"}
)
_DOWN_TARGETS = {
    f"{name}.target" for name in _POWER | _SLEEP | {"emergency", "exit", "rescue", "shutdown", "soft-reboot"}
} | {"ctrl-alt-del.target", *(f"runlevel{level}.target" for level in (0, 1, 6))}
_DOWN_UNITS = _DOWN_TARGETS | {f"systemd-{name}.service" for name in _POWER | _SLEEP | {"soft-reboot"}}
_ESSENTIAL_UNITS = {
    *("basic.target", "default.target", "graphical.target", "local-fs.target", "multi-user.target"),
    *("network.target", "sockets.target", "sysinit.target", "-.slice", "system.slice", "init.scope", "-.mount"),
}
_HARMLESS_OPTIONS = {"-c", "-k", "-w", "--help", "--show", "--version", "--wtmp-only"}
"""shutdown(8), reboot(8): cancel, warn only, write the record only."""
_SYSRQ = "/proc/sysrq-trigger"
_SHELLS = {"ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"}
_KEYWORDS = {"!", "{", "}", "case", "do", "elif", "else", "for", "if", "in", "then", "until", "while"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
_SUBSTITUTION = re.compile(r"\$\(|`|\)")
_DEPTH = 8
"""Deepest nesting of wrappers and shells followed; deeper nesting counts as a shutdown."""


class _Wrapper(NamedTuple):
    valued: tuple[str, ...] = ()
    """Options with the next word as value."""
    operands: int = 0
    """Words of the wrapper itself before the command."""


_WRAPPERS = {
    "busybox": _Wrapper(),
    "chroot": _Wrapper(operands=1),
    "command": _Wrapper(),
    "doas": _Wrapper(("-u", "-C")),
    "env": _Wrapper(("-u", "-C", "--unset", "--chdir")),
    "exec": _Wrapper(("-a",)),
    "flock": _Wrapper(("-w", "-E"), operands=1),
    "ionice": _Wrapper(("-c", "-n", "--class", "--classdata")),
    "nice": _Wrapper(("-n", "--adjustment")),
    "nohup": _Wrapper(),
    "nsenter": _Wrapper(("-t", "--target", "-S", "-G")),
    "runuser": _Wrapper(("-u", "-g", "-G")),
    "setsid": _Wrapper(),
    "stdbuf": _Wrapper(("-i", "-o", "-e")),
    "sudo": _Wrapper(("-u", "-g", "-p", "-C", "-D", "-h", "-r", "-t", "-T", "-U", "--user", "--group", "--chdir")),
    "systemd-run": _Wrapper(("-u", "-p", "-M", "-H", "-E", "--unit", "--property", "--on-active", "--on-calendar")),
    "time": _Wrapper(("-f", "-o")),
    "timeout": _Wrapper(("-k", "-s", "--kill-after", "--signal"), operands=1),
    "unshare": _Wrapper(),
    "xargs": _Wrapper(("-I", "-n", "-L", "-P", "-d", "-s", "-a", "-E")),
}


def shuts_down(argv: Sequence[str], stdin: str | None = None) -> bool:
    """Return True if a command halts, restarts or suspends the host, or leaves the host without services.

    Sees through paths (/sbin/reboot), wrappers (`sudo -n`, `nohup`, `env A=b`, `timeout 5` …), the text of `sh -c`,
    and standard input of a shell or at(1). Pure; reads nothing.

    >>> shuts_down(["sudo", "-n", "reboot"])
    True
    """
    return _command(tuple(argv), stdin, _DEPTH)


def service_shuts_down(name: str, state: Literal["started", "stopped"] | None) -> bool:
    """Return True if the unit's state shuts the host down: reboot.target started, multi-user.target stopped."""
    return (state == "started" and name in _DOWN_UNITS) or (state == "stopped" and name in _ESSENTIAL_UNITS)


def _command(argv: tuple[str, ...], stdin: str | None, depth: int) -> bool:
    while argv and (_ASSIGNMENT.match(argv[0]) or argv[0] in _KEYWORDS):
        argv = argv[1:]
    if not argv:
        return False
    if depth == 0:
        return True
    name, arguments = PurePosixPath(argv[0]).name, argv[1:]
    words = [word for word in arguments if not word.startswith("-")]
    if name in {"shutdown", "openrc-shutdown", *_POWER}:
        quiet = _HARMLESS_OPTIONS & set(arguments)
        return "-e" in arguments or "--exec" in arguments if name == "kexec" else not quiet
    if name in {"init", "telinit"}:
        return bool({"0", "1", "6", "s", "S"} & set(arguments))
    if name in {"systemctl", "loginctl"}:
        return bool(words) and (bool(_SYSTEMCTL_VERBS & set(words[:1])) or _systemctl_unit(words))
    if name in {"pm-hibernate", "pm-suspend", "pm-suspend-hybrid", "rtcwake", "systemd-shutdown"}:
        return True
    if name in {"tee", "dd", "cp"}:
        return any(_SYSRQ in word for word in arguments)
    if name in _SHELLS:
        text = _shell_text(arguments)
        return _script(text if text is not None else stdin or "", depth - 1)
    if name == "su":
        return any(_script(word, depth - 1) for word in _after_option_c(arguments))
    if name in {"at", "batch"}:
        return _script(stdin or "", depth - 1)
    if name == "eval":
        return _script(" ".join(arguments), depth - 1)
    if wrapper := _WRAPPERS.get(name):
        return _command(_wrapped(arguments, wrapper), stdin, depth - 1)
    return False


def _systemctl_unit(words: Sequence[str]) -> bool:
    verb, *units = words
    if verb in {"start", "restart", "reload-or-restart"}:
        return any(unit in _DOWN_UNITS for unit in units)
    return verb == "stop" and any(unit in _ESSENTIAL_UNITS for unit in units)


def _wrapped(arguments: tuple[str, ...], wrapper: _Wrapper) -> tuple[str, ...]:
    rest = list(arguments)
    operands = wrapper.operands
    while rest:
        word = rest[0]
        if word == "--":
            rest.pop(0)
        elif word in wrapper.valued:
            del rest[:2]
        elif word.startswith("-") or _ASSIGNMENT.match(word):
            rest.pop(0)
        elif operands:
            operands -= 1
            rest.pop(0)
        else:
            break
    return tuple(rest)


def _shell_text(arguments: tuple[str, ...]) -> str | None:
    return next(_after_option_c(arguments), None)


def _after_option_c(arguments: tuple[str, ...]) -> Iterator[str]:
    """Yield the word after `-c`, alone or combined as in `-lc`."""
    for place, word in enumerate(arguments):
        if re.fullmatch(r"-[a-z]*c[a-z]*|--command", word):
            yield from [w for w in arguments[place + 1 :] if not w.startswith("-")][:1]
            return


def _script(text: str, depth: int) -> bool:
    if depth <= 0:
        return bool(text.strip())
    piped = ""
    for simple, redirected in _simple_commands(text):
        if any(_SYSRQ in word for word in redirected):
            return True
        if _command(simple, piped, depth):
            return True
        if any(
            _script(part, depth - 1)
            for word in simple
            if _SUBSTITUTION.search(word)
            for part in _SUBSTITUTION.split(word)[1:]
        ):
            return True
        piped = " ".join(simple[1:]) if simple and simple[0] in {"echo", "printf"} else ""
    return False


def _simple_commands(text: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Split shell text into simple commands, each with the files of its output redirections."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars=";&|()<>`\n")
    lexer.whitespace, lexer.commenters = " \t\r", ""
    simple: list[str] = []
    redirected: list[str] = []
    into_file = False
    try:
        for token in lexer:
            if token and set(token) <= set(";&|()`\n<>"):
                into_file = ">" in token
                if not set(token) & set("<>") or set(token) & set(";|()`\n"):
                    yield tuple(simple), tuple(redirected)
                    simple, redirected = [], []
            elif into_file:
                redirected.append(token)
                into_file = False
            else:
                simple.append(token)
    except ValueError:  # an open quote: no shell would run the text
        pass
    yield tuple(simple), tuple(redirected)
