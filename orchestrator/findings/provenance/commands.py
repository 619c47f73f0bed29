"""The programs that a line of shell starts, seen through wrappers and interpreters. Bounded, and nothing is evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.findings.provenance.context import absolute

LONGEST = 4096
"""Characters of a line that are looked at."""
MOST = 32
"""Programs of one line that are told."""
_DEEPEST = 3
_PARTS = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[;&|()`{}<>\n]+|[^\s'"\\;&|()`{}<>]+|\s+|.""", re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_WRAPPERS = frozenset(
    [
        "sudo",
        "doas",
        "env",
        "nice",
        "ionice",
        "nohup",
        "setsid",
        "timeout",
        "exec",
        "command",
        "time",
        "stdbuf",
        "chrt",
        "taskset",
        "systemd-cat",
        "runuser",
        "su",
        "chroot",
        "unshare",
        "nsenter",
        "flock",
        "start-stop-daemon",
        "daemonize",
        "setpriv",
        "capsh",
        "chpst",
        "softlimit",
        "if",
        "then",
        "else",
        "elif",
        "do",
        "while",
        "until",
        "!",
        "eval",
        "builtin",
        "xargs",
        "watch",
        "script",
        "unbuffer",
        "faketime",
        "proot",
        "fakeroot",
        "busybox",
        "systemd-run",
        "at",
        "batch",
    ]
)
_VALUED = frozenset(
    [
        "-u",
        "-g",
        "-n",
        "-c",
        "-s",
        "-k",
        "-t",
        "-p",
        "--user",
        "--group",
        "--exec",
        "--startas",
        "-x",
        "-a",
        "--chuid",
        "-w",
        "--wait",
        "-o",
        "-e",
    ]
)
_SHELL = re.compile(r"^(?:.*/)?(?:ba|da|z|k|a|c|tc|fi)?sh$")
_INTERPRETER = re.compile(
    r"^(?:.*/)?(?:python[0-9.]*|perl[0-9.]*|ruby[0-9.]*|php[0-9.]*|node(?:js)?|lua[0-9.]*|tclsh[0-9.]*)$"
)
_REDIRECTS = re.compile(r"[<>]")


def programs(text: str, directory: str = "", depth: int = 0) -> tuple[str, ...]:
    """Return the programs and scripts that a command line of sh(1) starts, in order, each once, quotes removed.

    The line starts in `directory`, where that is known, and goes where a `cd` of its own goes.

    >>> programs("cd /opt && nice -n 5 env A=1 sh -c './a x; python3 /srv/b.py' >/dev/null")
    ('cd', '/opt/a', '/srv/b.py')
    """
    found: dict[str, None] = {}
    for words in _commands(text[:LONGEST]):
        if words[0] == "cd":
            directory = _entered(words[1:], directory)
        for program in _started(words, directory, depth):
            if len(found) < MOST:
                found[absolute(program, directory)] = None
    return tuple(found)


def _entered(words: list[str], directory: str) -> str:
    """Return the directory after a `cd` with these words; empty where that cannot be known."""
    to = next((word for word in words if word not in {"-P", "-L", "--"}), "~")
    if to.startswith("/"):
        return to
    return "" if not directory or to[0] in "~$-" else absolute(f"./{to}", directory)


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each simple command."""
    words: list[str] = []
    word, begun = "", False
    skip = False
    for part in _PARTS.findall(text):
        if part.isspace() and "\n" not in part:
            if begun:
                words, skip = (words, False) if skip else ([*words, word], False)
            word, begun = "", False
        elif part[0] in ";&|()`{}\n" or part.isspace():
            if begun and not skip:
                words.append(word)
            word, begun, skip = "", False, False
            if words:
                yield words
            words = []
        elif _REDIRECTS.match(part):
            if begun and not skip and not word.isdigit():
                words.append(word)
            word, begun, skip = "", False, True
        else:
            word, begun = word + _unquoted(part), True
    if begun and not skip:
        words.append(word)
    if words:
        yield words


def _unquoted(part: str) -> str:
    if len(part) > 1 and part[0] == part[-1] and part[0] in "'\"":
        return part[1:-1]
    return part[1:] if part[0] == "\\" else part


def _started(words: list[str], directory: str, depth: int) -> Iterator[str]:
    at = 0
    while at < len(words):
        word = words[at]
        name = word.rpartition("/")[2]
        if _ASSIGNMENT.match(word) or word == "":
            at += 1
        elif name in _WRAPPERS or (at and word.startswith("-")):
            if word in {"--exec", "--startas", "-x"} or name in {"su", "runuser", "flock"}:
                inner = words[words.index("-c") + 1 :][:1] if "-c" in words else []
                if inner and depth < _DEEPEST:
                    yield from programs(inner[0], directory, depth + 1)
                    return
            at += 2 if at and word in _VALUED and word not in {"--exec", "--startas", "-x"} else 1
        elif at and word[0].isdigit():
            at += 1
        else:
            break
    if at >= len(words):
        return
    word, rest = words[at], words[at + 1 :]
    if word in {"[", "test", "[["}:
        return
    if word in {".", "source"}:
        yield from rest[:1]
    elif _SHELL.match(word) or _INTERPRETER.match(word):
        yield from _interpreted(word, rest, directory, depth)
    else:
        yield word


def _interpreted(word: str, rest: list[str], directory: str, depth: int) -> Iterator[str]:
    for number, option in enumerate(rest):
        if not option.startswith("-"):
            yield option
            return
        if option.startswith("-") and not option.startswith("--") and ("c" in option or "e" in option[1:2]):
            code = rest[number + 1] if number + 1 < len(rest) else ""
            if _SHELL.match(word) and depth < _DEEPEST:
                yield from programs(code, directory, depth + 1)
            else:
                yield word
            return
        if option == "-m":
            break
    yield word
