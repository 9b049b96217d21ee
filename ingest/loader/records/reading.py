"""Read a certified file: its first records in Python, all of them as a DuckDB relation or a stream."""

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.records.in_memory import Cells, read_first
from ingest.loader.records.parts import Feed
from ingest.loader.records.split import Certified
from ingest.loader.types.values import literal, unmarked, unmarked_sql

HEAD = 1_000
"""Records that are read in Python, to propose types; fewer where there are hundreds of columns. A file that has no more
needs no DuckDB, whose connection alone takes 15-30 ms."""

_HEAD_VALUES = 200_000
"""Values of the head at most: about 0.2 s of judging in Python."""

_LINE_SIZE = 2 << 20
"""Bytes of the longest line that DuckDB's reader takes unless told."""

_MEMORY = 256 << 20
"""Bytes that DuckDB may take for any file; more for a wide file's aggregates and a long record's buffers."""

_ROWS = 1_000
"""Rows of a stream in memory at once."""


class CertifiedReader:
    """One certified file; ``used`` are the positions of its columns that are read, all if it is None.

    ``marked`` says that it is a spreadsheet-safe export: its cells are read without their marks.
    ``first`` are its first records. For the others there is DuckDB, connected when it is first asked: its columns are
    ``c0``, ``c1``…, its record numbers ``r``. The options are those under which DuckDB was exact on certified bytes
    (see ARCHITECTURE): everything is text, one thread, no detection. A context manager.
    """

    def __init__(
        self,
        certified: Certified,
        *,
        null_tokens: Sequence[str] = (),
        used: Sequence[int] | None = None,
        marked: bool = False,
    ) -> None:
        self.certified = certified
        self.width = len(certified.header)
        self._used = range(self.width) if used is None else used
        self._marked = marked
        self.null_tokens = tuple(null_tokens)
        self._lazy: duckdb.DuckDBPyConnection | None = None
        self._feed: Feed | None = None
        self.first = self._read_first()

    def _read_first(self) -> list[Cells]:
        most = min(HEAD, max(50, _HEAD_VALUES // len(self._used)))
        records = read_first(self.certified, most)
        if self.verbatim:
            return records
        tokens = frozenset(self.null_tokens)
        if self._marked:
            records = [tuple(map(unmarked, record)) for record in records]
        return [
            tuple(None if (cell := record[position]) in tokens else cell for position in self._used)
            for record in records
        ]

    @property
    def whole(self) -> bool:
        """Whether ``first`` are all records: then DuckDB needn't be asked for anything."""
        return len(self.first) == self.certified.records

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._lazy is None:
            self._lazy = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
            memory = _MEMORY + 16 * self.certified.longest + self.width * (512 << 10)
            self._lazy.execute(f"set memory_limit='{memory >> 20}MiB'")
        return self._lazy

    def __enter__(self) -> "CertifiedReader":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._lazy is not None:
            self._lazy.close()
        self._end_feed()

    def _fed(self) -> duckdb.DuckDBPyConnection:
        """Return the connection, with the records ready for one query."""
        self._end_feed()
        if self.certified.cuts:
            self._feed = Feed(self.certified.path, self.certified.offset, self.certified.cuts)
            self._connection.execute(f"set variable parts = {self._feed.paths}")
        return self._connection

    def _end_feed(self) -> None:
        feed, self._feed = self._feed, None
        if feed is not None:
            feed.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query over ``self.records``."""
        rows = self._fed().execute(query).fetchall()
        self._end_feed()
        return rows

    def stream(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query over ``self.records``, a few at a time; run no other query in between.

        In the order of the file, if the query doesn't say otherwise: one thread reads it.
        """
        result = self._fed().execute(query)
        try:
            while rows := result.fetchmany(_ROWS):
                yield from rows
        finally:
            result.execute("select 1")  # whoever stops early leaves no query that still reads
            self._end_feed()

    def check(self, records: int) -> None:
        """Raise RunFailed unless DuckDB took every record that the splitter accepted, as it accepted it.

        ``records`` is how many DuckDB has counted.
        """
        ((rejected,),) = self._connection.execute("select count(*) from reject_errors").fetchall()
        if rejected or records != self.certified.records:
            raise RunFailed(
                f"The splitter accepted {self.certified.records:,} records, but DuckDB read {records:,} and refused "
                f"{rejected:,}. Nothing was loaded. Report this file as a bug."
            )

    @property
    def verbatim(self) -> bool:
        """Whether every cell of the file is read unchanged."""
        return not self.null_tokens and len(self._used) == self.width and not self._marked

    @property
    def records(self) -> str:
        """The relation of all records, once in a query: ``r`` from 0, and the cells, the dataset's null tokens NULL."""
        cells = [f"f{position}" for position in self._used]
        if self._marked:
            cells = [unmarked_sql(cell) for cell in cells]
        if self.null_tokens:
            tokens = ", ".join(literal(token) for token in self.null_tokens)
            cells = [f"case when {cell} in ({tokens}) then null else {cell} end" for cell in cells]
        cells = [f"{cell} as c{number}" for number, cell in enumerate(cells)]
        return f"(select row_number() over () - 1 as r, {', '.join(cells)} from {self._read_csv()})"

    def _read_csv(self) -> str:
        dialect = self.certified.dialect
        columns = ", ".join(f"'f{position}': 'varchar'" for position in range(self.width))
        path = "getvariable('parts')" if self.certified.cuts else literal(str(self.certified.path))
        return (
            f"read_csv({path}, all_varchar=true, parallel=false, auto_detect=false, "
            f"header=true, delim={literal(dialect.delimiter)}, "
            f"quote={literal(dialect.quote)}, escape={literal(dialect.escape)}, strict_mode=true, "
            "allow_quoted_nulls=false, null_padding=false, store_rejects=true, "
            f"max_line_size={max(_LINE_SIZE, self.certified.longest + 1)}, columns={{{columns}}})"
        )

    def emit(self, query: str) -> "Emission":
        """Return the rows of ``query`` as a CSV stream, every value quoted, NULL as nothing."""
        return Emission(self._fed(), query)


class Emission:
    """The reading end of a pipe that DuckDB writes: its end comes only after DuckDB has ended well, else its error.

    A pipe that just ended would let COPY succeed with half the rows (seen: 1,093,632 of 2,000,000). A context
    manager; ``rows`` is how many were written, once the end was read.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, query: str) -> None:
        self.rows = 0
        self._connection = connection
        self._query = query
        self._error: BaseException | None = None
        reading, self._writing = os.pipe()
        self._stream = os.fdopen(reading, "rb", buffering=0)
        self._thread = threading.Thread(target=self._write, name="emission")
        self._thread.start()

    def _write(self) -> None:
        # Not `/dev/stdout` nor a named file: nothing touches the disk. Quoting all keeps `\.` a value (PostgreSQL 17
        # would end COPY there in a table of one column).
        path = Path("/dev/fd") / str(self._writing)
        try:
            written = self._connection.execute(
                f"copy ({self._query}) to {literal(str(path))} (format csv, header false, force_quote *)"
            ).fetchone()
            self.rows = written[0] if written else 0
        except BaseException as error:
            self._error = error
        finally:
            os.close(self._writing)

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most ``size``; b"" at the end. Raises what DuckDB raised."""
        block = self._stream.read(size)
        if not block:
            self._thread.join()
            if self._error is not None:
                raise self._error
        return block or b""

    def __enter__(self) -> "Emission":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stream.close()
        if kind is not None:
            self._connection.interrupt()
        self._thread.join()
