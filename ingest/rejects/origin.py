"""Which dataset and run a corrected reject file says that it comes from (file-rules#corrections)."""

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

_MOST_RECORDS = 10_000
_SHOWN = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a reject file says that it comes from, by its first records."""

    datasets: frozenset[str]
    runs: frozenset[str]
    headers: tuple[str, ...]
    """Of its original columns."""


def address_of(head: bytes, *, whole: bool) -> Address | None:
    """Return what the reject file that begins with ``head``, or is no longer (``whole``), says of its origin.

    None where it is no reject file, or one that doesn't name its run.
    """
    text = without_marks(head)
    delimiter = our_delimiter(text)
    records = _records(text, delimiter, whole=whole) if delimiter else iter(())
    header = next(records, [])
    places = positions_of(header, ADDRESS_HEADERS)
    if not is_corrected(header) or not places:
        return None
    named = [[record[at].strip() for at in places] for record in records if len(record) == len(header)]
    return Address(
        datasets=frozenset(dataset for dataset, _ in named if dataset),
        runs=frozenset(run for _, run in named if run),
        headers=tuple(header[position] for position in used_positions(header)),
    )


def _records(text: bytes, delimiter: str, *, whole: bool) -> Iterator[list[str]]:
    """The first records; the last one of a file that goes on is left out, since it may be cut."""
    before: list[str] | None = None
    reader = csv.reader(io.StringIO(text.decode(errors="replace"), newline=""), delimiter=delimiter)
    for number, record in enumerate(reader):
        if before is not None:
            yield before
        before = record
        if number >= _MOST_RECORDS:
            return
    if before is not None and whole:
        yield before


def origin_of(address: Address, who: str) -> Run:
    """Return the run whose rejects a file corrects, if ``who`` may load into its dataset; "" is the bucket itself.

    Raises RunFailed, with a sentence, where the file can't be sent back.
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
            f"The file says that it corrects rejects of {name[:_SHOWN]} (_run {number[:_SHOWN]}), but this site has no "
            f"such run{access}. Check its columns _dataset and _run."
        )
    strange = _strangers(address, run)
    if strange:
        raise RunFailed(
            f"The file corrects rejects of run {run.pk}, but has columns that neither that run's file nor {name} has: "
            f"{', '.join(strange)}. Rename or remove them and upload it again."
        )
    return run


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _strangers(address: Address, run: Run) -> list[str]:
    """The headers that the run's file didn't have, and the dataset doesn't know."""
    told = [text for column in run.columns for text in (column["header"], column["name"])]
    known = {likeness(text) for text in (*told, *plain_headers(run.dataset.headers))}
    return [text[:_SHOWN] for text in address.headers if likeness(text) not in known]
