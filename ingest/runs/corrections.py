"""Corrected reject files go back to the dataset and the run that they name, whatever their own name (BEHAVIOUR 7)."""

import csv
import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ingest.loader.cells import without_marks
from ingest.loader.errors import RunFailed, RunHeld
from ingest.loader.names import ADDRESS_HEADERS, is_corrected, likeness, plain_headers, positions_of, used_positions
from ingest.loader.ours import our_delimiter
from ingest.models import Dataset, Run
from ingest.runs.claiming import Claim, ClaimLost
from ingest.runs.drafts import delete
from ingest.runs.permission import sender_may_load

BRAKE = "address"
"""What holds a run whose file names a run that it can't be sent back to."""

_HEAD, _LONGEST = 1 << 20, 80 << 20
"""Bytes that are read to find out where a file comes from; the second holds the longest record allowed."""
_MOST_RECORDS = 10_000
_SHOWN = 60
_AT_ONCE = timedelta(minutes=1)
"""Between a dataset that is made for a file and its run."""


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


def send_back(claim: Claim, path: Path) -> None:
    """Give the claimed run the dataset that its file ``path`` names, if that is a reject file; link the two runs.

    Raises RunHeld where it can't be sent there, RunFailed for a preview of it, ClaimLost.
    """
    run = claim.run
    if run.corrects_id or BRAKE in (run.approved or {}):  # sent there already, or wanted where its name leads
        return
    address = _read_address(path)
    if address is None:
        return
    try:
        origin = origin_of(address, run.who)
    except RunFailed as refused:
        if run.kind == Run.Kind.PREVIEW:
            raise
        raise RunHeld(
            f"{refused} Discard this run, or approve it to load the file into {run.dataset.name}.", None, {BRAKE: 0}
        ) from None
    _link(claim, origin)


def _read_address(path: Path) -> Address | None:
    """By the first MiB, or by more where that holds no whole record."""
    size, address = path.stat().st_size, None
    for most in (_HEAD, _LONGEST):
        with path.open("rb") as file:
            address = address_of(file.read(most), whole=size <= most)
        if address is None or address.runs:
            break
    return address


def _link(claim: Claim, origin: Run) -> None:
    run, before = claim.run, claim.run.dataset
    ours = Run.objects.filter(pk=run.pk, token=claim.token, status=Run.Status.RUNNING)
    pattern = run.pattern if origin.dataset_id == run.dataset_id else ""
    if not ours.update(dataset=origin.dataset, corrects=origin, pattern=pattern):
        raise ClaimLost(f"Run {run.pk} was taken over by another worker.")
    dataset = Dataset.objects.select_related("newest").get(pk=origin.dataset_id)
    run.dataset, run.corrects, run.pattern = dataset, origin, pattern
    if before.pk != dataset.pk and _is_draft(before, run):
        delete(before, [])


def let_go(run: Run) -> None:
    """Take a run that is given up from the dataset that was made for its file alone, and delete that."""
    if run.dataset and _is_draft(run.dataset, run):
        draft, run.dataset = run.dataset, None
        Run.objects.filter(pk=run.pk).update(dataset=None)
        delete(draft, [])


def _is_draft(dataset: Dataset, run: Run) -> bool:
    """Whether the dataset was made only because the file of ``run`` has its name, and nobody has touched it since."""
    if dataset.headers or dataset.identities is not None or abs(run.received - dataset.created) > _AT_ONCE:
        return False
    if dataset.runs.exclude(pk=run.pk).exists() or dataset.openings.exists():
        return False
    fresh = Dataset(name=dataset.name)
    settings = [each.attname for each in Dataset._meta.concrete_fields if each.editable and not each.primary_key]
    return all(getattr(dataset, name) == getattr(fresh, name) for name in settings)
