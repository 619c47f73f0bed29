"""Sources of secrets, all on the controller; no host takes part."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.secret.agreement import is_agreed
from stopgap.orchestrator.text import tr

COMMAND_DEADLINE = 30.0
"""Timeout of a command, in seconds."""
LONGEST = 64 << 10
"""Bytes of a value."""

EXPECTED = tr("where it is to be had: env:NAME, file:/PATH, keyring:SERVICE/USER, command:WORDS or ask:WORDS")
PATTERN = r"^(env|file|keyring|command|ask):.+"


class SecretError(Error):
    """A secret cannot be fetched. The message names the reference and the reason, and no part of a value."""


def validated(reference: object) -> str:
    """Return a valid reference; raises Unfit, without repeating a possible secret value."""
    kind, colon, rest = reference.partition(":") if isinstance(reference, str) else ("", "", "")
    if not colon or kind not in _KINDS:
        reason = tr("a value would stand in the process list, in the shell's history and in this file's copies")
        _refuse(tr("a secret is given by a reference, never by its value"), EXPECTED, reason)
    if not rest.isprintable():
        _refuse(tr("this {kind}: reference has characters that cannot be shown", kind=kind), EXPECTED)
    _KINDS[kind].check(rest)
    return f"{kind}:{rest}"


def fetch(reference: str) -> str:
    """Return the secret value without a final newline. Raises SecretError."""
    kind, _, rest = reference.partition(":")
    try:
        value = _KINDS[kind].fetch(rest)
    except SecretError as error:
        raise SecretError(f"{reference}: {error}") from None
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise SecretError(tr("{reference}: it is empty", reference=reference))
    return value


def _refuse(message: str, expected: str, hint: str | None = None) -> NoReturn:
    from stopgap.orchestrator.source import Unfit  # noqa: PLC0415 - the reader of YAML costs time that `status` need not wait

    raise Unfit(message, expected, hint)


def _check_env(name: str) -> None:
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        _refuse(tr("this is no name of an environment variable"), tr("env:NAME, of letters, digits and underscores"))


def _from_env(name: str) -> str:
    if name not in os.environ:
        raise SecretError(tr("this variable is not set"))
    return os.environ[name]


def _check_file(path: str) -> None:
    if not path.startswith(("/", "~/")):
        _refuse(
            tr("a secret's file is not named in full"), tr("file:/PATH or file:~/PATH, so that `resume` finds it too")
        )


def _from_file(path: str) -> str:
    try:
        with Path(path).expanduser().open("rb") as file:
            return _text(file.read(LONGEST + 1))
    except (OSError, RuntimeError) as error:
        raise SecretError(getattr(error, "strerror", None) or tr("there is no home directory")) from None


def _check_keyring(entry: str) -> None:
    service, slash, user = entry.rpartition("/")
    if not (service and slash and user):
        _refuse(tr("this names no entry of a keyring"), "keyring:SERVICE/USER")


def _from_keyring(entry: str) -> str:
    service, _, user = entry.rpartition("/")
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        raise SecretError(
            tr("the package keyring is not installed; `pip install stopgap[keyring]` adds it")
        ) from None
    try:
        value = keyring.get_password(service, user)
    except Exception as error:  # keyring back ends raise many types
        raise SecretError(tr("the keyring failed: {name}", name=type(error).__name__)) from None
    if value is None:
        raise SecretError(tr("the keyring has no such entry"))
    return str(value)


def _check_command(line: str) -> None:
    try:
        argv = shlex.split(line)
    except ValueError:
        argv = []
    if not argv:
        _refuse(
            tr("this command cannot be split into words"),
            tr("command:WORDS, quoted as for a shell that expands nothing"),
        )


def _from_command(line: str) -> str:
    """Run the command without a shell; standard error of the command goes to the operator's terminal."""
    argv = shlex.split(line)
    if not is_agreed(f"command:{line}"):
        raise SecretError(tr("nobody has agreed to run this command; `stopgap trust FILE` asks"))
    try:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
    except OSError as error:
        raise SecretError(f"{argv[0]}: {error.strerror}") from None
    try:
        value, _ = process.communicate(timeout=COMMAND_DEADLINE)
    except subprocess.TimeoutExpired:
        raise SecretError(
            tr("no answer within {command_deadline} s", command_deadline=f"{COMMAND_DEADLINE:.0f}")
        ) from None
    finally:
        if process.poll() is None:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode != 0:
        raise SecretError(tr("exit status {returncode}", returncode=process.returncode))
    return _text(value)


def _check_words(words: str) -> None:
    if not words.strip():
        _refuse(tr("this asks for nothing"), tr("ask:WORDS, such as ask:password of the mail server"))


def _from_terminal(words: str) -> str:
    """Ask at the process's terminal; a process of the agent's has no terminal, and asks at the client's."""
    from getpass import getpass  # noqa: PLC0415

    try:
        with Path("/dev/tty" if _has_terminal() or not os.isatty(0) else os.ttyname(0)).open("w") as terminal:
            return getpass(f"{words}: ", terminal)
    except (OSError, EOFError):
        raise SecretError(tr("there is no terminal to ask on")) from None


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _text(data: bytes) -> str:
    if len(data) > LONGEST:
        raise SecretError(tr("it is longer than {longest} KiB", longest=LONGEST >> 10))
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise SecretError(tr("it is not UTF-8 text")) from None


class _Kind:
    def __init__(self, check: Callable[[str], None], fetch: Callable[[str], str]) -> None:
        self.check = check
        self.fetch = fetch


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "env": _Kind(_check_env, _from_env),
        "file": _Kind(_check_file, _from_file),
        "keyring": _Kind(_check_keyring, _from_keyring),
        "command": _Kind(_check_command, _from_command),
        "ask": _Kind(_check_words, _from_terminal),
    }
)
