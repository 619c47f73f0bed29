"""The options of `stopgap evidence`."""

from __future__ import annotations

from stopgap.orchestrator.cli.arguments.command import Commands, command
from stopgap.orchestrator.cli.arguments.exchange import tlp_word
from stopgap.orchestrator.cli.arguments.words import LINES, age_word, inventory_word, sign_word
from stopgap.orchestrator.cli.door import evidence as door


def evidence_words(commands: Commands) -> None:
    """Add the commands of the group."""
    ls = command(commands, "ls", door.evidence_ls, "list the items, or the files in an archive item")
    cat = command(commands, "cat", door.evidence_cat, "show an item, or a file in an archive item", json=None)
    grep = command(commands, "grep", door.evidence_grep, "search all items, archived files included", json=LINES)
    timeline = command(
        commands, "timeline", door.evidence_timeline, "write a timeline, as JSONL for Timesketch", json="the default"
    )
    findings = command(
        commands, "findings", door.evidence_findings, "evaluate the rules again, and show the findings", json=LINES
    )
    wire = command(commands, "wire", door.evidence_wire, "show what a capture upstream has of the host", json=LINES)
    custody = command(commands, "custody", door.evidence_custody, "show the custody log: collected, opened, exported")
    export = command(commands, "export", door.evidence_export, "export all evidence of a host to an archive")
    unseal = command(commands, "decrypt", door.evidence_decrypt, "decrypt evidence encrypted during collection")
    store = command(commands, "store", door.evidence_store, "copy evidence to the store that evidence.yaml names")
    store.add_argument("what", nargs="?", metavar="RUN", help="a run's id, or `last`; default: all that waits")
    fetch = command(commands, "fetch", door.evidence_fetch, "fetch the evidence of a run that another machine has")
    fetch.add_argument("what", metavar="RUN", help="a run's id, or `last`")
    fetch.add_argument(
        "--from",
        dest="source",
        metavar="URL",
        help="from that machine, sftp://[LOGIN@]HOST[/STATE_FOLDER]; default: from the store that has it",
    )
    inventory_word(fetch, required=False)
    for each in (ls, cat, grep, timeline, findings, wire, custody, export, unseal):
        each.add_argument("what", metavar="RUN|FOLDER", help="a run's id, `last`, or a folder of evidence")
    unseal.add_argument("-i", "--identity", metavar="KEY", required=True, help="a file of age, or a private SSH key")
    unseal.add_argument("-o", "--output", metavar="DIR", required=True, help="a new folder")
    export.add_argument(
        "-t", "--target", metavar="HOST", help="host to export; required for evidence of several hosts"
    )
    where = export.add_mutually_exclusive_group(required=True)
    where.add_argument("-o", "--output", metavar="FILE", help="a new file, FILE.tar")
    where.add_argument(
        "--to",
        metavar="URL",
        help="straight to a store, sftp://HOST/FOLDER or s3://BUCKET/PREFIX (stopgap[s3]), and read back from there",
    )
    inventory_word(export, required=False)
    export.add_argument(
        "--format", choices=("tar", "stix", "misp"), default="tar", help="tar: all evidence; else findings and acts"
    )
    tlp_word(export)
    age_word(export, "the archive")
    export.add_argument(
        "--tsa", metavar="URL", help="time-stamp the archive at this authority (RFC 3161); needs stopgap[tsa]"
    )
    sign_word(export, "the archive's list")
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
    wire.add_argument(
        "--attacked", action="store_true", help="only the addresses attacked from the host, a line each, for a letter"
    )
    findings.add_argument("--all", action="store_true", help="also show rules without a match")
    findings.add_argument(
        "--baseline",
        metavar="FILE|HOST",
        help="what is right: a list of checksums (md5sum, sha256sum), a folder of evidence, or a clean host of RUN; "
        "nothing is recorded",
    )
    findings.add_argument("--host", metavar="HOST", help="only findings about this host")
    findings.add_argument(
        "--severity", choices=("critical", "high", "medium", "low"), help="only findings at least so grave"
    )
    findings.add_argument("--since", metavar="TIME", help="only what came since, ISO 8601; UTC without a zone")
    findings.add_argument("--rules", metavar="FILE|DIR", help="additional rules of your own; nothing is recorded")
    findings.add_argument(
        "--yara", metavar="FILE|DIR", help="additional YARA rules; nothing is recorded; needs stopgap[yara]"
    )
    findings.add_argument(
        "--sigma", metavar="FILE|DIR", help="additional Sigma rules; nothing is recorded; needs stopgap[sigma]"
    )
