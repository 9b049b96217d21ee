"""Rows as they were: kept before a run changes or deletes them (file-rules#undo)."""

from dataclasses import dataclass

from psycopg2.extensions import cursor as Cursor

from ingest.loader.outcome.target import Target
from ingest.loader.planning.identities import Identities, email_beside_id
from ingest.loader.source.dialect.dialect import Dialect
from ingest.loader.sql import before_images, tables
from ingest.loader.sql.matching import Matching
from ingest.loader.types.types import Type
from ingest.loader.writing.catalog import read_shadow
from ingest.loader.writing.optimistic import CopyStrategy

WITHHELD = (
    "Nothing was deleted: the key of {count:,} rejected records can't be read, so rows that are missing can't be told."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotDeletion:
    """What a snapshot found missing from its file."""

    rows: int
    """Of the table before."""
    deleted: int = 0
    withheld: str = ""
    """Why nothing was deleted, in a sentence."""


@dataclass(slots=True)
class BeforeImages:
    """Keeps the before-images of one run's table; made once its columns are as the run wants them."""

    cursor: Cursor
    target: Target
    strategy: CopyStrategy
    identities: Identities

    def keep_changed(self) -> None:
        """Keep the rows that the table of changes is about to change."""
        self._have_shadow()
        moves = email_beside_id(self.identities) is not None
        self.cursor.execute(
            before_images.save_changed(self.target.table, self._names(), self.target.run_id, moves=moves)
        )

    def delete_missing(self, keyless: int) -> SnapshotDeletion:
        """Delete, and keep, the rows that a snapshot doesn't name; none where a rejected record's key is unknown.

        ``keyless`` are the records that have no key: each might be any row.
        """
        table = self.target.table
        self.cursor.execute(tables.count_rows(table))
        (rows,) = self.cursor.fetchone() or (0,)
        named = [c for identity in self.identities for c in identity if c in self.strategy.plan.names]
        unreadable, keys = self.strategy.named_keys(named)
        unreadable += self.strategy.malformed + keyless
        if keys is not None:
            kinds = {c.name: c.type for c in self.strategy.plan.columns if c.name in named}
            with keys:
                self.cursor.execute(before_images.create_named(kinds))
                self.cursor.copy_expert(
                    tables.copy_rows(before_images.NAMED, named, named, Dialect(), freeze=False), keys, 1 << 18
                )
        if unreadable:
            return SnapshotDeletion(rows=rows, withheld=WITHHELD.format(count=unreadable))
        self._have_shadow()
        self.cursor.execute(
            before_images.delete_missing(
                table,
                self._names(),
                self.identities,
                [*self.strategy.plan.names, *self.identities[0]],
                self.target.run_id,
                Matching(self.strategy.plan.caseless),
                named=keys is not None,
            )
        )
        return SnapshotDeletion(rows=rows, deleted=self.cursor.rowcount)

    def _have_shadow(self) -> None:
        current = self.strategy.current
        if not self.strategy.plan.has_ddl and current.shadow is not None and current.shadow.issuperset(self._names()):
            return
        kept = read_shadow(self.cursor, self.target.table)
        if kept is None:
            kinds = {**current.columns, **{c.name: c.type for c in self.strategy.plan.columns}}
            id_type = kinds.get("id", Type.TEXT)
            for statement in before_images.create_shadow(self.target.table, id_type):
                self.cursor.execute(statement)
            return
        # Columns that somebody has added by hand since the shadow was made.
        added = {name: kind for name, kind in current.foreign.items() if name not in kept}
        added |= {name: kind.short for name, kind in current.columns.items() if name not in kept}
        for name, kind in added.items():
            self.cursor.execute(before_images.add_column(self.target.table, name, kind))

    def _names(self) -> list[str]:
        """All columns of the table, as it is now."""
        return self.strategy.current.all_columns(*self.strategy.plan.names)
