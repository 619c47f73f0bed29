"""Options that several commands have: hosts, parameters, output, consent, keys."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _ArgumentGroup as ArgumentGroup

INVENTORY_HELP = (
    "a file or folder of Stopgap's own, an inventory of Ansible's (INI, YAML, folder, script), ssh_config:PATH, "
    "command:PROGRAM WORDS, or LOGIN@HOST, with a comma; repeatable"
)
TARGET_HELP = "a host, a group, all, or a pattern such as web*:!web3; repeatable"
RUNBOOK_HELP = "a file, or the name of a runbook in ./runbooks or shipped"
SIGNERS_HELP = "allowed signers of the journal or evidence, in the format of ssh-keygen(1)"
LINES = "print one JSON object a line"


def run_word(command: ArgumentParser) -> None:
    """Add RUN."""
    command.add_argument("run", metavar="RUN", help="a run's id, or `last`")


def inventory_word(command: ArgumentParser, *, required: bool = True) -> None:
    """Add -i, repeatable."""
    command.add_argument(
        "-i",
        "--inventory",
        action="append",
        required=required,
        default=[],
        metavar="INVENTORY",
        help=INVENTORY_HELP,
    )


def target_words(command: ArgumentParser) -> None:
    """Add -t, repeatable, and --limit-file."""
    command.add_argument("-t", "--target", action="append", default=[], metavar="HOST|GROUP", help=TARGET_HELP)
    command.add_argument(
        "--limit-file",
        metavar="FILE",
        help="only hosts that this file names: one host, group or pattern a line; without -t, all of these",
    )


def target_and_param_words(command: ArgumentParser) -> None:
    """Add -t, --limit-file and -p."""
    target_words(command)
    command.add_argument(
        "-p",
        "--param",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a parameter of the runbook; repeatable",
    )


def format_words(command: ArgumentParser, *forms: str) -> None:
    """Add --format, the first form by default, and --json, short for --format json."""
    command.add_argument("--format", choices=forms, default=forms[0])
    command.add_argument("--json", dest="format", action="store_const", const="json", help="short for --format json")


def shown_words(command: ArgumentParser) -> ArgumentGroup:
    """Add --json and --watch; return the group, of which one option at most can be given."""
    shown = command.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help=LINES)
    shown.add_argument("--watch", action="store_true", help="show the live view of `watch` during the run; q quits")
    return shown


def agreement_words(command: ArgumentParser) -> None:
    """Add --yes and --wait."""
    agreement = command.add_mutually_exclusive_group()
    agreement.add_argument(
        "--yes",
        action="store_true",
        help="approve the plan, and answer every question with the default: yes for a decision",
    )
    agreement.add_argument(
        "--wait",
        action="store_true",
        help="approve the plan; questions wait for `stopgap answer` from another shell",
    )


def emergency_word(command: ArgumentParser) -> None:
    """Add --emergency."""
    command.add_argument(
        "--emergency",
        metavar="REASON",
        default="",
        help="begin before another person has approved, where roles permit that; it is approved after",
    )


def lock_words(command: ArgumentParser) -> None:
    """Add --take-over, and the key that signs what a run leaves."""
    command.add_argument(
        "--take-over", action="store_true", help="also use a router or spare locked by another machine"
    )
    sign_word(command, "journal and evidence at the end")


def damage_word(command: ArgumentParser) -> None:
    """Add --anyway."""
    command.add_argument(
        "--anyway", action="store_true", help="act in spite of a damaged journal, after your own review"
    )


def sign_word(command: ArgumentParser, signed: str) -> None:
    """Add --sign-key; `signed`: what the key signs."""
    command.add_argument(
        "--sign-key",
        metavar="FILE",
        default=os.environ.get("STOPGAP_SIGN_KEY"),
        help=f"SSH key to sign {signed} (default: $STOPGAP_SIGN_KEY)",
    )


def age_word(command: ArgumentParser, what: str) -> None:
    """Add --age; `what` is encrypted."""
    command.add_argument(
        "--age",
        metavar="RECIPIENT",
        action="append",
        default=[],
        help=f"encrypt {what} to this public key, age1… or an SSH key; repeatable; needs stopgap[age]",
    )
