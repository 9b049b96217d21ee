"""The account of a run: its rejects and columns in sentences."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

from psycopg2.extensions import cursor as Cursor

from ingest.loader.outcome.outcome import Column, KeyChange
from ingest.loader.outcome.reject_codes import Code
from ingest.loader.outcome.reject_limit import LimitExceeded, RejectLimit
from ingest.loader.outcome.rejects import Reject, RejectCollector
from ingest.loader.planning.current_table import CurrentTable
from ingest.loader.planning.identities import Identities, email_beside_id
from ingest.loader.planning.plan import Plan, PlannedColumn
from ingest.loader.planning.scan import ColumnScan, Scan
from ingest.loader.records.reading import CertifiedReader
from ingest.loader.records.split import raw_records
from ingest.loader.sql import merging
from ingest.loader.types.types import SPACES, Type, widest
from ingest.loader.writing.copy_stream import BadRecord, bad_records
from ingest.loader.writing.match_rows import cause_of

_SHOWN = 100
"""Characters of a value that are told."""
_AT_ONCE = 2_000
"""Records that are read anew at once: each time a block of the file has to be cut again."""


@dataclass(frozen=True, slots=True)
class RejectReporter:
    """Writes a run's rejects into its book, each with its line and its raw record."""

    reading: CertifiedReader
    book: RejectCollector

    def reject_bad_values(self, planned: Plan, records: int, limit: RejectLimit) -> None:
        """The records that the plan leaves out, of ``records`` in the file.

        Raises GivenUp where there are many more behind those that are too many by themselves.
        """
        with closing(bad_records(self.reading, planned)) as found:
            while batch := list(islice(found, _AT_ONCE)):
                if len(batch) == _AT_ONCE and limit.is_exceeded(len(self.book), records):
                    certified = self.reading.certified
                    line = certified.lines.line_of(batch[0].ordinal)
                    raise LimitExceeded(header=certified.header, line=line, records=records, whole=True)
                self._add(map(_rejected, batch))

    def reject_by_key(
        self, cursor: Cursor, fates: dict[str, int], names: Sequence[str], identities: Identities
    ) -> None:
        """The records without a usable key or in conflict; ``fates`` counts them, and duplicates."""
        if not set(fates) - {"duplicate"}:
            return
        key = tuple(column for identity in identities for column in identity)
        shown = [column for column in key if column in identities[0] or column in names]
        with cursor.connection.cursor(name="fates") as found:  # on the server: there may be millions
            found.itersize = _AT_ONCE
            found.execute(merging.rejected_fates(shown))
            self._add(self._rejected_by_key(found, shown, identities))

    def _rejected_by_key(
        self, fates: Iterable[tuple[Any, ...]], shown: Sequence[str], identities: Identities
    ) -> Iterator["_RejectedRecord"]:
        lines, first, email = self.reading.certified.lines, identities[0], email_beside_id(identities)
        for n, code, other, holder, values in fates:
            key: dict[str, Any] = dict(zip(shown, values, strict=True))
            other_line = None if other is None else lines.line_of(other)
            lacking = next((column for column in first if key[column] is None), first[0])
            column = email if email and code == Code.KEY_CONFLICT else lacking
            cause, reason = cause_of(Code(code), identities, lacking, holder, other_line, key.get(email or ""))
            yield _RejectedRecord(ordinal=n, code=cause.code, column=column, value=key.get(column) or "", reason=reason)

    def _add(self, refused: Iterable["_RejectedRecord"]) -> None:
        """Each with its line and its record, which is read anew; ``refused`` come by ascending ordinals."""
        waiting = iter(refused)
        while batch := list(islice(waiting, _AT_ONCE)):
            raws = raw_records(self.reading.certified, [one.ordinal for one in batch])
            for one, (_, raw) in zip(batch, raws, strict=True):
                line = self.reading.certified.lines.line_of(one.ordinal)
                self.book.add(
                    Reject(line=line, code=one.code, reason=one.reason, raw=raw, column=one.column, value=one.value)
                )

    def columns(self, headers: Sequence[str], found: Scan, planned: Plan) -> tuple[Column, ...]:
        """Every column of the file that is loaded, with its proof; ``headers`` are its texts in the file."""
        told = []
        for header, column in zip(headers, planned.columns, strict=True):
            scanned = found.columns[column.name]
            line, proof = self._type_reason(scanned, column)
            kind = column.type if column.type in scanned.extremes else scanned.type or Type.TEXT
            least, greatest = scanned.extremes.get(kind, (None, None))
            told.append(
                Column(
                    header=header,
                    name=column.name,
                    type=column.type.short,
                    proof=proof,
                    line=line,
                    values=scanned.values,
                    nulls=scanned.nulls,
                    least=least and least[:_SHOWN],
                    greatest=greatest and greatest[:_SHOWN],
                )
            )
        return tuple(told)

    def key_changes(self, identities: Identities, found: Scan, current: CurrentTable, planned: Plan) -> list[KeyChange]:
        """The columns of ``identities`` whose values become ``text``, each with the first value that makes them so.

        A column in which the table holds no value takes the file's type: nothing of it changes.
        """
        keys = {column for identity in identities for column in identity} - current.empty
        told = []
        for name, kind in planned.altered.items():
            if kind is not Type.TEXT or name not in keys:
                continue
            before, scanned = current.columns[name], found.columns[name]
            mismatch = scanned.ruled_out[widest(before)]
            told.append(
                KeyChange(
                    column=name,
                    before=before.short,
                    values=scanned.misfits[widest(before)],
                    line=self.reading.certified.lines.line_of(mismatch.record),
                    value=mismatch.value.strip(SPACES)[:_SHOWN],
                )
            )
        return told

    def _type_reason(self, scanned: ColumnScan, column: PlannedColumn) -> tuple[int | None, str]:
        """The line and the sentence of the value that counts: the first that the column doesn't hold, if it rejects.

        Else the one that ruled out a narrower type; None and nothing where no value had to.
        """
        told = scanned.proof
        if column.rejects and column.type in scanned.ruled_out:
            told = column.type, scanned.ruled_out[column.type]
        if not told:
            return None, ""
        narrower, mismatch = told
        line = self.reading.certified.lines.line_of(mismatch.record)
        which = f", which is not a valid {narrower.short}" if narrower else ""
        return line, f"line {line:,} is {mismatch.value.strip(SPACES)[:_SHOWN]!r}{which}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _RejectedRecord:
    ordinal: int
    code: Code
    column: str
    value: str
    reason: str


def _rejected(bad: BadRecord) -> _RejectedRecord:
    rejection = bad.rejection
    return _RejectedRecord(
        ordinal=bad.ordinal,
        code=rejection.cause.code,
        column=rejection.column,
        value=bad.value,
        reason=rejection.sentence(bad.value),
    )
