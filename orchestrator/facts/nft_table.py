"""A table of nft(8), which most routers do not have before a block: several are asked for at the price of one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, Self, TypeAlias

from stopgap.orchestrator.facts.program import ProgramFact
from stopgap.orchestrator.facts.reader import Output, Reader, UnreadableError
from stopgap.orchestrator.shell import join

Form: TypeAlias = Literal["-s", "-j"]
"""As text without counters and times, or as JSON with both."""
_HEADER = re.compile(rb"asked (-[sj] [a-z]+ \S+) status (\d{1,3}) bytes (\d{1,9})\n")
_ABSENT = 100
"""Instead of an exit status of nft(8): no table of that name is listed."""
_JOINED = """\
LC_ALL=C; export LC_ALL
there=$(nft list tables) || exit
newline='
'
asked() {
    status=@absent@ text=
    case $newline$there$newline in
        *"${newline}table $2 $3$newline"*) text=$(nft "$1" list table "$2" "$3"); status=$? ;;
    esac
    printf 'asked %s %s %s status %s bytes %s\\n%s\\n' "$1" "$2" "$3" $status ${#text} "$text"
}
"""


@dataclass(frozen=True)
class NftTable(Reader[ProgramFact]):
    """List a table; status 1 without such a table (nft(8): `list` lists, and no option of it writes a file)."""

    family: str
    table: str
    form: Form
    others: tuple[tuple[str, ...], ...] = ()
    """The tables asked for with this one, this one included: form, family and name of each."""
    deadline = 30.0
    cap = 8 << 20

    def script(self) -> str:
        """Return the script: one command, or the names of all tables and then a command for each that is there."""
        if not self.others:
            return f"LC_ALL=C nft {self.form} list table {join([self.family, self.table])}"
        return _JOINED.replace("@absent@", str(_ABSENT)) + "".join(f"asked {join(words)}\n" for words in self.others)

    def joined_with(self, others: Sequence[Self]) -> Self:
        """Return one reader for the tables of all readers, without duplicates."""
        return replace(self, others=tuple(dict.fromkeys(each._words for each in (self, *others))))

    def parse(self, output: Output) -> ProgramFact:
        """Keep status and text; a part of a listing, which could pass for the whole, is an error."""
        if output.status is None or output.truncated:
            raise UnreadableError(f"nft list table {self.family} {self.table}: no complete answer")
        answers = _answers(output.stdout.raw)
        if not answers:
            return ProgramFact(status=output.status, stdout=output.stdout.decoded(), stderr=output.stderr.decoded())
        if (mine := answers.get(" ".join(self._words))) is None:
            raise UnreadableError(f"nft list table {self.family} {self.table}: no answer among the others")
        status, text = mine
        if status == _ABSENT:
            return ProgramFact(status=1, stderr="Error: No such file or directory\n")  # as nft(8) says it
        return ProgramFact(status=status, stdout=text, stderr=output.stderr.decoded())

    @property
    def _words(self) -> tuple[str, ...]:
        return self.form, self.family, self.table


@lru_cache(maxsize=4)
def _answers(raw: bytes) -> Mapping[str, tuple[int, str]]:
    """Return status and text of each table asked for together, by its words; empty for one asked alone."""
    answers: dict[str, tuple[int, str]] = {}
    at = 0
    while header := _HEADER.match(raw, at):
        words, status, size = header[1].decode("utf-8", "replace"), int(header[2]), int(header[3])
        text = raw[header.end() : header.end() + size]
        answers[words] = status, text.decode("utf-8", "surrogateescape") + "\n" if size else ""
        at = header.end() + size + 1
    return answers
