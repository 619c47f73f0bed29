"""The parser of the command line. Modules of a command are imported at the call, not before."""

from __future__ import annotations

from argparse import ArgumentParser
from functools import partial

from stopgap.orchestrator import __version__
from stopgap.orchestrator.cli.arguments.command import EXIT_CODES, Commands, command, group, lang_word, log_words
from stopgap.orchestrator.cli.arguments.evidence import evidence_words
from stopgap.orchestrator.cli.arguments.exchange import export_words, import_words
from stopgap.orchestrator.cli.arguments.lazy import LazyParser, formatter
from stopgap.orchestrator.cli.arguments.records import (
    events_words,
    incident_words,
    journal_words,
    prune_words,
    report_words,
    verify_words,
)
from stopgap.orchestrator.cli.arguments.running import (
    answer_words,
    approve_words,
    check_words,
    cut_words,
    ready_words,
    request_words,
    resume_words,
    run_words,
    runner_words,
    undo_words,
)
from stopgap.orchestrator.cli.arguments.serving import agent_words, serve_words
from stopgap.orchestrator.cli.arguments.words import LINES, inventory_word, run_word
from stopgap.orchestrator.cli.door import project, records, running, serving


def parser(*, whole: bool = False) -> ArgumentParser:
    """Return the parser; the parsed `command` is the function of the door that reads the command's options.

    `whole`: with the parser of every command made, for a program that reads all of them.
    """
    top = ArgumentParser(
        prog="stopgap",
        formatter_class=formatter,
        description="Contain a broken-into server: drop its packets upstream, stop its mail, tell its visitors, "
        "keep the evidence, and write down what was done.",
        epilog=EXIT_CODES,
    )
    log_words(top)
    lang_word(top, None)
    top.add_argument("--version", action="version", version=f"stopgap {__version__}")
    commands: Commands = top.add_subparsers(
        metavar="COMMAND",
        required=True,
        parser_class=partial(ArgumentParser, formatter_class=formatter) if whole else LazyParser,  # type: ignore[arg-type]
    )

    check_words(command(commands, "check", running.check, "validate runbooks, offline", json=None))
    run_words(command(commands, "run", running.run, "run a runbook, or preview it with --dry-run", json=None))
    cut_words(command(commands, "cut", running.cut, "cut a host off at once; needs no inventory", json=None))
    request_words(command(commands, "request", running.request, "write a signed request to block addresses"))

    ready_words(command(commands, "ready", running.ready, "look at what a containment would lack tonight"))

    runs = command(commands, "runs", records.runs, "list the runs")
    runs.add_argument("--pruned", action="store_true", help="list the runs that `stopgap prune` has removed")
    run_word(command(commands, "show", records.show, "show a run, step by step"))
    status = command(commands, "status", records.status, "list what is in force now, where, and until when")
    status.add_argument("--offline", action="store_true", help="read only the journal; contact no device")
    resume_words(command(commands, "resume", running.resume, "resume an unfinished run", json=None))
    recover = command(commands, "recover", running.recover, "tell where a recovery stands, and what comes next")
    recover.add_argument("--incident", metavar="NAME", help="default: the latest open incident, else all runs")
    answer_words(command(commands, "answer", running.answer, "answer a question of a waiting run"))
    approve_words(command(commands, "approve", running.approve, "approve what another person has planned or begun"))
    undo_words(command(commands, "undo", running.undo, "undo the changes of a run", json=LINES))
    runner_words(
        command(
            commands, "runner", running.runner, "carry the runs of a site on, from the queue of the team", json=None
        )
    )
    verify_words(
        command(
            commands,
            "verify",
            records.verify,
            "check a run's journal and evidence, an evidence folder, or an archive",
        )
    )

    prune_words(command(commands, "prune", records.prune, "remove old runs that nothing needs any more"))
    journal_words(group(commands, "journal", "restore runs lost from the journal"))
    run_word(command(commands, "watch", running.watch, "watch a run until the end; q quits", json=LINES))
    events_words(
        command(commands, "events", records.events, "print the events of runs, those to come too", json=LINES)
    )
    report_words(command(commands, "report", records.report, "write a run's report, or an incident's", json=None))
    serve_words(
        command(commands, "serve", serving.serve, "show runs, questions and findings in a browser", json=None)
    )
    agent_words(group(commands, "agent", "a process that stays, so that commands start at once"))
    incident_words(group(commands, "incident", "several runs and people's notes under one name", metavar="VERB"))

    evidence_words(group(commands, "evidence", "read collected evidence, without unpacking"))

    export_words(group(commands, "export", "write what other tools read"))
    import_words(group(commands, "import", "read what other tools write, as a runbook"))
    _project_words(commands)
    return top


def _project_words(commands: Commands) -> None:
    """Add what an operator needs to write runbooks, inventories and programs."""
    trust = command(commands, "trust", project.trust, "approve the commands named in runbooks and inventories")
    trust.add_argument("file", nargs="+", metavar="FILE", help="a runbook or an inventory")
    trust.add_argument("--yes", action="store_true", help="do not ask; the commands are shown anyway")
    tasks = command(commands, "tasks", project.tasks, "list the tasks, or document one")
    tasks.add_argument("name", nargs="?", metavar="NAME")
    docs = command(commands, "docs", project.docs, "list the pages of the manual, or show one")
    docs.add_argument("page", nargs="?", metavar="PAGE", help="a page, such as inventories or docs/check.md")
    completion = command(commands, "completion", project.completion, "print the completion of a shell", json=None)
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    completion.set_defaults(parser=partial(parser, whole=True))
    shown = command(commands, "inventory", project.inventory, "show an inventory as loaded")
    inventory_word(shown)
    shown.add_argument("--write", metavar="FILE", help="write the inventory as a file of Stopgap's own")
    schema = command(commands, "schema", project.schema, "print a JSON Schema, for editors", json=None)
    schema.add_argument(
        "what",
        choices=("runbook", "inventory", "artifacts", "rules", "duties", "report", "driver", "events", "sinks"),
    )
    checked = command(
        commands, "driver-check", project.driver_check, "test a provider's program against the protocol"
    )
    checked.add_argument("--address", action="append", required=True, metavar="ADDRESS", help="of a host to block")
    checked.add_argument("--guest", metavar="ID", help="of the host at the provider")
    checked.add_argument("--allow", action="append", default=[], metavar="NET", help="may still reach the host")
    checked.add_argument("--env", action="append", default=[], metavar="NAME", help="a variable for the program")
    checked.add_argument("--timeout", type=int, default=60, metavar="SECONDS", help="of each request; default: 60")
    checked.add_argument("--yes", action="store_true", help="do not ask before the host is blocked")
    checked.add_argument("program", nargs="+", metavar="PROGRAM", help="the program and its arguments, after --")
    init = command(commands, "init", project.init, "start a folder with an inventory and the runbooks")
    init.add_argument("folder", nargs="?", default=".", metavar="DIR")
