"""The child process of `findings.apart`: requests on standard input, answers on standard output, as JSON lines.

Command: `python -m stopgap.orchestrator.findings.child`.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from stopgap.orchestrator.evidence.reader import open_collection, together
from stopgap.orchestrator.findings.baseline import known_contents
from stopgap.orchestrator.findings.model import Findings
from stopgap.orchestrator.findings.reading import Changed, TableReader
from stopgap.orchestrator.findings.rule import Rule
from stopgap.orchestrator.findings.table import tables
from stopgap.orchestrator.translatable import KeptTexts

MEMORY = 1 << 30
"""Bytes of memory for data: the declared bound of all that reads a collection for findings."""
_SPARE = 30
"""Seconds of processor time beyond those that a reading is given."""
TEXTS = "\t"
"""Stands between an answer and the answer's texts; JSON holds no such character."""
_POLITE = 5
"""How much the process yields to others, such as the run that it belongs to (nice(2))."""


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_POLITE)
    rules = [Rule.model_validate_json(json.dumps(rule)) for rule in json.loads(sys.stdin.buffer.readline())["rules"]]
    tables()
    _limit(resource.RLIMIT_DATA, MEMORY)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    reader, known = None, frozenset[bytes]()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if asked["do"] == "know":
            known = known_contents(map(Path, asked["baselines"]))
            continue
        if asked["do"] == "open":
            all_collected = together(
                [open_collection(Path(folder)) for folder in (asked["folder"], *asked["beside"])]
            )
            reader = TableReader(replace(all_collected[0], known=known), rules)
            continue
        assert reader is not None, "a collection is opened before it is read"  # noqa: S101
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + asked["seconds"]) + _SPARE)
        texts = KeptTexts()
        answer = _answer(reader, asked).model_dump_json(context=texts)
        answers.write(f"{answer}{TEXTS}{json.dumps(texts.as_json())}\n".encode())
        answers.flush()


def _answer(reader: TableReader, asked: dict[str, Any]) -> BaseModel:
    seconds = asked["seconds"]
    match asked["do"]:
        case "join":
            return reader.join(asked["table"], asked["rules"], seconds)
        case "read":
            return reader.read(asked["table"], asked["rules"], seconds)
        case "changed":
            return Changed(at=reader.changed(asked["paths"], seconds))
        case "yara":
            from stopgap.orchestrator.findings.yara import add_yara, load_yara  # noqa: PLC0415 (an extra)

            found = Findings.model_validate_json(json.dumps(asked["found"]))
            return add_yara(found, reader.collected, load_yara(Path(asked["path"])), budget=seconds)
        case "sigma":
            from stopgap.orchestrator.findings.sigma import add_sigma, load_sigma  # noqa: PLC0415 (an extra)

            found = Findings.model_validate_json(json.dumps(asked["found"]))
            return add_sigma(found, reader.collected, load_sigma(Path(asked["path"])), budget=seconds)
    raise ValueError(f"nothing that can be asked: {asked['do']}")


def _limit(kind: int, soft: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


if __name__ == "__main__":
    main()
