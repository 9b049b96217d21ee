"""The table's definition: columns, keys, our own columns; each statement is listed for the run (file-rules#evolve)."""

from collections.abc import Sequence

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import cursor as Cursor
from psycopg2.sql import Composable

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.planning.current_table import CurrentTable
from ingest.loader.planning.identities import Identities, shared_email_evidence
from ingest.loader.planning.plan import Plan
from ingest.loader.sql import before_images, tables
from ingest.loader.sql.matching import Matching
from ingest.loader.types.types import join
from ingest.loader.writing.catalog import dependent_views

OWN = ("processed_at", "run_id")


class Definition:
    """Changes one table's definition and remembers the statements in ``ddl``."""

    def __init__(self, cursor: Cursor, table: str) -> None:
        self.ddl: list[str] = []
        self._cursor = cursor
        self._table = table

    def define(self, statement: Composable) -> None:
        """Execute a statement and list it."""
        self._cursor.execute(statement)
        self.ddl.append(statement.as_string(self._cursor))

    def create(self, planned: Plan, *, numbered: bool) -> None:
        """The table with the file's columns, and ``record_id`` where rows have no identity."""
        kinds = {column.name: column.type for column in planned.columns}
        self._cursor.execute(before_images.drop_shadow(self._table))  # of a table of that name which somebody dropped
        self.define(tables.create_table(self._table, kinds, numbered=numbered))

    def add_own(self, missing: Sequence[str], run_id: int | None = None) -> None:
        """Our own columns; rows that stand belong to ``run_id`` then."""
        for statement in tables.add_own_columns(self._table, missing, run_id):
            self.define(statement)

    def change_columns(self, planned: Plan, current: CurrentTable) -> None:
        """Create the table, or add and widen columns, as planned.

        Raises RunFailed, naming the views, where one stands in the way; nothing is ever dropped for it.
        """
        if planned.create:
            self.create(planned, numbered=False)
            self.add_own(OWN)
            return
        if planned.own_missing:
            self.add_own(planned.own_missing)
        if not planned.added and not planned.altered:
            return
        self._cursor.execute("savepoint alter_table")
        try:
            empty = current.empty
            self.define(tables.alter_table(tables.table(self._table), planned.added, planned.altered, empty))
            if current.shadow is not None:
                self._change_shadow(planned, current)
        except psycopg2.NotSupportedError:
            self._cursor.execute("rollback to savepoint alter_table")
            views = dependent_views(self._cursor, self._table)
            others = [f"view {view}" for view in views] + [f"column {name}" for name in sorted(current.generated)]
            columns = ", ".join(f"{name} ({kind.short})" for name, kind in planned.altered.items())
            raise RunFailed(
                f"The file needs wider columns in {self._table}: {columns}; but they are read by the "
                f"{', '.join(others)}. Drop what reads them, retry the run and create it again."
            ) from None
        self._cursor.execute("release savepoint alter_table")

    def _change_shadow(self, planned: Plan, current: CurrentTable) -> None:
        """Change the before-images with their table; a column that changes its kind ends their undo."""
        shadow, altered = before_images.shadow(self._table), planned.altered
        emptied = [column for column in altered if join(current.columns[column], altered[column]) != altered[column]]
        for column in emptied:
            self._cursor.execute(tables.has_value(shadow, column))
            row = self._cursor.fetchone()
            if row and row[0]:
                self._cursor.execute(before_images.drop_shadow(self._table))
                return
        self._cursor.execute(tables.alter_table(shadow, planned.added, altered, emptied))
        if "id" in altered:
            self._cursor.execute(before_images.alter_id(self._table, altered["id"]))

    def keep_identities(self, identities: Identities, current: CurrentTable, match: Matching) -> None:
        """Give the table the constraints that keep its identities, where it lacks them.

        Raises RunFailed where the rows that stand don't allow them.
        """
        if not identities and "record_id" not in current.own:
            self.define(tables.add_record_id(self._table, primary=not current.uniques))
        for number, identity in enumerate(identities):
            primary = not number and not current.uniques
            try:
                if tuple(sorted(identity)) not in current.uniques:
                    self.define(tables.add_key(self._table, identity, primary=primary))
                if tuple(sorted(identity)) not in current.caseless:
                    self._ignore_case(identity, match)
            except (errors.UniqueViolation, errors.NotNullViolation, errors.UndefinedColumn) as error:
                raise RunFailed(
                    f"{' and '.join(identity)} can't be the key of {self._table}: rows that stand repeat it, lack it, "
                    "or the table has no such column. Choose another key for the dataset."
                ) from error

    def _ignore_case(self, identity: tuple[str, ...], match: Matching) -> None:
        """Let no two rows differ by the case or the outer spaces of an e-mail alone, where they are matched so."""
        if match.caseless & set(identity):
            self.define(tables.add_caseless_index(self._table, identity, match))

    def try_identities(self, planned: Plan) -> tuple[Identities, str]:
        """Give a new, filled table its keys, and the evidence; an e-mail that is shared is no second key.

        Raises psycopg2.errors.UniqueViolation where the first key repeats, or one that is settled already.
        """
        match = Matching(planned.caseless)
        if planned.identities is not None:
            self._add_keys(planned.identities, match)
            return planned.identities, ""
        identities: Identities = ()
        for identity in planned.candidates:
            ddl_before = len(self.ddl)
            self._cursor.execute("savepoint key")
            try:
                self._add_keys((identity,), match, primary=not identities)
            except errors.UniqueViolation:
                if not identities:
                    raise
                self._cursor.execute("rollback to savepoint key")
                del self.ddl[ddl_before:]
                return identities, shared_email_evidence(identity[0])
            identities += (identity,)
        return identities, planned.evidence

    def _add_keys(self, identities: Identities, match: Matching, *, primary: bool = True) -> None:
        for number, identity in enumerate(identities):
            self.define(tables.add_key(self._table, identity, primary=primary and not number))
            self._ignore_case(identity, match)
