"""Every parser of findings is fed what a hostile host may send: its own examples, damaged.

A parser that is added without an example that it reads fails here. `FUZZ_EXAMPLES` says how many for each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.evidence.shelf import Shelf
from orchestrator.findings import shipped_rules
from orchestrator.findings.table import Row, tables

from .collection import content_of, file_content, shelf

FEW = int(os.environ.get("FUZZ_EXAMPLES", "25"))
TABLES = sorted(tables())
SEEDS: dict[str, dict[str, Any]] = {
    "audit-lines": {"logs": {"/var/log/audit/audit.log": 'type=EXECVE msg=audit(1795399000.1:7): a0="x" a1=2F78\n'}},
}
"""Examples of tables that no rule reads."""
ODD = st.sampled_from(
    [b"\0", b"\n", b"\x1b[2J", b"\xff\xfe", b"|", b"\\", b":", b" ", b"-1", b"9" * 40, b"1e400", b"nan", b"0x", b"(",
     b")", b"[", b'"', b"%", b"\xc2\xb2", b"\xed\xb2\x80", b"=", b"a" * 70_000, b"/" * 300, b"{", b"\r"]
)  # fmt: skip


@cache
def examples(name: str) -> list[dict[str, Any]]:
    """What rules of this table, or those that join it, give as examples."""
    found = [SEEDS[name]] if name in SEEDS else []
    for rule in shipped_rules():
        if name in {rule.table, *(join.table for join in rule.joins())}:
            found += [*rule.finds, *rule.spares]
    return found


def rows(collection: Shelf, name: str) -> Iterator[Row]:
    return tables()[name].read(collection)


@pytest.mark.parametrize("name", TABLES)
def test_every_parser_has_an_example_that_it_reads(name: str, tmp_path: Path) -> None:
    read = (next(rows(shelf(tmp_path / str(n), given), name), None) for n, given in enumerate(examples(name)))
    assert any(read), f"give {name} a rule with an example, or a seed here"


def damaged(content: bytes, data: st.DataObject) -> bytes:
    """Cut, double and overwrite some places."""
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(content)))
        end = at + data.draw(st.integers(0, 12))
        put = data.draw(ODD | st.binary(max_size=6) | st.just(content[at:end] * 2))
        content = content[:at] + put + content[end:]
    return content


def damaged_artifact(given: Any, data: st.DataObject) -> Any:
    """Damage a text, or the files of an archive and not its headers, which have a test of their own."""
    if not isinstance(given, dict) or set(given) <= {"text", "times"}:
        return damaged(content_of(given)[:20_000], data)
    files = {}
    for path, spec in given.items():
        of = spec if isinstance(spec, dict) else {"text": spec}
        kept = {key: value for key, value in of.items() if key in {"mode", "uid", "target", "mtime"}}
        files[path] = kept | {"hex": damaged(file_content(of)[:20_000], data).hex()}
    return files


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=FEW, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_host_can_break_a_parser(name: str, tmp_path: Path, data: st.DataObject) -> None:
    table = tables()[name]
    seed = dict(data.draw(st.sampled_from(examples(name))))
    beside = {key: damaged_artifact(value, data) for key, value in seed.pop("beside", {}).items()}
    held = {key: damaged_artifact(value, data) for key, value in seed.items()}
    collection = shelf(tmp_path / "c", held)
    if beside:
        collection = replace(collection, beside=(shelf(tmp_path / "beside", beside),))
    for row in rows(collection, name):
        assert set(row.fields) == set(table.fields)
        assert all(isinstance(value, str | int | float) for value in row.fields.values())
        assert row.place.artifact in {*table.reads, *table.also}
