"""The account of a run: its rejects and columns in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import cursor as Cursor

from ingest.loader.outcome import Column
from ingest.loader.plan import Identities, Plan
from ingest.loader.reading import Reading
from ingest.loader.rejects import Code, Reject, RejectBook
from ingest.loader.resolve import reason_of
from ingest.loader.rows import bad_records
from ingest.loader.scan import Scan
from ingest.loader.split import raw_records
from ingest.loader.statements import merging
from ingest.loader.types import SPACES


@dataclass(frozen=True, slots=True)
class Account:
    """Writes a run's rejects into its book, each with its line and its raw record."""

    reading: Reading
    book: RejectBook

    def refuse_bad_values(self, planned: Plan) -> None:
        """The records that the plan leaves out."""
        counts, first = bad_records(self.reading, planned, self.book.room)
        kinds = {column.name: column.type for column in planned.columns}
        self._add(
            [
                _Refused(
                    ordinal=bad.ordinal,
                    code=bad.code,
                    column=bad.column,
                    value=bad.value,
                    reason=f"{bad.value.strip(SPACES)[:100]!r} is no {kinds[bad.column].short}."
                    if bad.code is Code.BAD_VALUE
                    else "The key is longer than 2,600 bytes, which no index entry holds.",
                )
                for bad in first
            ],
            counts,
        )

    def refuse_fates(self, cursor: Cursor, fates: dict[str, int], names: Sequence[str], identities: Identities) -> None:
        """The records without a usable key or in conflict; ``fates`` counts them, duplicates apart."""
        counts = {Code(code): count for code, count in fates.items() if code != "duplicate"}
        if not counts:
            return
        key = tuple(column for identity in identities for column in identity)
        shown = [column for column in key if column in identities[0] or column in names]
        cursor.execute(merging.rejected_fates(shown, self.book.room))
        lines = self.reading.certified.lines
        refused = []
        for n, code, other, holder, values in cursor.fetchall():
            told: dict[str, Any] = dict(zip(shown, values, strict=True))
            other_line = None if other is None else lines.line_of(other)
            lacking = next((column for column in identities[0] if told[column] is None), key[0])
            column = "email" if code == Code.KEY_CONFLICT else lacking
            reason = reason_of(Code(code), key, lacking, holder, other_line, told.get("email"))
            refused.append(
                _Refused(ordinal=n, code=Code(code), column=column, value=told.get(column) or "", reason=reason)
            )
        self._add(refused, counts)

    def _add(self, refused: Sequence["_Refused"], counts: dict[Code, int]) -> None:
        raws = dict(raw_records(self.reading.certified, [one.ordinal for one in refused])) if refused else {}
        left = dict(counts)
        for one in refused:
            line = self.reading.certified.lines.line_of(one.ordinal)
            left[one.code] -= 1
            self.book.add(
                Reject(
                    line=line,
                    code=one.code,
                    reason=one.reason,
                    raw=raws[one.ordinal],
                    column=one.column,
                    value=one.value,
                )
            )
        for code, count in left.items():
            self.book.tally(code, count)

    def columns(self, headers: Sequence[str], found: Scan, planned: Plan) -> tuple[Column, ...]:
        """Every column of the file that is loaded, with its proof; ``headers`` are its texts in the file."""
        certified = self.reading.certified
        told = []
        for header, column in zip(headers, planned.columns, strict=True):
            judged = found.columns[column.name]
            proof = ""
            if judged.proof:
                narrower, witness = judged.proof
                proof = f"line {certified.lines.line_of(witness.record):,} is {witness.value.strip(SPACES)[:100]!r}"
                proof += f", which is no {narrower.short}" if narrower else ""
            told.append(
                Column(
                    header=header,
                    name=column.name,
                    type=column.type.short,
                    proof=proof,
                    values=judged.values,
                    nulls=judged.nulls,
                )
            )
        return tuple(told)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Refused:
    ordinal: int
    code: Code
    column: str
    value: str
    reason: str
