"""Every parser of findings is fed what a hostile host may send: its own examples, damaged.

A parser that is added without an example that it reads fails here. `FUZZ_EXAMPLES` says how many for each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings import judge, shipped_rules
from stopgap.orchestrator.findings.table import Row, tables
from stopgap.orchestrator.findings.timeline import timeline

from .collection import collected, content_of, file_content, tar

FEW = int(os.environ.get("FUZZ_EXAMPLES", "25"))
TABLES = sorted(tables())
SEEDS: dict[str, dict[str, Any]] = {
    "changed": {"bodyfile": "0|/etc/x.conf|5|-rw-r--r--|0|0|9|1.0|1795400000.0|1795400000.0|0.0\n"},
    "history-lines": {"histories": {"/root/.bash_history": "#1795399000\nls\n: 1795399000:0;ls\n"}},
    "web-code": {"web-code": {"/var/www/html/x.php": "<?php echo 1;\n"}},
    "audit-lines": {"logs": {"/var/log/audit/audit.log": 'type=EXECVE msg=audit(1795399000.1:7): a0="x" a1=2F78\n'}},
}
"""Examples of tables that no rule reads."""
ODD = st.sampled_from(
    [b"\0", b"\n", b"\x1b[2J", b"\xff\xfe", b"|", b"\\", b":", b" ", b"-1", b"9" * 40, b"1e400", b"nan", b"0x", b"(",
     b")", b"[", b'"', b"%", b"\xc2\xb2", b"\xed\xb2\x80", b"=", b"a" * 70_000, b"/" * 300, b"{", b"\r",
     b"9" * 5000, b"0" * 5000 + b"1", b"-" + b"9" * 5000, b"9" * 19, b"inf", b"\xd9\xa3", b"1_0", b"+1", b" " * 5000,
     b"\xf0\x9f\x98\x80", b"." + b"9" * 400, b"[" * 3000, b"9999-12-31T23:59:59-23:59"]
)  # fmt: skip


@cache
def examples(name: str) -> list[dict[str, Any]]:
    """What rules of this table, or those that join it, give as examples."""
    found = [SEEDS[name]] if name in SEEDS else []
    for rule in shipped_rules():
        if name in {rule.table, *(join.table for join in rule.joins())}:
            found += [*rule.tests.matches, *rule.tests.spares]
    return found


def rows(collection: CollectionReader, name: str) -> Iterator[Row]:
    return tables()[name].read(collection)


@pytest.mark.parametrize("name", TABLES)
def test_every_parser_has_an_example_that_it_reads(name: str, tmp_path: Path) -> None:
    read = (next(rows(collected(tmp_path / str(n), given), name), None) for n, given in enumerate(examples(name)))
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
    if not isinstance(given, dict) or set(given) <= {"text", "times", "packets"}:
        return damaged(content_of(given)[:20_000], data)
    files = {}
    for path, spec in given.items():
        of = spec if isinstance(spec, dict) else {"text": spec}
        kept = {key: value for key, value in of.items() if key in {"mode", "uid", "target", "mtime"}}
        files[path] = kept | {"hex": damaged(file_content(of)[:20_000], data).hex()}
    return files


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=FEW, deadline=None)
@given(data=st.data())
def test_no_host_can_break_a_parser(name: str, tmp_path: Path, data: st.DataObject) -> None:
    table = tables()[name]
    seed = dict(data.draw(st.sampled_from(examples(name))))
    beside = {key: damaged_artifact(value, data) for key, value in seed.pop("beside", {}).items()}
    held = {key: damaged_artifact(value, data) for key, value in seed.items()}
    collection = collected(tmp_path / "c", held)
    if beside:
        collection = replace(collection, beside=(collected(tmp_path / "beside", beside),))
    judged = judge(collection, [rule for rule in shipped_rules() if rule.table == name])
    assert not any("an error of its own" in unread.reason for unread in judged.unread)
    for row in rows(collection, name):
        assert set(row.fields) == set(table.fields)
        assert all(isinstance(value, str | int | float) for value in row.fields.values())
        assert row.place.artifact in {*table.reads, *table.also, *table.beside}


ARTIFACTS = sorted({artifact for table in tables().values() for artifact in (*table.reads, *table.also)})
WORDS = st.sampled_from(
    ["/proc/7/stat:", "7 (x) S 1", "0|", "|", "/proc/self/net/tcp:", "tcp LISTEN ", ":0016 ", "\0", "\n", " ",
     "missing ", "??5??????   /bin/ps", "hidden: ", "9" * 30, "-1", "²", "\x1b", "/etc/", "cap_x=ep", " - ", "nan",
     "9" * 5000, "٣", "1_0", "😀" * 300, "9999-12-31T23:59:59-23:59 ", "0001-01-01T00:00:00+23:59 ",
     "/proc/7/fd/3 -> socket:[9]", "looked at 1, listed ", "/proc/self/mountinfo:", "\\x", "\\777", "1e400",
     "/sys/class/net/x/flags:0xfff"]
)  # fmt: skip
TEXTS = st.lists(WORDS | st.text(max_size=8), max_size=30).map("".join)
PATHS = st.sampled_from(
    ["/var/log/auth.log", "/var/log/syslog.2.gz", "/var/log/wtmp", "/var/log/apache2/access.log", "/etc/passwd",
     "/root/.bash_history", "/root/.ssh/authorized_keys", "/etc/cron.d/x", "/var/www/html/x.php", "/etc/php/php.ini",
     "/usr/bin/ps"]
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(
    texts=st.dictionaries(st.sampled_from(ARTIFACTS), TEXTS | st.binary(max_size=2000), max_size=6),
    files=st.dictionaries(PATHS, TEXTS, max_size=5),
    cut=st.integers(0, 20000),
)
def test_no_host_can_break_the_parsers(
    tmp_path: Path, texts: dict[str, Any], files: dict[str, str], cut: int
) -> None:
    archive = tar(files)
    held: dict[str, Any] = {artifact: archive[:cut] if cut < len(archive) else archive for artifact in ARTIFACTS}
    collection = collected(tmp_path, held | texts)
    judged = judge(collection, shipped_rules())
    judged.canonical()
    assert not any("an error of its own" in unread.reason for unread in judged.unread)
    for line in timeline([collection]):
        assert {"message", "datetime", "timestamp_desc"} <= set(json.loads(line))
