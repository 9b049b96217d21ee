"""What an operator changes by hand: a table's key, a column's type; each held against every row first.

See file-rules#types and #keys.

Both work in the caller's transaction and don't commit. They end the undo of earlier runs, except where a type widens.
"""

from psycopg2 import errors
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from ingest.loader.load import lock
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.planning.current_table import CurrentTable
from ingest.loader.planning.identities import EMAIL, Identities, caseless_columns, email_alias
from ingest.loader.planning.plan import LONGEST_KEY
from ingest.loader.sql import altering, before_images, tables
from ingest.loader.sql.matching import Matching
from ingest.loader.types.types import Type, join
from ingest.loader.writing.catalog import dependent_views, lock_and_read_table, read_table

SHOWN = 5
"""How many values that stand in the way are named."""


def change_key(connection: Connection, table: str, identities: Identities, *, ignore_email_case: bool = False) -> None:
    """Give the table these identities in place of those it has; () numbers its rows instead.

    Rows may lack the second identity, as records may: what is blank there becomes NULL, which is no value. Raises
    RunFailed, with what stands in the way, where the rows don't allow it.
    """
    lock(connection, table)
    with connection.cursor() as cursor:
        current = _locked(cursor, table)
        match = Matching(caseless_columns(identities, current.columns, ignore_case=ignore_email_case))
        for number, identity in enumerate(identities):
            _check_columns(table, current, identity)
            if number:
                _check_second(cursor, table, identity)
            else:
                _check_whole(cursor, table, identity)
            _check_key(cursor, table, identity, match)
        _drop_keys(cursor, table)
        for number, identity in enumerate(identities):
            cursor.execute(tables.add_key(table, identity, primary=not number))
        _ignore_case(cursor, table, identities, match)
        if not identities and "record_id" not in current.own:
            cursor.execute(tables.add_record_id(table, primary=True))
        cursor.execute(before_images.drop_shadow(table))


def ignore_email_case(connection: Connection, table: str, identities: Identities, *, ignore: bool) -> bool:
    """Match the e-mails of ``identities`` without regard to case and outer spaces from now on, or exactly again.

    Ends the undo of earlier runs, whose rows are found by the key as it was; returns whether it did, which it doesn't
    where exact matching is wanted and no e-mail was matched otherwise. Raises RunFailed where the identities have no
    e-mail, or rows would become one, naming some of them.
    """
    lock(connection, table)
    with connection.cursor() as cursor:
        current = _locked(cursor, table)
        match = Matching(caseless_columns(identities, current.columns, ignore_case=True))
        if not match.caseless and not ignore:
            return False
        if not match.caseless:
            key = " or ".join(", ".join(identity) for identity in identities) or "none"
            raise RunFailed(
                f"The key of {table} ({key}) has no e-mail column of type text, so there is no case to ignore. Change "
                "the key first, or leave this off."
            )
        _drop_caseless(cursor, table)
        if ignore:
            for identity in identities:
                _check_case(cursor, table, identity, match)
            _ignore_case(cursor, table, identities, match)
        cursor.execute(before_images.drop_shadow(table))
    return True


def email_of(connection: Connection, table: str) -> str | None:
    """Return the column of the table that holds e-mails, by the rule for the first file; else None.

    See file-rules#keys.
    """
    with connection.cursor() as cursor:
        columns = read_table(cursor, table).columns
        alias = email_alias(columns)
        if alias is None:
            return EMAIL if EMAIL in columns else None
        cursor.execute(altering.are_addresses(table, alias))
        (fits,) = cursor.fetchone() or (False,)
    return alias if fits else None


def drop_keys(connection: Connection, table: str) -> None:
    """Take the table's keys off, so that the next load gives it those that it chooses.

    Raises RunFailed where another table refers to one.
    """
    lock(connection, table)
    with connection.cursor() as cursor:
        _locked(cursor, table)
        _drop_keys(cursor, table)


def _ignore_case(cursor: Cursor, table: str, identities: Identities, match: Matching) -> None:
    for identity in identities:
        if match.caseless & set(identity):
            cursor.execute(tables.add_caseless_index(table, identity, match))


def _drop_caseless(cursor: Cursor, table: str) -> None:
    cursor.execute(altering.CASELESS_INDEXES, (table,))
    for (index,) in cursor.fetchall():
        cursor.execute(altering.drop_index(index))


def _check_case(cursor: Cursor, table: str, identity: tuple[str, ...], match: Matching) -> None:
    """No two rows differ only in the case or the outer spaces of their e-mails."""
    if not match.caseless & set(identity):
        return
    cursor.execute(altering.count_repeated(table, identity, match))
    (count,) = cursor.fetchone() or (0,)
    if count:
        cursor.execute(altering.repeated(table, identity, SHOWN, match))
        pairs = "; ".join(f"{first!r} and {second!r}" for first, second in cursor.fetchall())
        emails = "1 e-mail is" if count == 1 else f"{count:,} e-mails are"
        raise RunFailed(
            f"The case of e-mails in {table} can't be ignored: {emails} in several rows that would become one, such "
            f"as {pairs}. Delete or change all but one of each first."
        )


def _drop_keys(cursor: Cursor, table: str) -> None:
    _drop_caseless(cursor, table)
    cursor.execute(altering.KEYS, (table,))
    for constraint, columns in cursor.fetchall():
        try:
            cursor.execute(altering.drop_key(table, constraint, columns))
        except errors.DependentObjectsStillExist as error:
            raise RunFailed(
                f"The key of {table} can't be changed: other tables refer to it ({error.diag.message_detail})."
            ) from error


def _check_columns(table: str, current: CurrentTable, identity: tuple[str, ...]) -> None:
    unknown = [column for column in identity if column not in current.columns]
    if unknown:
        raise RunFailed(f"{table} has no column {unknown[0]}; it can't be the key.")


def _check_whole(cursor: Cursor, table: str, identity: tuple[str, ...]) -> None:
    """The first identity is in every row."""
    cursor.execute(altering.count_blank(table, identity))
    (blank,) = cursor.fetchone() or (0,)
    if blank:
        key_text = " and ".join(identity)
        raise RunFailed(f"{key_text} can't be the key of {table}: {blank:,} rows have no value there.")


def _check_second(cursor: Cursor, table: str, identity: tuple[str, ...]) -> None:
    """A second identity is in one row at least; blank ones are made NULL."""
    cursor.execute(tables.batch(altering.void_blanks(table, identity), altering.has_key(table, identity)))
    (filled,) = cursor.fetchone() or (False,)
    if not filled:
        key_text = " and ".join(identity)
        raise RunFailed(f"{key_text} can't be a second key of {table}: no row has a value there.")


def _check_key(cursor: Cursor, table: str, identity: tuple[str, ...], match: Matching) -> None:
    key_text = " and ".join(identity)
    cursor.execute(altering.count_longer(table, identity, LONGEST_KEY))
    (longer,) = cursor.fetchone() or (0,)
    if longer:
        raise RunFailed(
            f"{key_text} can't be the key of {table}: {longer:,} rows have more than {LONGEST_KEY:,} bytes there."
        )
    cursor.execute(altering.repeated(table, identity, SHOWN, match))
    repeated = [each for first, second in cursor.fetchall() for each in dict.fromkeys((first, second))]
    if repeated:
        raise RunFailed(
            f"{key_text} can't be the key of {table}: rows repeat it, such as {', '.join(map(repr, repeated))}."
        )


def change_type(connection: Connection, table: str, column: str, kind: Type) -> None:
    """Give a column this type, if it holds every value of the table.

    Raises RunFailed, naming the first values, where some stand in the way.
    """
    lock(connection, table)
    with connection.cursor() as cursor:
        current = _locked(cursor, table)
        before = current.columns.get(column)
        if before is None:
            raise RunFailed(f"{table} has no column {column}.")
        if before is kind:
            return
        widens = join(before, kind) is kind
        if not widens:
            _check_values(cursor, table, column, kind)
        if any(column in identity for identity in current.caseless):
            raise RunFailed(
                f"{column} can't become {kind.short}: it is a key whose case is ignored, which only text has. Set the "
                "dataset to match e-mails exactly first."
            )
        try:
            cursor.execute("savepoint by_hand")
            cursor.execute(altering.set_type(tables.table(table), column, kind))
        except errors.FeatureNotSupported:
            cursor.execute("rollback to savepoint by_hand")
            views = ", ".join(dependent_views(cursor, table))
            raise RunFailed(
                f"{column} can't become {kind.short}: views read {table}: {views}. Drop them first."
            ) from None
        except (errors.UniqueViolation, errors.NotNullViolation) as error:
            raise RunFailed(
                f"{column} can't become {kind.short}: as a key its values would repeat or vanish."
            ) from error
        if current.shadow is not None and not widens:
            cursor.execute(before_images.drop_shadow(table))
        elif current.shadow is not None:
            cursor.execute(altering.set_type(before_images.shadow(table), column, kind))
            if column == "id":
                cursor.execute(before_images.alter_id(table, kind))


def _check_values(cursor: Cursor, table: str, column: str, kind: Type) -> None:
    cursor.execute(altering.count_unfit(table, column, kind))
    (unfit,) = cursor.fetchone() or (0,)
    if not unfit:
        return
    cursor.execute(altering.unfit_values(table, column, kind, SHOWN))
    shown = ", ".join(repr(value[:100]) for (value,) in cursor.fetchall())
    raise RunFailed(f"{column} of {table} can't become {kind.short}: {unfit:,} values are none, such as {shown}.")


def _locked(cursor: Cursor, table: str) -> CurrentTable:
    if not read_table(cursor, table).exists:
        raise RunFailed(f"There is no table {table} yet.")
    return lock_and_read_table(cursor, table, ddl=True)
