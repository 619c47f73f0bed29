"""The options of commands on the journal: verify, watch, report, journal import, incident."""

from __future__ import annotations

from argparse import ArgumentParser

from stopgap.orchestrator.cli.arguments.command import Commands, command, group
from stopgap.orchestrator.cli.arguments.words import SIGNERS_HELP, format_words
from stopgap.orchestrator.cli.door import records as door


def verify_words(verify: ArgumentParser) -> None:
    """Add the options of `verify`."""
    verify.add_argument(
        "what", metavar="RUN|FILE", help="a run's id, `last`, a folder, a manifest.json, or an exported archive"
    )
    verify.add_argument("--signers", metavar="FILE", help=SIGNERS_HELP)
    verify.add_argument(
        "--tsa-ca",
        metavar="FILE",
        help="certificates (PEM) of the authority required to have time-stamped an archive",
    )


def report_words(report: ArgumentParser) -> None:
    """Add the options of `report`."""
    report.add_argument("run", nargs="?", metavar="RUN", help="a run's id, or `last`")
    report.add_argument("--incident", metavar="NAME", help="one report of all runs and notes of this incident")
    report.add_argument("--timezone", metavar="ZONE", help="such as Asia/Tokyo; default: $TZ, else UTC; not for json")
    format_words(report, "html", "md", "json")
    report.add_argument(
        "--manual", action="store_true", help="write a manual for the next incident, of a run or of an incident"
    )
    report.add_argument("-o", "--output", metavar="FILE", help="write to this file instead of standard output")


def events_words(events: ArgumentParser) -> None:
    """Add the options of `events`."""
    events.add_argument("runs", nargs="*", metavar="RUN", help="only of these runs; default: all")
    events.add_argument("--follow", action="store_true", help="go on with what comes, from any process, until Ctrl-C")
    events.add_argument(
        "--since",
        metavar="TIME",
        help="from then on: 2h, or 2026-11-29T12:00Z; default: the beginning, with --follow and no RUN: now",
    )


def journal_words(commands: Commands) -> None:
    """Add the commands of `stopgap journal`."""
    command(commands, "install", door.journal_install, "make or migrate a team's journal in $STOPGAP_JOURNAL")
    bring_in = command(
        commands, "import", door.journal_import, "restore a run from its folder, or all of this machine"
    )
    bring_in.add_argument(
        "folder",
        nargs="?",
        metavar="FOLDER",
        help="folder of the run, with journal.jsonl, as below runs/; default: what the team's journal lacks of this "
        "machine's runs",
    )
    bring_in.add_argument("--signers", metavar="FILE", help=SIGNERS_HELP)


def prune_words(prune: ArgumentParser) -> None:
    """Add the words of `stopgap prune`."""
    prune.add_argument(
        "--older", required=True, metavar="DURATION", help="since the last record of a run, such as 90d"
    )
    prune.add_argument(
        "--keep-evidence", action="store_true", help="leave the collections and journal.jsonl in each run's folder"
    )
    prune.add_argument("--dry-run", action="store_true", help="list what would go, and why each other run stays")
    prune.add_argument("--yes", action="store_true", help="ask nobody")


def incident_words(verbs: Commands) -> None:
    """Add the commands of `stopgap incident`."""
    opened = command(verbs, "open", door.incident_open, "open an incident; a terminal is asked for the details")
    opened.add_argument("name", metavar="NAME")
    more = command(verbs, "describe", door.incident_describe, "add details: who is in charge, what was seen")
    for verb in (opened, more):
        verb.add_argument("--file", metavar="FILE", help="YAML with the details, instead of questions")
        verb.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="one detail, such as phone=…; repeat it"
        )
    note = command(verbs, "note", door.incident_note, "add a note, with its time and author")
    note.add_argument("text", metavar="TEXT")
    note.add_argument("--went-well", action="store_true", help="the note says what went well; for the report")
    actions = group(verbs, "action", "what is to be done or decided, by whom and until when", metavar="VERB")
    add = command(actions, "add", door.action_add, "add an action with an owner and a due day")
    add.add_argument("text", metavar="TEXT", help="what is to be done")
    add.add_argument("--owner", required=True, metavar="NAME", help="who does it")
    add.add_argument("--due", required=True, metavar="DAY", help="until when, such as 2026-12-31")
    add.add_argument("--decision", action="store_true", help="something to decide, for the report's first screen")
    done = command(actions, "done", door.action_done, "record that an action is done")
    done.add_argument("number", type=int, metavar="NUMBER", help="as `incident show` lists it")
    done.add_argument("result", nargs="?", default="", metavar="RESULT", help="what came of it")
    close = command(verbs, "close", door.incident_close, "close an incident")
    show = command(verbs, "show", door.incident_show, "show notes and runs in the order of time")
    duties = command(verbs, "duties", door.incident_duties, "list who may have to be notified, and until when")
    duty = command(verbs, "duty", door.incident_duty, "show one duty, its draft, or record what was sent")
    duty.add_argument("duty", metavar="DUTY", help="name of the duty, as `incident duties` lists it")
    duty.add_argument("--draft", action="store_true", help="print a draft of the notice; nothing is sent")
    duty.add_argument("-o", "--output", metavar="FILE", help="write the draft to this file")
    duty.add_argument("--owed", action="store_true", help="record that the notice has to be sent")
    duty.add_argument("--not-owed", metavar="REASON", help="record that the notice is not owed, and why")
    duty.add_argument(
        "--sent", nargs="?", const="now", metavar="TIME", help="record that a person sent the notice; default: now"
    )
    duty.add_argument("--reference", metavar="NO", help="the addressee's number of the notice")
    for verb in (more, note, close, show, duties, duty, add, done):
        verb.add_argument("--incident", metavar="NAME", help="default: the latest open incident")
