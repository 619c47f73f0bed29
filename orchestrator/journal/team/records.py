"""The records of a team in PostgreSQL; every append is one statement that checks the chain's last record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from stopgap.orchestrator.journal.chain import GENESIS, Row, link
from stopgap.orchestrator.journal.failure import DamagedRunError, JournalError, RunHeldError
from stopgap.orchestrator.journal.integrity import EXPORT, Kept
from stopgap.orchestrator.journal.table import PRUNED, in_order_of_append, pruned_text
from stopgap.orchestrator.journal.team.connection import LONG, PATIENCE, Database, driver
from stopgap.orchestrator.journal.team.schema import see_that_it_fits
from stopgap.orchestrator.secret import redact
from stopgap.orchestrator.text import Text, tr

if TYPE_CHECKING:
    from psycopg import Connection

T = TypeVar("T")
_ROWS = "SELECT seq, at, record, hash FROM stopgap.records WHERE run = %s ORDER BY seq"
_HEAD = "SELECT seq, hash FROM stopgap.heads WHERE run = %s"
_KEPT = (
    "SELECT h.seq, h.hash, r.seq, r.at, r.record, r.hash, r.kind"
    " FROM (SELECT * FROM stopgap.heads WHERE run = %(run)s) h"
    " FULL JOIN (SELECT * FROM stopgap.records WHERE run = %(run)s) r USING (run) ORDER BY r.seq"
)
_AFTER = "SELECT seq, at, record, hash FROM stopgap.records WHERE run = %s AND seq > %s ORDER BY seq"
_SINCE = "SELECT run, max(seq) FROM stopgap.records WHERE at >= %s GROUP BY run"
_OF_RUN = "SELECT seq, at, record, hash FROM stopgap.records WHERE run = %s AND kind = ANY (%s) ORDER BY seq"
_OF_KINDS = "SELECT run, seq, at, record, hash FROM stopgap.records WHERE kind = ANY (%s) ORDER BY number"
_LATEST = (
    "SELECT wanted.run, sort.kind, last.* FROM unnest(%s::text[]) AS wanted (run), unnest(%s::text[]) AS sort (kind),"
    " LATERAL (SELECT seq, at, record, hash FROM stopgap.records r WHERE r.run = wanted.run AND r.kind = sort.kind"
    " ORDER BY seq DESC LIMIT 1) AS last"
)
_RUNS = (
    # A loose scan: one look into the index for each run, instead of one for each record.
    "WITH RECURSIVE names(run) AS (SELECT min(run) FROM stopgap.records UNION ALL"
    " SELECT (SELECT min(run) FROM stopgap.records WHERE run > names.run) FROM names WHERE names.run IS NOT NULL),"
    " chains AS (SELECT run FROM names WHERE run IS NOT NULL UNION SELECT run FROM stopgap.heads)"
    " SELECT chains.run, coalesce(first.number, 0), coalesce(first.kind, '') FROM chains"
    " LEFT JOIN stopgap.records first ON first.run = chains.run AND first.seq = 0"
)
_ENDS = (
    "SELECT h.run, h.seq, h.hash FROM stopgap.heads h JOIN stopgap.records r USING (run, seq, hash)"
    " WHERE NOT EXISTS (SELECT FROM stopgap.records later WHERE later.run = h.run AND later.seq > h.seq)"
)
_EDITS = (
    # An edit has to disable or drop a trigger; rows that were updated or deleted are counted besides.
    "SELECT (SELECT oid FROM pg_database WHERE datname = current_database()), 'stopgap.records'::regclass::oid,"
    " (SELECT string_agg(xmin::text || tgenabled::text, ' ' ORDER BY oid) FROM pg_trigger"
    " WHERE tgrelid = 'stopgap.records'::regclass), pg_stat_get_tuples_updated('stopgap.records'::regclass),"
    " pg_stat_get_tuples_deleted('stopgap.records'::regclass)"
)
_DIGESTS = (
    "SELECT run, encode(sha256(convert_to("
    "string_agg(seq || '|' || hash || at || kind || record, '' ORDER BY seq), 'UTF8')), 'hex')"
    " FROM stopgap.records WHERE run = ANY (%s) GROUP BY run"
)
_APPEND = (
    "SELECT appended, head_seq, head_hash FROM stopgap.append(%s::text, %s::integer, %s::text,"
    " %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])"
)
_PRUNE = "SELECT stopgap.prune(%s::text, %s::integer, %s::text)"
_TRIES = 50
_AT_ONCE = 200
"""Records in one statement of a restore."""


class FencedError(RunHeldError):
    """A lock of this process was taken over by another: this process may do nothing more."""


class TeamTable:
    """The records of all runs in one database. Every method raises LostError for a database out of reach."""

    def __init__(self, database: Database, fences: Callable[[], Mapping[str, int]] = dict) -> None:
        """`fences`: the names and tokens of the locks that this process holds; each append checks them."""
        self._database = database
        self._fences = fences
        self._fits = False

    def reach(self) -> None:
        """Connect, and see that the journal there is one of this version. Raises LostError."""
        if not self._fits:
            self._database.act(lambda connection: see_that_it_fits(connection, self._database.address.shown))
            self._fits = True

    def append_rows(
        self,
        run: str,
        texts: Sequence[tuple[str, str, str]],
        holds: Callable[[Sequence[Row]], bool] | None = None,
        head: tuple[int, str] | None = None,
        *,
        fenced: bool = True,
    ) -> tuple[Row, ...] | None:
        """Append records to a run's chain; return the new rows, or None where `holds` is false of the run's rows.

        `head`: number and hash of the last record as known to the caller, which saves a round trip where it is right.
        Raises FencedError, DamagedRunError, JournalError for a pruned run.
        """
        head = head or (-1, GENESIS)
        kinds = [kind for kind, _, _ in texts]
        for _ in range(_TRIES):
            if holds is not None:
                before = self.rows(run)
                if not holds(before):
                    return None
                head = (before[-1].seq, before[-1].hash) if before else (-1, GENESIS)
            rows = linked(run, texts, head)
            stands = self._append(run, head, kinds, rows, fenced=fenced)
            if stands == (rows[-1].seq, rows[-1].hash):
                return rows
            head = stands
        raise JournalError(tr("run {run}: others write to it without a pause; give the command again", run=run))

    def append(
        self, run: str, texts: Sequence[tuple[str, str, str]], holds: Callable[[Sequence[Row]], bool] | None = None
    ) -> int | None:
        """Append records to a run's chain: see `RecordStore`."""
        rows = self.append_rows(run, texts, holds)
        return rows[0].seq if rows else None

    def restore(self, run: str, rows: Sequence[Row], kind_of: Callable[[Row], str]) -> int:
        """Restore a run's whole chain: see `RecordStore`. No lock is checked: what is on record was done."""
        mine = self.rows(run)
        if mine != list(rows[: len(mine)]):
            raise DamagedRunError(run, [tr("the journal has other records of it than {export}", export=EXPORT)])
        missing = rows[len(mine) :]
        for part in (missing[at : at + _AT_ONCE] for at in range(0, len(missing), _AT_ONCE)):
            at = part[0].seq
            head = (at - 1, rows[at - 1].hash) if at else (-1, GENESIS)
            if self._append(run, head, [*map(kind_of, part)], part, fenced=False) != (part[-1].seq, part[-1].hash):
                raise DamagedRunError(run, [tr("the journal has other records of it than {export}", export=EXPORT)])
        return len(missing)

    def prune(
        self,
        heads: Mapping[str, tuple[int, str]],
        texts: Sequence[tuple[str, str, str]],
        is_held: Callable[[str], bool],
    ) -> None:
        """Remove the records of runs: see `RecordStore`. Raises JournalError for an account that may not."""
        psycopg = driver()
        head = self._database.act(lambda connection: connection.execute(_HEAD, (PRUNED,)).fetchone())
        before = (int(head[0]), str(head[1])) if head else (-1, GENESIS)
        rows = linked(PRUNED, texts, before)

        def act(connection: Connection[Any]) -> None:
            with connection.transaction():
                for run, (seq, last) in heads.items():
                    if is_held(run):
                        raise JournalError(_changed(run))
                    try:
                        connection.execute(_PRUNE, (run, seq, last))
                    except psycopg.errors.InsufficientPrivilege:
                        raise JournalError(
                            tr("this account may not remove records; the role stopgap_keeper may")
                        ) from None
                    except psycopg.DatabaseError as error:
                        if error.sqlstate == "SG005":
                            raise JournalError(_changed(run)) from None
                        raise
                appended = connection.execute(_APPEND, _values(PRUNED, before, [k for k, _, _ in texts], rows, {}))
                if not (found := appended.fetchone()) or not found[0]:
                    raise JournalError(_changed(next(iter(heads), PRUNED)))

        self._told(PRUNED, lambda: self._database.act(act, seconds=LONG))

    def rows(self, run: str) -> list[Row]:
        """Return the rows of a run, in order."""
        return [Row(*row) for row in self._select(_ROWS, (run,))]

    def kept(self, run: str) -> Kept | None:
        """Return rows, head and misfiled rows of a run, as of one moment: one statement sees one state."""
        found = self._select(_KEPT, {"run": run})
        head = (int(found[0][0]), str(found[0][1])) if found and found[0][0] is not None else None
        stored = [row for row in found if row[2] is not None]
        rows = [Row(*row[2:6]) for row in stored]
        misfiled = [int(row[2]) for row in stored if f'"kind":"{row[6]}"' not in row[4]]
        content = "".join(f"{seq}|{digest}{at}{kind}{record}" for _, _, seq, at, record, digest, kind in stored)
        return Kept(rows, head, misfiled, sha256(content.encode()).hexdigest()) if rows or head else None

    def ends(self) -> dict[str, tuple[int, str]]:
        """Return number and hash of the last record of every chain that ends where its head says."""
        return {str(run): (int(seq), str(digest)) for run, seq, digest in self._select(_ENDS, (), seconds=LONG)}

    def edits(self) -> str:
        """Return a text that changes with every statement that edits or deletes records."""
        return " ".join(map(str, [self._database.address.shown, *self._select(_EDITS, ())[0]]))

    def digests(self, runs: Sequence[str]) -> dict[str, str]:
        """Return the SHA-256 of all that is stored of each run: see `Kept.digest`. The database computes it."""
        return {str(run): str(found) for run, found in self._select(_DIGESTS, (list(runs),), seconds=LONG)}

    def after(self, run: str, seq: int) -> list[Row]:
        """Return the rows of a run with a higher number, in order."""
        return [Row(*row) for row in self._select(_AFTER, (run, seq))]

    def heads(self) -> dict[str, int]:
        """Return the number of the last record of every chain."""
        return {str(run): int(seq) for run, seq in self._select("SELECT run, seq FROM stopgap.heads", ())}

    def last_since(self, at: str) -> dict[str, int]:
        """Return the number of the last record of every chain with a record at or after a time."""
        return {str(run): int(seq) for run, seq in self._select(_SINCE, (at,), seconds=LONG)}

    def of_run(self, run: str, *kinds: str) -> list[Row]:
        """Return the rows of the given kinds of one run, in order."""
        return [Row(*row) for row in self._select(_OF_RUN, (run, list(kinds)))]

    def of_kinds(self, *kinds: str) -> Iterator[tuple[str, Row]]:
        """Yield the rows of the given kinds of all runs, each with its run, in order of the append."""
        return ((str(run), Row(*row)) for run, *row in self._select(_OF_KINDS, (list(kinds),), seconds=LONG))

    def latest_of_kinds(self, runs: Sequence[str], *kinds: str) -> dict[str, dict[str, Row]]:
        """Return the last row of each kind of each of the runs."""
        found: dict[str, dict[str, Row]] = {run: {} for run in runs}
        for run, kind, *row in self._select(_LATEST, (list(runs), list(kinds)), seconds=LONG) if runs else ():
            found[run][kind] = Row(*row)
        return found

    def runs(self) -> list[str]:
        """Return the ids of all runs, by the order of their beginning; runs without their first record come last."""
        return in_order_of_append(self._select(_RUNS, (), seconds=LONG))

    def displaced(self) -> bool:
        """Return False: a database has no place that could be moved away."""
        return False

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def _select(self, query: str, values: Any, *, seconds: float = PATIENCE) -> list[tuple[Any, ...]]:  # noqa: ANN401
        self.reach()
        return self._told(
            "", lambda: self._database.act(lambda c: c.execute(query, values).fetchall(), seconds=seconds)
        )

    def _append(
        self, run: str, head: tuple[int, str], kinds: Sequence[str], rows: Sequence[Row], *, fenced: bool
    ) -> tuple[int, str]:
        """Append linked rows behind `head`; return the head that stands in the database after it."""
        self.reach()
        values = _values(run, head, kinds, rows, self._fences() if fenced else {})
        found = self._told(run, lambda: self._database.act(lambda c: c.execute(_APPEND, values).fetchone()))
        if found is None:
            raise JournalError(tr("{where}: no answer", where=self._database.address.shown))
        return int(found[1]), str(found[2])

    def _told(self, run: str, act: Callable[[], T]) -> T:
        """Return what `act` returns, with the errors of the schema's functions in the words of the journal."""
        psycopg = driver()
        try:
            return act()
        except psycopg.Error as error:
            where, words = self._database.address.shown, str(error).splitlines()[0]
            match error.sqlstate:
                case "SG001":
                    raise DamagedRunError(run, [tr("the head of the chain is missing")]) from None
                case "SG002":
                    raise JournalError(pruned_text(run)) from None
                case "SG003":
                    raise FencedError(_taken_over(run, words)) from None
            raise JournalError(tr("{where}: {reason}", where=where, reason=redact(words))) from None


def linked(run: str, texts: Sequence[tuple[str, str, str]], head: tuple[int, str]) -> tuple[Row, ...]:
    """Return the rows of new records behind a head, each of kind, time and text."""
    seq, previous = head
    rows = []
    for _, at, text in texts:
        seq += 1
        previous = link(previous, run, seq, at, text)
        rows.append(Row(seq, at, text, previous))
    return tuple(rows)


def _values(
    run: str, head: tuple[int, str], kinds: Sequence[str], rows: Sequence[Row], fences: Mapping[str, int]
) -> tuple[Any, ...]:
    return (
        run,
        *head,
        [row.at for row in rows],
        list(kinds),
        [row.record for row in rows],
        [row.hash for row in rows],
        list(fences),
        list(fences.values()),
    )


def _changed(run: str) -> Text:
    return tr("run {run} was changed at this moment; nothing was removed; give the command again", run=run)


def _taken_over(run: str, words: str) -> Text:
    who, _, name = words.partition("\t")
    return tr(
        "run {run}: {who} took over the lock {name}; this process does nothing more",
        run=run,
        who=who or tr("somebody"),
        name=name,
    )
