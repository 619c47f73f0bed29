"""Detection of the tool behind an inventory, and the call of the tool."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stopgap.orchestrator.inventory.foreign.ansible import from_listing
from stopgap.orchestrator.inventory.foreign.login import destination
from stopgap.orchestrator.inventory.foreign.model import HostFields, Understood, fitting_name
from stopgap.orchestrator.inventory.foreign.ssh_config import from_ssh_config, login_of
from stopgap.orchestrator.source import InvalidInput, Problem

SECONDS = 60.0
"""Timeout of another program for the listing, in seconds."""
MOST_BYTES = 64 << 20
_READ_ONLY = frozenset({".cfg", ".conf", ".ini", ".json", ".txt", ".yaml", ".yml"})
"""Suffixes of data files, unexpected for a program."""
_SECTION = re.compile(r"^\s*\[[^\]]+\]\s*(?:[#;].*)?$", re.MULTILINE)
_ALL = re.compile(r"^all\s*:", re.MULTILINE)
_OWN = re.compile(r"^[\"']?hosts[\"']?\s*:|^\{", re.MULTILINE)
_PLAIN_LINE = re.compile(r"[\w.\[\]:-]+(\s+\w+=\S.*)?\s*")
_PLUGIN = re.compile(r"^plugin\s*:", re.MULTILINE)


def understand(spec: str) -> Understood | None:
    """Read an inventory of another tool.

    `spec`: `ssh_config:PATH`; `command:PROGRAM WORDS…`, a program with Ansible's JSON as output; `LOGIN@HOST,…` with
    a comma; or an inventory of Ansible's: a folder, a program, a file in INI or YAML.

    Returns `None` for a file in Stopgap's own format. Raises InvalidInput.

    >>> understand("root@192.0.2.7,").hosts["192.0.2.7"]["user"]
    'root'
    """
    kind, colon, rest = spec.partition(":")
    if colon and kind == "ssh_config":
        return from_ssh_config(Path(rest).expanduser())
    if colon and kind == "command":
        return from_listing(_listed(spec, _words(spec, rest), os.environ.copy()), spec, Path.cwd())
    if "," in spec and not Path(spec).exists():
        return _logins(spec)
    path = Path(spec).expanduser()
    if path.is_file() and os.access(path, os.X_OK) and _is_program(path):
        _refuse_disguised(spec, path)
        listing = _listed(spec, [str(path.absolute()), "--list"], os.environ.copy())
        return from_listing(listing, spec, path.absolute().parent)
    if path.is_dir() or (path.is_file() and is_of_ansible(path)):
        listing = _listed(spec, [*_ansible_inventory(spec), "-i", str(path), "--list"], _quiet())
        return from_listing(listing, spec, path.absolute() if path.is_dir() else path.absolute().parent)
    return None


def _logins(spec: str) -> Understood:
    hosts: dict[str, HostFields] = {}
    problems = []
    for word in filter(None, (part.strip() for part in spec.split(","))):
        found = destination(word)
        if found is None:
            problems.append(Problem(f"-i {spec}", f"{word!r} is no login", expected="LOGIN@HOST, or LOGIN@HOST:PORT"))
            continue
        fields = login_of(found.host)[0] if shutil.which("ssh") else {"address": found.host}
        fields |= {"user": found.user} if found.user else {}
        fields |= {"port": found.port} if found.port else {}
        hosts[fitting_name(found.host)] = fields
    if problems:
        raise InvalidInput(problems)
    return Understood(spec, hosts)


def _words(spec: str, text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidInput([Problem(f"-i {spec}", f"the command cannot be read: {error}")]) from None
    if not words:
        raise InvalidInput([Problem(f"-i {spec}", "no command is named", expected="command:PROGRAM WORDS…")])
    return words


def _refuse_disguised(spec: str, path: Path) -> None:
    """Refuse to run a program named like a data file: the operator may not expect a program."""
    if path.suffix.lower() in _READ_ONLY:
        message = f"a program with the name of a {path.suffix} file, which would run on this machine"
        hint = f"read it; `-i command:{shlex.quote(str(path.absolute()))} --list` runs it all the same"
        raise InvalidInput([Problem(f"-i {spec}", message, hint=hint, refused=True)])


def _is_program(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4).startswith((b"#!", b"\x7fELF"))


def is_of_ansible(path: Path) -> bool:
    """Return True for a file in a form of Ansible's: INI sections, `all:`, or `plugin:` at the top of YAML."""
    try:
        text = path.read_text("utf-8", "replace")[: 1 << 20]
    except OSError:
        return False
    if _PLUGIN.search(text) or text.startswith("$ANSIBLE_VAULT;"):
        return True
    if _OWN.search(text):
        return False
    if _ALL.search(text):
        return True
    return path.suffix not in {".yaml", ".yml", ".json"} and bool(_SECTION.search(text) or _plain_lines(text))


def _plain_lines(text: str) -> bool:
    """Detect INI without a section: each line is a host name, optionally with `key=value` pairs."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", ";"))]
    return bool(lines) and all(
        re.fullmatch(r"[\w.\[\]:-]+(\s+\w+=\S.*)?\s*", line) and ": " not in line for line in lines
    )


def _ansible_inventory(spec: str) -> list[str]:
    beside = Path(sys.executable).with_name("ansible-inventory")
    found = str(beside) if beside.exists() else shutil.which("ansible-inventory")
    if found is None:
        hint = "install ansible-core, or stopgap with its extra: pip install 'stopgap[ansible]'"
        message = (
            "this is an inventory of Ansible's, which `ansible-inventory` reads, and the program is not installed"
        )
        raise InvalidInput([Problem(f"-i {spec}", message, hint=hint)])
    return [found]


def _quiet() -> dict[str, str]:
    quiet = {"ANSIBLE_DEPRECATION_WARNINGS": "false", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"}
    return {**os.environ, **quiet}


def _listed(spec: str, words: Sequence[str], environment: dict[str, str]) -> dict[str, Any]:
    """Run the program and parse the printed JSON; raises InvalidInput."""
    source = f"-i {spec}"

    def fail(message: str, hint: str | None = None) -> InvalidInput:
        return InvalidInput([Problem(source, message, hint=hint)])

    output = _output_of(words, environment, fail)
    try:
        listing = json.loads(output)
    except (ValueError, RecursionError):
        raise fail(f"{words[0]} did not print JSON: {output[:80]!r}") from None
    if not isinstance(listing, dict):
        raise fail(f"{words[0]} printed no object, but {type(listing).__name__}")
    return listing


def _output_of(words: Sequence[str], environment: dict[str, str], fail: Callable[..., InvalidInput]) -> str:
    try:
        done = subprocess.run(
            words, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise fail(f"{words[0]} has not ended within {SECONDS:g} s") from None
    except OSError as error:
        raise fail(f"{words[0]} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = " ".join(line.removeprefix("ERROR! ").removeprefix("[ERROR]: ") for line in said[-2:])
        hint = "a vault needs ANSIBLE_VAULT_PASSWORD_FILE" if "vault" in reason.lower() else None
        raise fail(f"{words[0]} ended with status {done.returncode}: {reason[:300]}", hint)
    if len(done.stdout) > MOST_BYTES:
        raise fail(f"{words[0]} printed more than {MOST_BYTES >> 20} MiB")
    return done.stdout.decode("utf-8", "replace")
