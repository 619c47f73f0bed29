"""The parser of the command line. Modules of a command are imported at the call, not before."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import suppress

from stopgap.orchestrator import __version__

INVENTORY_HELP = (
    "a file of Stopgap's own, an inventory of Ansible's (INI, YAML, folder, script), ssh_config:PATH, "
    "command:PROGRAM WORDS, or LOGIN@HOST, with a comma"
)
TARGET_HELP = "a host, a group, all, or a pattern such as web*:!web3; repeatable"
_LINES = "print one JSON object a line"
_EXIT_CODES = (
    "exit codes: 0 all as asked, 1 a step or a check failed, 2 invalid input (nothing was contacted), "
    "3 a host was unreachable, 4 refused by a guard or by drift, 130 interrupted"
)


class _Noted:
    """A recorder of method calls, for a later replay on another object."""

    def __init__(self) -> None:
        self._asked: list[tuple[str, tuple[object, ...], dict[str, object], _Noted]] = []

    def __getattr__(self, name: str) -> Callable[..., _Noted]:
        def note(*words: object, **settings: object) -> _Noted:
            given = _Noted()
            self._asked.append((name, words, settings, given))
            return given

        return note

    def _ask(self, of: object) -> None:
        for name, words, settings, given in self._asked:
            given._ask(getattr(of, name)(*words, **settings))


class _Command(_Noted):
    """A placeholder for a command's parser, replaced only for the typed command: fast start of every command."""

    def __init__(self, **settings: object) -> None:
        super().__init__()
        self._settings = settings

    def parse_known_args(self, words: object, namespace: object) -> object:
        """Create the parser, and parse the arguments."""
        made = ArgumentParser(**self._settings, formatter_class=_formatter)  # type: ignore[arg-type]
        self._ask(made)
        return made.parse_known_args(words, namespace)  # type: ignore[call-overload]


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Return argparse's formatter with the terminal's width, without the slow import of shutil."""
    try:
        columns = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns <= 0:
        with suppress(OSError, ValueError, AttributeError):
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]
    return argparse.HelpFormatter(prog, width=(columns or 80) - 2)


def parser() -> ArgumentParser:
    """Return the parser; the parsed `command` is the function to call."""
    top = ArgumentParser(
        prog="stopgap",
        formatter_class=_formatter,
        description="Contain a broken-into server: drop its packets upstream, stop its mail, tell its visitors, "
        "keep the evidence, and write down what was done.",
        epilog=_EXIT_CODES,
    )
    top.add_argument("--version", action="version", version=f"stopgap {__version__}")
    commands: argparse._SubParsersAction[ArgumentParser]
    commands = top.add_subparsers(metavar="COMMAND", required=True, parser_class=_Command)  # type: ignore

    _check_words(_command(commands, "check", "check.check", "validate runbooks, offline", json=None))
    _run_words(_command(commands, "run", "run.run", "run a runbook, or preview it with --dry-run", json=None))
    _request_words(_command(commands, "request", "request.request", "write a signed request to block addresses"))

    _command(commands, "runs", "history.runs", "list the runs")
    _run_word(_command(commands, "show", "history.show", "show a run, step by step"))
    _offline_word(_command(commands, "status", "status.status", "list what is in force now, where, and until when"))
    resume = _command(commands, "resume", "run.resume", "resume an unfinished run", json=None)
    _run_word(resume)
    _agreement_words(resume)
    _shown_words(resume)
    _age_word(resume, "arriving evidence")
    answer = _command(commands, "answer", "answer.answer", "answer a question of a waiting run")
    _run_word(answer)
    answer.add_argument(
        "step", nargs="?", metavar="STEP", help="step with the question; default: list the open questions"
    )
    answer.add_argument("value", nargs="?", metavar="VALUE", help="the answer; default: ask at the terminal")
    answer.add_argument("-t", "--target", metavar="HOST", help="only for this target")

    undo = _command(commands, "undo", "undo.undo", "undo the changes of a run", json=_LINES)
    _run_word(undo)
    undo.add_argument("--step", metavar="ID", help="undo only this step")
    undo.add_argument("--yes", action="store_true", help="do not ask")
    undo.add_argument("--force", action="store_true", help="also undo objects changed by another person since")

    verify = _command(
        commands, "verify", "history.verify", "check a run's journal and evidence, an evidence folder, or an archive"
    )
    verify.add_argument(
        "what", metavar="RUN|FILE", help="a run's id, `last`, a folder, a manifest.json, or an exported archive"
    )
    verify.add_argument(
        "--signers",
        metavar="FILE",
        help="allowed signers of the journal or evidence, in the format of ssh-keygen(1)",
    )
    verify.add_argument(
        "--tsa-ca",
        metavar="FILE",
        help="certificates (PEM) of the authority required to have time-stamped an archive",
    )
    for command in (resume, undo):
        _claim_words(command)
        command.add_argument(
            "--anyway", action="store_true", help="act in spite of a damaged journal, after your own review"
        )

    _journal_words(_group(commands, "journal", "restore runs lost from the journal"))
    _paper_words(commands)
    _incident_words(commands)

    _evidence_words(_group(commands, "evidence", "read collected evidence, without unpacking"))

    trust = _command(commands, "trust", "trust.trust", "approve the commands named in runbooks and inventories")
    trust.add_argument("file", nargs="+", metavar="FILE", help="a runbook or an inventory")
    trust.add_argument("--yes", action="store_true", help="do not ask; the commands are shown anyway")
    tasks = _command(commands, "tasks", "catalogue.tasks", "list the tasks, or document one")
    tasks.add_argument("name", nargs="?", metavar="NAME")
    shown = _command(commands, "inventory", "inventory.inventory", "show an inventory as loaded")
    shown.add_argument("-i", "--inventory", required=True, metavar="INVENTORY", help=INVENTORY_HELP)
    shown.add_argument("--write", metavar="FILE", help="write the inventory as a file of Stopgap's own")
    _command(commands, "schema", "catalogue.schema", "print a JSON Schema, for editors", json=None).add_argument(
        "what", choices=("runbook", "inventory", "artifacts", "rules", "report")
    )
    init = _command(commands, "init", "init.init", "start a folder with an inventory and the runbooks")
    init.add_argument("folder", nargs="?", default=".", metavar="DIR")
    return top


def _command(
    commands: argparse._SubParsersAction[ArgumentParser],
    name: str,
    where: str,
    about: str,
    *,
    json: str | None = "print one JSON document",
) -> ArgumentParser:
    """Add a command; `json`: the help of --json, None for a command without, or with an option of its own."""
    sub = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".", epilog=_EXIT_CODES)
    sub.set_defaults(command=_lazily(where))
    if json:
        sub.add_argument("--json", action="store_true", help=json)
    return sub


def _group(
    commands: argparse._SubParsersAction[ArgumentParser], name: str, about: str
) -> argparse._SubParsersAction[ArgumentParser]:
    sub = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".", epilog=_EXIT_CODES)
    return sub.add_subparsers(metavar="COMMAND", required=True)


def _evidence_words(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    ls = _command(commands, "ls", "evidence.ls", "list the items, or the files in an archive item")
    cat = _command(commands, "cat", "evidence.cat", "show an item, or a file in an archive item", json=None)
    grep = _command(commands, "grep", "evidence.grep", "search all items, archived files included", json=_LINES)
    timeline = _command(
        commands, "timeline", "evidence.timeline", "write a timeline, as JSONL for Timesketch", json="the default"
    )
    findings = _command(
        commands, "findings", "evidence.findings", "evaluate the rules again, and show the findings", json=_LINES
    )
    custody = _command(commands, "custody", "custody.custody", "show the custody log: collected, opened, exported")
    export = _command(commands, "export", "custody.export", "export all evidence of a host to an archive")
    unseal = _command(commands, "decrypt", "custody.decrypted", "decrypt evidence encrypted during collection")
    for command in (ls, cat, grep, timeline, findings, custody, export, unseal):
        command.add_argument("what", metavar="RUN|FOLDER", help="a run's id, `last`, or a folder of evidence")
    unseal.add_argument("-i", "--identity", metavar="KEY", required=True, help="a file of age, or a private SSH key")
    unseal.add_argument("-o", "--output", metavar="DIR", required=True, help="a new folder")
    export.add_argument(
        "-t", "--target", metavar="HOST", help="host to export; required for evidence of several hosts"
    )
    export.add_argument("-o", "--output", metavar="FILE", required=True, help="a new file, FILE.tar")
    _age_word(export, "the archive")
    export.add_argument(
        "--tsa", metavar="URL", help="time-stamp the archive at this authority (RFC 3161); needs stopgap[tsa]"
    )
    _sign_word(export, "the archive's list")
    ls.add_argument("item", nargs="?", metavar="ITEM", help="as `ls` names it, with or without host and step")
    cat.add_argument("item", metavar="ITEM", help="as `ls` names it, with or without host and step")
    cat.add_argument("member", nargs="?", metavar="PATH", help="a file of an archive item")
    cat.add_argument("--raw", action="store_true", help="raw bytes of the host; never to a terminal")
    grep.add_argument("pattern", metavar="PATTERN", help="a regular expression")
    grep.add_argument("-i", "--ignore-case", action="store_true")
    grep.add_argument("-F", "--fixed", action="store_true", help="PATTERN is text, no regular expression")
    timeline.add_argument("-o", "--output", metavar="FILE", help="write to this file instead of standard output")
    timeline.add_argument("--since", metavar="TIME", help="start time, ISO 8601; UTC without a zone")
    timeline.add_argument("--until", metavar="TIME", help="end time, ISO 8601; UTC without a zone")
    findings.add_argument("--all", action="store_true", help="also show rules without a match")
    findings.add_argument("--rules", metavar="FILE|DIR", help="additional rules of your own; nothing is recorded")
    findings.add_argument(
        "--yara", metavar="FILE|DIR", help="additional YARA rules; nothing is recorded; needs stopgap[yara]"
    )
    findings.add_argument(
        "--sigma", metavar="FILE|DIR", help="additional Sigma rules; nothing is recorded; needs stopgap[sigma]"
    )


def _journal_words(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    bring_in = _command(commands, "import", "bringing_back.bring_in", "restore a run from the run's folder")
    bring_in.add_argument("folder", metavar="FOLDER", help="folder of the run, with journal.jsonl, as below runs/")
    bring_in.add_argument(
        "--signers", metavar="FILE", help="allowed signers of the journal or evidence, in the format of ssh-keygen(1)"
    )


def _lazily(where: str) -> Callable[[Namespace], int]:
    module, function = where.split(".")

    def call(args: Namespace) -> int:
        return int(getattr(importlib.import_module(f"stopgap.orchestrator.cli.{module}"), function)(args))

    return call


def _paper_words(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    _run_word(_command(commands, "watch", "watch.watch", "watch a run until the end; q quits", json=_LINES))
    report = _command(commands, "report", "history.report", "write a run's report, or an incident's", json=None)
    report.add_argument("run", nargs="?", metavar="RUN", help="a run's id, or `last`")
    report.add_argument("--incident", metavar="NAME", help="one report of all runs and notes of this incident")
    report.add_argument("--lang", choices=("en", "ja"), default="en")
    _format_words(report, "html", "md", "json")
    report.add_argument("--manual", action="store_true", help="write a recovery manual for the next incident")
    report.add_argument("-o", "--output", metavar="FILE", help="write to this file instead of standard output")


def _incident_words(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    top = commands.add_parser("incident", help="several runs and people's notes under one name", epilog=_EXIT_CODES)
    verbs = top.add_subparsers(metavar="VERB", required=True)
    _command(verbs, "open", "incident.opening", "open an incident").add_argument("name", metavar="NAME")
    note = _command(verbs, "note", "incident.noting", "add a note, with its time and author")
    note.add_argument("text", metavar="TEXT")
    close = _command(verbs, "close", "incident.closing", "close an incident")
    show = _command(verbs, "show", "incident.show", "show notes and runs in the order of time")
    for verb in (note, close, show):
        verb.add_argument("--incident", metavar="NAME", help="default: the latest open incident")


def _run_words(run: ArgumentParser) -> None:
    _runbook_words(run)
    run.add_argument("--dry-run", action="store_true", help="show every step in full; nothing is written on any host")
    run.add_argument("--incident", metavar="NAME", help="add the run to this incident")
    run.add_argument("--full", action="store_true", help="show long new files whole")
    _agreement_words(run)
    _shown_words(run)
    _plan_words(run)
    _age_word(run, "arriving evidence")
    _follow_words(run)
    _claim_words(run)


def _check_words(check: ArgumentParser) -> None:
    check.add_argument(
        "runbook", nargs="+", metavar="RUNBOOK", help="a file, or the name of a runbook in ./runbooks or shipped"
    )
    check.add_argument("-i", "--inventory", metavar="INVENTORY", help=INVENTORY_HELP)
    _target_and_param_words(check)
    _format_words(check, "text", "json", "sarif")


def _format_words(command: ArgumentParser, *forms: str) -> None:
    """Add --format, the first form by default, and --json, short for --format json."""
    command.add_argument("--format", choices=forms, default=forms[0])
    command.add_argument("--json", dest="format", action="store_const", const="json", help="short for --format json")


def _runbook_words(command: ArgumentParser) -> None:
    command.add_argument(
        "runbook", metavar="RUNBOOK", help="a file, or the name of a runbook in ./runbooks or shipped"
    )
    command.add_argument("-i", "--inventory", required=True, metavar="INVENTORY", help=INVENTORY_HELP)
    _target_and_param_words(command)


def _target_and_param_words(command: ArgumentParser) -> None:
    command.add_argument("-t", "--target", action="append", default=[], metavar="HOST|GROUP", help=TARGET_HELP)
    command.add_argument(
        "-p",
        "--param",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a parameter of the runbook; repeatable",
    )


def _sign_word(command: ArgumentParser, signed: str) -> None:
    command.add_argument(
        "--sign-key",
        metavar="FILE",
        default=os.environ.get("STOPGAP_SIGN_KEY"),
        help=f"SSH key to sign {signed} (default: $STOPGAP_SIGN_KEY)",
    )


def _age_word(command: ArgumentParser, what: str) -> None:
    command.add_argument(
        "--age",
        metavar="RECIPIENT",
        action="append",
        default=[],
        help=f"encrypt {what} to this public key, age1… or an SSH key; repeatable; needs stopgap[age]",
    )


def _shown_words(command: ArgumentParser) -> None:
    shown = command.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help=_LINES)
    shown.add_argument("--watch", action="store_true", help="show the live view of `watch` during the run; q quits")


def _claim_words(command: ArgumentParser) -> None:
    command.add_argument(
        "--take-over", action="store_true", help="also use a router or spare locked by another machine"
    )
    _sign_word(command, "journal and evidence at the end")


def _offline_word(command: ArgumentParser) -> None:
    command.add_argument("--offline", action="store_true", help="read only the journal; contact no device")


def _plan_words(command: ArgumentParser) -> None:
    plan = command.add_mutually_exclusive_group()
    plan.add_argument("--save-plan", metavar="FILE", help="save the plan, for a later run of exactly this plan")
    plan.add_argument("--plan", metavar="FILE", help="run only if the plan equals the saved plan")


def _follow_words(command: ArgumentParser) -> None:
    command.add_argument(
        "--request", metavar="FILE", help="a customer's block request: gives addresses, expires, reason"
    )
    command.add_argument(
        "--customers",
        metavar="FILE",
        help="permitted keys and networks; default: customers.yaml beside the inventory",
    )


def _request_words(command: ArgumentParser) -> None:
    command.add_argument("-i", "--inventory", required=True, metavar="INVENTORY", help=INVENTORY_HELP)
    command.add_argument(
        "-t",
        "--target",
        action="append",
        required=True,
        metavar="HOST|GROUP",
        help=TARGET_HELP,
    )
    command.add_argument(
        "--address",
        action="append",
        default=[],
        metavar="NETWORK",
        help="block only this address of the target; repeatable",
    )
    command.add_argument("--reason", required=True, metavar="TEXT", help="reason of the request")
    command.add_argument("--contact", required=True, metavar="TEXT", help="contact for the provider")
    command.add_argument("--expires", default="24h", metavar="DURATION", help="how long to block, from now")
    command.add_argument("--run", metavar="RUN", help="run with evidence to reference by digest")
    command.add_argument("--sign-key", required=True, metavar="KEY", help="SSH key registered with the provider")
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="write to this file")


def _agreement_words(command: ArgumentParser) -> None:
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


def _run_word(command: ArgumentParser) -> None:
    command.add_argument("run", metavar="RUN", help="a run's id, or `last`")
