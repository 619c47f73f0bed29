"""Read a list of customers from CSV: valid addresses, and errors by row."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from stopgap.orchestrator.language import Language
from stopgap.orchestrator.message import MailAddress
from stopgap.orchestrator.task import Unplannable
from stopgap.orchestrator.text import tr

_ADDRESS: TypeAdapter[str] = TypeAdapter(MailAddress)
_FAULTS_SHOWN = 10


@dataclass(frozen=True)
class Addressee:
    """One customer: mail address, name and language."""

    email: str
    name: str = ""
    language: Language | None = None


def addressees(text: str) -> tuple[list[Addressee], list[str]]:
    """Return the customers of a CSV text (RFC 4180) with a header, without duplicate addresses, and the errors of
    other rows.

    Raises Unplannable for a list without a column `email`.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), restkey="", strict=False)
    try:
        header = [(name or "").strip().lower() for name in rows.fieldnames or ()]
        rows.fieldnames = header
        if "email" not in header:
            raise Unplannable(tr("the list of customers has no column `email` in its first line"))
        found: dict[str, Addressee] = {}
        faults: list[str] = []
        for row in rows:
            try:
                addressee = _addressee(row)
            except ValidationError:
                faults.append(
                    tr(
                        "line {line_num}: no mail address, {row}; not told",
                        line_num=rows.line_num,
                        row=f"{str(row['email'])[:60]!r}",
                    )
                )
            else:
                found.setdefault(addressee.email.lower(), addressee)
    except csv.Error as error:
        raise Unplannable(tr("the list of customers is no CSV: {error}", error=error)) from None
    hidden = len(faults) - _FAULTS_SHOWN
    return list(found.values()), faults[:_FAULTS_SHOWN] + (
        [tr("and {hidden} lines more", hidden=hidden)] if hidden > 0 else []
    )


def _addressee(row: dict[str, str]) -> Addressee:
    name = (row.get("name") or "").strip()[:100]
    language = (row.get("language") or "").strip().lower()[:2]
    return Addressee(
        email=_ADDRESS.validate_python((row["email"] or "").strip()),
        name=name,
        language="ja" if language == "ja" else "en" if language == "en" else None,
    )
