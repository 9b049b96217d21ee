"""The least and the greatest value: DuckDB and Python find the same, in the order of the type."""

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import loader
from ingest.loader.types import values as module
from ingest.loader.types.min_max import extremes, extremes_sql, found_extremes
from ingest.loader.types.types import GRAMMAR, Type
from ingest.loader.types.values import instant_sql, integer_sql, literal, number_sql

KNOWN = {
    Type.BOOLEAN: (("true", "FALSE", "True"), ("FALSE", "true")),
    Type.BIGINT: (("9", "10", "-2", "9223372036854775807"), ("-2", "9223372036854775807")),
    Type.NUMERIC: (("9.5", "10", "-.5", "-0.25"), ("-.5", "10")),
    Type.DATE: (("2024-02-29", "1999-12-31"), ("1999-12-31", "2024-02-29")),
    Type.TIMESTAMP: (
        ("2024-01-01T09:00", "2024-01-01 10:00:00.5", "2024-01-01 10:00"),
        ("2024-01-01T09:00", "2024-01-01 10:00:00.5"),
    ),
    Type.TIMESTAMPTZ: (
        ("2024-01-01 10:00Z", "2024-01-01T10:30:00 +02", "2024-01-01 10:00:00+0100", "2024-01-01 04:00:00-0630"),
        ("2024-01-01T10:30:00 +02", "2024-01-01 04:00:00-0630"),
    ),
    Type.UUID: (
        ("B0000000-0000-0000-0000-000000000000", "a0000000-0000-0000-0000-000000000000"),
        ("a0000000-0000-0000-0000-000000000000", "B0000000-0000-0000-0000-000000000000"),
    ),
    Type.TEXT: (("b", "a", "é", "Z", ""), ("", "é")),
}


CONNECTION = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})


def by_duckdb(kind: Type, values: list[str]) -> tuple[str, str] | None:
    answer = CONNECTION.execute(f"select {extremes_sql(kind, 'c')} from (select unnest($1::varchar[]) as c)", [values])
    ((found,),) = answer.fetchall()
    return found_extremes({kind: found}).get(kind)


@pytest.mark.parametrize("kind", KNOWN)
def test_values_are_ordered_as_their_type_is(kind: Type) -> None:
    values, expected = KNOWN[kind]
    assert extremes(kind, values) == expected
    assert by_duckdb(kind, list(values)) == expected


@pytest.mark.parametrize("kind", GRAMMAR)
def test_duckdb_and_python_find_the_same(kind: Type) -> None:
    @given(st.lists(st.from_regex(GRAMMAR[kind], fullmatch=True, alphabet=st.characters(codec="ascii")), max_size=6))
    def same(values: list[str]) -> None:
        assert by_duckdb(kind, values) == extremes(kind, values)

    same()


# -- casts ------------------------------------------------------------------------------------------------------------

AT_ONCE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)")
"""Of an instant, what DuckDB reads without looking for a time zone of that name, which takes it a millisecond."""


def asked(expression: str) -> str | None:
    """The value of an expression of DuckDB's, as text."""
    ((value,),) = CONNECTION.execute(f"select ({expression})::varchar").fetchall()
    return value


@given(st.from_regex(GRAMMAR[Type.TIMESTAMPTZ], fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_duckdb_is_given_every_instant_in_a_form_that_it_reads_at_once(value: str) -> None:
    given_to_it = asked(module._plain_instant_sql(literal(value)))
    assert AT_ONCE.fullmatch(given_to_it or "")
    assert asked(instant_sql(literal(value))) is not None


@pytest.mark.parametrize(
    "value", ["2024-01-05 10:00:00 Europe/Oslo", "2024-01-05", "2024-01-05 10:00:00 +05:30:15", "2024-01-05 10:00", "1"]
)
def test_duckdb_is_given_no_instant_that_the_grammar_refuses(value: str) -> None:
    """Some of these its cast would read, some it would think about for long."""
    assert asked(instant_sql(literal(value))) is None


@pytest.mark.parametrize("cast", [integer_sql, number_sql])
@pytest.mark.parametrize("value", ["2024-01-05 10:00:00 Europe/Oslo", "", "x", "9" * 100_000, "1" + "e" * 1_000])
def test_a_cast_to_a_number_of_what_is_none_is_no_error(cast: Callable[[str], str], value: str) -> None:
    assert asked(cast(literal(value))) in (None, "inf")


def test_no_other_module_of_the_loader_lets_duckdb_cast() -> None:
    folder = Path(loader.__file__).parent
    casting = {file.name for file in folder.rglob("*.py") if re.search(r"\b(try_)?cast\((?!\")", file.read_text())}
    assert casting == {"values.py"}
