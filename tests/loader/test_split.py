"""The splitter, held against the oracle: the same records, lines, rejects and cells, however the file is cut."""

import re

import duckdb
import psycopg2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.loader.outcome.rejects import Reject
from ingest.loader.records.split import Certified, raw_records, split
from ingest.loader.source.dialect.dialect import Dialect
from ingest.loader.source.layout.grammar import grammar_of
from tests.loader.read_oracle import Account, read

BLOCKS = st.sampled_from([1, 2, 3, 5, 7, 16, 64, 1 << 18])
LONGEST = st.sampled_from([1, 2, 3, 5, 8, 13, 21, 40, 1 << 20])
PIECES = [b'"', b'""', b",", b"\n", b"\r", b"\r\n", b" ", b"a", b"bc", b"\0", b"\xff", b"\xc3", b"\\", b";", b"'"]
PIECES += [b'"x"', b'"x\ny"', b"a,b,c\n", b'"1","2","3"\n', "é".encode(), b"\xef\xbb\xbf", b"\\."]
WILD = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)
CLEAN = st.lists(st.sampled_from([b"a", b"bc", b'"x"', b'""', b'"x\ny"', b'"a,b"', b'"a""b"', b" a "]), max_size=9)
ALMOST_CLEAN = st.builds(
    lambda cells, end, line_end: line_end.join([*cells, end]), CLEAN, WILD, st.sampled_from([b"\n", b"\r\n"])
)
HANGING = [b'a",b,"c\n', b'"\n', b'x,"y\n', b'",\n', b"z\n", b'"q\n', b'""\r\n', b'",","\n', b'" "\n', b"yyyyyyyyyyy\n"]
OPEN = st.lists(st.sampled_from(HANGING), max_size=25).map(b"".join)
"""Quotes that go over many line ends, close and open again."""
BODIES = st.one_of(WILD, ALMOST_CLEAN, OPEN)


def certified(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, **options: object
) -> tuple[Certified, list[Reject]]:
    folder = tmp_path_factory.mktemp("split")
    source = folder / "source.csv"
    source.write_bytes(data)
    rejects: list[Reject] = []
    dialect = options.pop("dialect", Dialect())
    found = split(source, dialect, scratch=folder / "copy.csv", reject=rejects.append, **options)  # type: ignore[arg-type]
    return found, rejects


def is_canonical(body: bytes, delimiter: bytes) -> bool:
    """Whether no reader can doubt what ``body`` says: nothing but quoted cells and cells without any quote."""
    cell = rb'(?:"(?:[^"]|"")*"|[^\r\n"%b]*)' % re.escape(delimiter)
    record = rb"(?!\xef\xbb\xbf|\\\.(?:[\r\n]|\Z))%b(?:%b%b)*" % (cell, re.escape(delimiter), cell)
    patterns = (rb"(?:%b%b)*(?:%b)?" % (record, line_end, record) for line_end in (b"\n", b"\r\n"))
    return any(re.fullmatch(pattern, body) for pattern in patterns)


def check(found: Certified, rejects: list[Reject], expected: Account) -> None:
    assert [(one.line, str(one.code)) for one in rejects] == [(line, code) for line, code, _ in expected.rejected]
    assert [one.raw for one in rejects] == [raw for _, _, raw in expected.rejected]
    assert found.blank == expected.blank
    assert found.records == len(expected.accepted)
    assert [found.lines.line_of(n) for n in range(found.records)] == [line for line, _, _ in expected.accepted]
    body = found.path.read_bytes()[found.offset :]
    assert is_canonical(body, found.dialect.delimiter.encode())
    again = read(body, len(found.header), delimiter=found.dialect.delimiter.encode())
    assert not again.rejected
    assert not again.blank
    assert [cells for _, _, cells in again.accepted] == [cells for _, _, cells in expected.accepted]
    raw = list(raw_records(found, range(found.records)))
    assert raw == [(n, raw) for n, (_, raw, _) in enumerate(expected.accepted)]


@settings(max_examples=500)
@given(body=BODIES, block=BLOCKS, longest=LONGEST, columns=st.integers(1, 3))
@example(body=b'a",b,"c\n' * 3 + b'"\n', block=7, longest=23, columns=1)  # ends in time for the second line only
def test_it_finds_what_the_oracle_finds(tmp_path_factory, body, block, longest, columns):
    header = b",".join([b"h"] * columns) + b"\n"
    longest = max(longest, len(header))
    found, rejects = certified(tmp_path_factory, header + body, block=block, longest=longest)
    check(found, rejects, read(body, columns, line=2, longest=longest))


DIALECTS = st.builds(
    Dialect,
    delimiter=st.sampled_from([",", ";", "\t", "|", " "]),
    quote=st.sampled_from(['"', "'", ""]),
    escape=st.sampled_from(['"', "'", "\\"]),
)


@settings(max_examples=500)
@given(body=BODIES, block=BLOCKS, longest=LONGEST, columns=st.integers(1, 3), dialect=DIALECTS)
def test_it_finds_what_the_oracle_finds_in_any_dialect(tmp_path_factory, body, block, longest, columns, dialect):
    delimiter, quote, escape = (text.encode() for text in (dialect.delimiter, dialect.quote, dialect.escape))
    header, body = delimiter.join([b"h"] * columns) + b"\n", body.replace(b",", delimiter)
    longest = max(longest, len(header))
    found, rejects = certified(tmp_path_factory, header + body, block=block, longest=longest, dialect=dialect)
    check(found, rejects, read(body, columns, line=2, longest=longest, delimiter=delimiter, quote=quote, escape=escape))


def as_duckdb_reads(found: Certified) -> list[tuple[str | None, ...]]:
    """The certified records under the loader's own options; DuckDB must take every one of them."""
    names = ", ".join(f"'c{n}': 'varchar'" for n in range(len(found.header)))
    connection = duckdb.connect(config={"threads": 1})
    rows = connection.execute(
        f"select * from read_csv('{found.path}', all_varchar=true, parallel=false, auto_detect=false, "
        f"header=true, delim='{found.dialect.delimiter}', quote='\"', escape='\"', "
        f"strict_mode=true, allow_quoted_nulls=false, null_padding=false, store_rejects=true, "
        f"max_line_size={found.longest + 1}, columns={{{names}}})"
    ).fetchall()
    assert connection.execute("select count(*) from reject_errors").fetchall() == [(0,)]
    return rows


@settings(max_examples=300)
@given(body=BODIES, columns=st.integers(1, 3), newline=st.sampled_from([b"\n", b"\r\n", b"\r"]), bom=st.booleans())
@example(body=b"a\r\nbcd", columns=1, newline=b"\r\n", bom=False)
def test_duckdb_reads_what_is_certified(tmp_path_factory, body, columns, newline, bom):
    header = b"\xef\xbb\xbf" * bom + b",".join([b"h"] * columns) + newline
    found, _ = certified(tmp_path_factory, header + body)
    assert as_duckdb_reads(found) == [cells for _, _, cells in read(body, columns).accepted]


def as_postgres_reads(connection: psycopg2.extensions.connection, found: Certified) -> list[tuple[str | None, ...]]:
    """The certified records as COPY takes them from the byte at which they begin."""
    connection.rollback()  # whatever became of the example before
    columns = ", ".join(f"c{n} text" for n in range(len(found.header)))
    with connection.cursor() as cursor, found.path.open("rb") as file:
        file.seek(found.offset)
        cursor.execute(f"create temp table copied (n bigint generated always as identity, {columns})")
        names = columns.replace(" text", "")
        cursor.copy_expert(
            f"copy copied ({names}) from stdin (format csv, delimiter '{found.dialect.delimiter}', encoding 'UTF8')",
            file,
        )
        cursor.execute(f"select {names} from copied order by n")
        return cursor.fetchall()


@settings(max_examples=200)
@given(body=BODIES, columns=st.integers(1, 3), newline=st.sampled_from([b"\n", b"\r\n", b"\r"]), bom=st.booleans())
@example(body=b'"a\n\\.\nb"\n\\.\n"\\."', columns=1, newline=b"\n", bom=False)
def test_postgres_reads_what_is_certified(tmp_path_factory, database, body, columns, newline, bom):
    header = b"\xef\xbb\xbf" * bom + b",".join([b"h"] * columns) + newline
    found, _ = certified(tmp_path_factory, header + body)
    assert as_postgres_reads(database, found) == [cells for _, _, cells in read(body, columns).accepted]


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        (b"1,a,", b"1,a"),
        (b"1,a, , ", b"1,a"),
        (b"1,,,", b"1,"),
        (b'"1,x",,,', b'"1,x",'),
        (b'"1,x","a,b",""', b'"1,x","a,b"'),
        (b"1,\"a\",' '", None),
        (b'1,a," \n "', None),
        (b"1,a,x", None),
    ],
)
def test_blank_cells_after_the_columns_are_dropped(record, kept):
    assert grammar_of(",", '"', '"').first_cells(record, 2) == kept
