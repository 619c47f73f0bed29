"""What the end of a run leaves in the run's folder: the report, the exported journal, the signatures."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from stopgap.orchestrator.evidence.signing import sign_manifest
from stopgap.orchestrator.journal import Journal, JournalError
from stopgap.orchestrator.journal.disk import write_at_once
from stopgap.orchestrator.journal.evidence_waiting import SETTINGS, let_wait
from stopgap.orchestrator.journal.integrity import EXPORT
from stopgap.orchestrator.language import spoken
from stopgap.orchestrator.signature import SignatureError
from stopgap.orchestrator.text import tr


def write_report(journal: Journal, run: str) -> tuple[Path | None, str]:
    """Write report.html and journal.jsonl into the run's folder; return the path of the report, or the failure.

    For a damaged journal, journal.jsonl stays as is: the earlier export shows later alterations.
    """
    from stopgap.orchestrator.report.render import report  # noqa: PLC0415 - after the changes, not before
    from stopgap.orchestrator.run.own_names import names_in  # noqa: PLC0415 - after the changes, not before

    try:
        history = journal.history(run)
        if not history.damage:
            journal.export(run)
        lang = spoken()
        text = report(history, lang=lang, format="html", names=names_in([history], lang))
        path = journal.run_folder(run) / "report.html"
        write_at_once(path, text.encode())
        return path, ""
    except JournalError as error:
        return None, str(error)


def sign_run(journal: Journal, run: str, key: Path | None) -> str:
    """Sign the evidence manifests of a run and the head of its journal; return the reason for a failure.

    Without a key nothing is signed.
    """
    if key is None:
        return ""
    try:
        history = journal.history(run)
        if history.damage:
            return tr("the journal is damaged: {damage}", damage=history.damage[0])
        journal.sign(run, key)
        for kept in history.evidence:
            folder = journal.run_folder(run) / kept.folder
            if folder.is_dir():
                sign_manifest(folder, key, kept.manifest_sha256)
    except (SignatureError, JournalError) as error:
        return str(error)
    return ""


def let_evidence_wait(home: Path, run: str) -> None:
    """Note that a run's evidence is sealed, and is to be copied to the store of the state folder, if it names one.

    Whoever began the run copies it, after the locks of the hosts are released. A disk that is full costs the copy.
    """
    if os.path.lexists(home / SETTINGS):
        with suppress(JournalError):
            let_wait(home, run)


def displaced(journal: Journal, run: str) -> str:
    """Return the place of a run's records if the state folder was moved or deleted meanwhile; else empty."""
    if not journal.displaced():
        return ""
    folder = journal.run_path(run)
    there = (folder / EXPORT).is_file()
    where = (
        tr("its records are in {folder} alone: stopgap journal import {folder}", folder=folder)
        if there
        else tr("its records are lost")
    )
    return tr("{home} was moved away or deleted while the run went on; {where}", home=journal.home, where=where)


def apart(journal: Journal) -> str:
    """Return what is told of a team's database that was out of reach at the end of a run; empty otherwise."""
    if journal.apart is None:
        return ""
    return tr(
        "the team's journal is out of reach ({reason}): what this run did is on record below {home} alone, and goes "
        "there with the next command, or with stopgap journal import",
        reason=journal.apart,
        home=journal.home,
    )
