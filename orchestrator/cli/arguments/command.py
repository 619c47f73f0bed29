"""A command's name, help and function, as the parser has them."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser
from typing import TYPE_CHECKING, TypeAlias

from stopgap.orchestrator.language import LANGUAGES

if TYPE_CHECKING:
    from stopgap.orchestrator.cli.door.call import Read

Commands: TypeAlias = "argparse._SubParsersAction[ArgumentParser]"

EXIT_CODES = (
    "exit codes: 0 all as asked, 1 a step or a check failed, 2 invalid input (nothing was contacted), "
    "3 a host was unreachable, 4 refused by a guard or by drift, 130 interrupted"
)


def command(
    commands: Commands, name: str, read: Read, about: str, *, json: str | None = "print one JSON document"
) -> ArgumentParser:
    """Add a command.

    `read`: the function of the door that gives the command its typed options. `json`: the help of --json, None for a
    command without, or with an option of its own.
    """
    sub = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".", epilog=EXIT_CODES)
    sub.set_defaults(command=read)
    log_words(sub)
    lang_word(sub, argparse.SUPPRESS)
    if json:
        sub.add_argument("--json", action="store_true", help=json)
    return sub


def lang_word(command: ArgumentParser, default: str | None) -> None:
    """Add --lang, before and after the name of a command; `default` is SUPPRESS after the name."""
    command.add_argument(
        "--lang",
        choices=LANGUAGES,
        default=default,
        help="language of what is said; default: STOPGAP_LANG, or the locale",
    )


def log_words(command: ArgumentParser) -> None:
    """Add -v and --debug, before and after the name of a command."""
    command.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=argparse.SUPPRESS,
        help="log to standard error what is done on which host; -vv each exchange too",
    )
    command.add_argument(
        "--debug",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="append the whole log to FILE (mode 0600), paramiko's too; secrets are redacted",
    )


def group(commands: Commands, name: str, about: str, *, metavar: str = "COMMAND") -> Commands:
    """Add a group of commands: `stopgap NAME COMMAND`."""
    sub = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".", epilog=EXIT_CODES)
    return sub.add_subparsers(metavar=metavar, required=True)
