"""The least and the greatest value: DuckDB and Python find the same, in the order of the type."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.loader.extremes import extremes, extremes_sql, found_extremes
from ingest.loader.types import GRAMMAR, Type

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
