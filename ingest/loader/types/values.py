"""The value of a cell in a typed column, in DuckDB's SQL and in Python, by the same grammar of the types.

The functions that end in ``_sql`` are given the name of a cell, and give an expression that does what their
namesakes do.
"""

from collections.abc import Iterable

from ingest.loader.types.types import GRAMMAR, LONGEST_TYPED, SPACES, Type, holds


def literal(text: str) -> str:
    """Return ``text`` as a string literal of DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def trimmed_sql(cell: str) -> str:
    """Return the cell without the spaces around it."""
    return f"trim({cell}, {literal(SPACES)})"


def holds_sql(kind: Type, cell: str) -> str:
    """Return whether a column of ``kind`` can hold the cell as it is."""
    condition = f"regexp_full_match({cell}, {literal(GRAMMAR[kind])})"
    # Only a number can be any length: the other grammars end by themselves.
    return f"(strlen({cell}) <= {LONGEST_TYPED} and {condition})" if kind is Type.NUMERIC else condition


def unfit(kind: Type, cell: str | None) -> bool:
    """Return whether the cell has a value that a column of ``kind`` can't hold; spaces around it don't count."""
    value = cell.strip(SPACES) if cell else ""
    return bool(value) and not holds(kind, value)


def unfit_sql(kind: Type, cell: str) -> str:
    """Return the SQL for it; it may be NULL where the cell is."""
    return f"{trimmed_sql(cell)} <> '' and not {holds_sql(kind, trimmed_sql(cell))}"


def as_typed(cell: str | None) -> str | None:
    """Return the cell as a typed column stores it: trimmed, NULL if blank."""
    return (cell.strip(SPACES) or None) if cell else None


def as_typed_sql(cell: str) -> str:
    """Return the SQL for it."""
    return f"nullif({trimmed_sql(cell)}, '')"


def as_key(cell: str | None) -> str | None:
    """Return the cell as a text key: unchanged, but NULL if blank."""
    return cell if cell and cell.strip(SPACES) else None


def as_key_sql(cell: str) -> str:
    """Return the SQL for it."""
    return f"case when {trimmed_sql(cell)} <> '' then {cell} end"


def are_addresses(cells: Iterable[str | None]) -> bool:
    """Return whether there is a value, and each holds exactly one ``@``; blank cells are none."""
    counts = {cell.count("@") for cell in cells if cell and cell.strip(SPACES)}
    return counts == {1}


def no_address_sql(cell: str) -> str:
    """Return the condition that the cell doesn't hold exactly one ``@``; NULL where the cell is."""
    return f"strlen({cell}) <> strlen(replace({cell}, '@', '')) + 1"


_CAPITALS, _SMALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_TO_SMALL = str.maketrans(_CAPITALS, _SMALL)


def caseless(text: str) -> str:
    """Return the text in ASCII lower case without outer spaces: equal for e-mails that a caseless match takes as one.

    PostgreSQL's expression is ``sql.matching.caseless``.
    """
    return text.strip(SPACES).translate(_TO_SMALL)


def caseless_sql(cell: str) -> str:
    """Return the SQL for it: DuckDB's own ``lower`` knows more letters than those of ASCII."""
    return f"translate({trimmed_sql(cell)}, '{_CAPITALS}', '{_SMALL}')"


MARK = "'"
"""What a spreadsheet-safe export puts before a cell that a spreadsheet would take for a formula."""


def unmarked(cell: str | None) -> str | None:
    """Return the cell of a spreadsheet-safe export without its mark."""
    return cell[1:] if cell and cell.startswith(MARK) else cell


def unmarked_sql(cell: str) -> str:
    """Return the SQL for it."""
    return f"case when starts_with({cell}, {literal(MARK)}) then substr({cell}, 2) else {cell} end"


# DuckDB casts an instant only if our own grammar has let it pass, and in a form that it reads at once. What it can't
# read it tries in other ways: "2024-01-05 10:00:00 +05:30" took it a millisecond, in which it looked for a time zone
# named "+05:30". Its casts to numbers cost no more than the length of the text, whatever it is, and a grammar in front
# of them would be matched once more for each value of each column.


def integer_sql(cell: str) -> str:
    """Return the value of a cell that is a ``bigint``."""
    return f"try_cast({cell} as bigint)"


def number_sql(cell: str) -> str:
    """Return the nearest 64-bit float to a cell that is a ``numeric``."""
    return f"try_cast({cell} as double)"


def instant_sql(cell: str) -> str:
    """Return the cell's instant, NULL where it is no ``timestamptz``."""
    return f"case when {holds_sql(Type.TIMESTAMPTZ, cell)} then try_cast({_plain_instant_sql(cell)} as timestamptz) end"


def _plain_instant_sql(cell: str) -> str:
    """Return SQL for a valid ``timestamptz`` with seconds, and without a space before the offset."""
    seconds = f"case when substr({cell}, 17, 1) = ':' then '' else ':00' end"
    return f"left({cell}, 10) || ' ' || substr({cell}, 12, 5) || {seconds} || replace(substr({cell}, 17), ' ', '')"
