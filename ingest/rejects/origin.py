"""Find the dataset and run that a corrected reject file names as its origin (file-rules#corrections)."""

import csv
import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.datasets.permission import sender_may_load
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.dialect.own_files import our_delimiter
from ingest.loader.source.identifiers import (
    ADDRESS_HEADERS,
    is_corrected,
    likeness,
    plain_headers,
    positions_of,
    used_positions,
)
from ingest.loader.source.layout.grammar import without_marks
from ingest.models import Run

_MAX_RECORDS = 10_000
_MAX_SHOWN = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """The origin that a reject file names in its first records."""

    datasets: frozenset[str]
    runs: frozenset[str]
    headers: tuple[str, ...]
    """The headers of its original columns."""


def address_of(head: bytes, *, whole: bool) -> Address | None:
    """Return the origin that the reject file starting with ``head`` names; ``whole``: ``head`` is the entire file.

    None if it isn't a reject file, or doesn't name its run.
    """
    text = without_marks(head)
    delimiter = our_delimiter(text)
    records = _records(text, delimiter, whole=whole) if delimiter else iter(())
    header = next(records, [])
    positions = positions_of(header, ADDRESS_HEADERS)
    if not is_corrected(header) or not positions:
        return None
    origins = [[record[index].strip() for index in positions] for record in records if len(record) == len(header)]
    return Address(
        datasets=frozenset(dataset for dataset, _ in origins if dataset),
        runs=frozenset(run for _, run in origins if run),
        headers=tuple(header[position] for position in used_positions(header)),
    )


def _records(text: bytes, delimiter: str, *, whole: bool) -> Iterator[list[str]]:
    """Yield the first records, without the last one if the file continues, since it may be incomplete."""
    previous: list[str] | None = None
    reader = csv.reader(io.StringIO(text.decode(errors="replace"), newline=""), delimiter=delimiter)
    for number, record in enumerate(reader):
        if previous is not None:
            yield previous
        previous = record
        if number >= _MAX_RECORDS:
            return
    if previous is not None and whole:
        yield previous


def origin_of(address: Address, who: str) -> Run:
    """Return the run whose rejects a file corrects, if ``who`` may load into its dataset; "" means the bucket itself.

    Raises RunFailed if the run can't be found, or the file doesn't fit it.
    """
    if not address.runs or not address.datasets:
        raise RunFailed("The file has the columns of a reject file, but none of its rows names a dataset and a run.")
    if len(address.runs) > 1 or len(address.datasets) > 1:
        raise RunFailed(
            "The rows of this reject file come from several runs (see its columns _dataset and _run). Upload one file "
            "for each run."
        )
    (number,), (name,) = address.runs, address.datasets
    run = Run.objects.select_related("dataset").filter(public_id=_uuid(number), dataset__name=name).first()
    if run is None or not sender_may_load(run.dataset, who):
        access = f", or {who} has no access to it" if who else ""
        raise RunFailed(
            f"The file says that it corrects rejects of {name[:_MAX_SHOWN]} (_run {number[:_MAX_SHOWN]}), but this "
            f"site has no such run{access}. Check its columns _dataset and _run."
        )
    unknown = _unknown_headers(address, run)
    if unknown:
        raise RunFailed(
            f"The file corrects rejects of run {run.pk}, but has columns that neither that run's file nor {name} has: "
            f"{', '.join(unknown)}. Rename or remove them and upload it again."
        )
    return run


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _unknown_headers(address: Address, run: Run) -> list[str]:
    """Return the headers that neither the run's file nor the dataset has."""
    names = [text for column in run.columns for text in (column["header"], column["name"])]
    known = {likeness(text) for text in (*names, *plain_headers(run.dataset.headers))}
    return [text[:_MAX_SHOWN] for text in address.headers if likeness(text) not in known]
