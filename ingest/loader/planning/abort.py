"""A run whose file is not read to its end: it fails, or asks how the file is to be read."""

from collections.abc import Iterator
from contextlib import contextmanager

from ingest.loader.outcome.outcome import Column
from ingest.loader.outcome.reject_limit import LimitExceeded, limit_exceeded
from ingest.loader.outcome.rejects import RejectCollector
from ingest.loader.outcome.target import Target
from ingest.loader.planning.stray_quotes import ask_about_swallowed_lines
from ingest.loader.source.headers import read_header
from ingest.loader.source.local_file import LocalFile


@contextmanager
def abort(book: RejectCollector, target: Target, file: LocalFile | None = None) -> Iterator[None]:
    """Fail the run where reading stopped, with what is in ``book`` by then; or ask, where quotes may be the cause."""
    try:
        yield
    except LimitExceeded as stopped:
        if file:
            ask_about_swallowed_lines(file, stopped.swallowing)
        raise limit_exceeded(stopped, book, _columns_of(stopped.header, target), target) from None


def _columns_of(header: tuple[str, ...], target: Target) -> tuple[Column, ...]:
    """The columns of a file that was not read to its end, for its reject file: nothing is known of their values."""
    header_read = read_header(header, target.headers)
    pairs = zip(header_read.texts, header_read.names, strict=True)
    return tuple(Column(header=text, name=name, type="", proof="", values=0, nulls=0) for text, name in pairs)
