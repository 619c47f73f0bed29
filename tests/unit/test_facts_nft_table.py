"""Tables of nft(8) that several steps ask for cost one command where they do not exist, and tell what each would."""

from __future__ import annotations

import json

import pytest

from stopgap.orchestrator.facts import NftTable, Output, UnreadableError, joint
from stopgap.orchestrator.hosttext import HostText

from .namespace import namespace, needs_namespaces

RULES = """\
table inet there {
    comment "asked -s inet gone status 0 bytes 5"
    set blocked4 { type ipv4_addr; elements = { 203.0.113.10 }; }
}
table inet there_too { comment "日本"; chain cut { counter; }; }
table bridge gone_from_inet { chain cut { counter; }; }
"""


ABSENT = "No such file or directory"
"""What drivers know an absent table by."""


def asked(*names: str) -> list[NftTable]:
    return [NftTable("inet", name, form) for name in names for form in ("-s", "-j")]


@needs_namespaces
def test_tables_asked_for_together_are_told_as_alone() -> None:
    readers = [*asked("there", "gone", "gone_from_inet", "there_too"), NftTable("bridge", "gone_from_inet", "-s")]
    with namespace() as router:
        router.sh(f"nft -f - <<'END'\n{RULES}END\n")
        ((run, asking),) = joint(readers)
        assert asking == tuple(readers)
        done = router.run("sh", "-c", run.script())
        output = Output(HostText(done.stdout.encode()), HostText(done.stderr.encode()), done.returncode)
        for reader in readers:
            alone, together = router.read(reader), reader.parse(output)
            assert (together.status, together.stdout) == (alone.status, alone.stdout)
            assert ABSENT in alone.stderr if alone.status else not alone.stderr
            assert (ABSENT in together.stderr) == (ABSENT in alone.stderr)
        there = readers[1].parse(output)
        assert {"table": {"family": "inet", "name": "there"}}.keys() <= json.loads(there.stdout)["nftables"][1].keys()


@needs_namespaces
def test_names_are_asked_for_once_and_a_table_that_is_not_there_never() -> None:
    readers = asked(*(f"gone{n}" for n in range(20)))
    with namespace() as router:
        ((run, _),) = joint(readers)
        counting = 'nft() { echo "nft $*" >&2; command nft "$@"; }\n'
        done = router.run("sh", "-c", counting + run.script())
        assert done.stderr.splitlines() == ["nft list tables"]
        said = Output(HostText(done.stdout.encode()), HostText(b""), 0)
        assert {reader.parse(said).status for reader in readers} == {1}


def test_what_keeps_nft_from_answering_is_told_for_each_table() -> None:
    first, second = asked("a")
    output = Output(HostText(b""), HostText(b"nft: Operation not permitted\n"), 126)
    for reader in (first, second, first.joined_with([second])):
        assert (reader.parse(output).status, reader.parse(output).stderr) == (126, "nft: Operation not permitted\n")


@pytest.mark.parametrize("changes", [{"status": None}, {"truncated": True}])
def test_a_part_of_a_listing_does_not_pass_for_the_whole(changes: dict[str, bool | None]) -> None:
    given = {"stdout": HostText(b"table inet a {\n"), "stderr": HostText(b""), "status": 0, **changes}
    with pytest.raises(UnreadableError, match="no complete answer"):
        NftTable("inet", "a", "-s").parse(Output(**given))  # type: ignore[arg-type]


def test_an_answer_that_is_not_among_the_others_is_an_error() -> None:
    reader = NftTable("inet", "a", "-s")
    output = Output(HostText(b"asked -s inet b status 100 bytes 0\n\n"), HostText(b""), 0)
    with pytest.raises(UnreadableError, match="no answer among the others"):
        reader.parse(output)
