"""Check a file before it is uploaded, by its name and its first bytes (ADMIN, "Upload")."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from ingest.aws.uploads import LARGEST
from ingest.datasets.permission import permitted
from ingest.datasets.pins import may_pin, refuse_impossible
from ingest.datasets.reading_summary import ReadingSummary, summarize_reading
from ingest.datasets.routing import Destination
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.headers import read_header
from ingest.loader.source.preview_head import HeadPreview, preview_head
from ingest.models import Dataset, Run, Upload
from ingest.rejects.origin import address_of, origin_of
from ingest.uploads.keys import dated_pattern, key_of
from ingest.uploads.tracking import runs_of

HEAD: Final = 1 << 16
"""How many bytes of a file the page sends for the check."""
_MIN_SHARED_COLUMNS: Final = 0.5
"""The share of a table's columns below which a file is probably meant for another table."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectedFile:
    """A file that someone selected in a browser, as the browser describes it."""

    path: str
    size: int
    modified: int
    """By its computer's clock, in milliseconds since 1970."""
    fingerprint: str = ""
    """A digest of its first and last bytes."""
    head: bytes = b""
    """Its first bytes, up to ``HEAD``."""
    pins: Mapping[str, Any] = field(default_factory=dict)
    """How to read it, if its dataset hasn't loaded anything yet; checked by ``check_pins``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecheckResult:
    """What is known about a selected file."""

    refused: str = ""
    """Why it can't be loaded, so that it isn't uploaded."""
    asks: tuple[str, ...] = ()
    """What someone should decide first."""
    says: tuple[str, ...] = ()
    """What else is worth knowing."""
    dataset: str = ""
    """The dataset that it goes to."""
    dataset_id: int | None = None
    """None if it is a new one."""
    columns: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    """Those of ``columns`` that the dataset doesn't have yet; none if the dataset is new."""
    gone: tuple[str, ...] = ()
    """Columns of the dataset that the file doesn't have."""
    pattern: str = ""
    """The pattern that would route files named like this one to one dataset."""
    same: int | None = None
    """The run that loaded the same file."""
    read: ReadingSummary | None = None
    """How it is read; None if its first bytes don't show that."""
    can_pin: bool = False
    """Whether the user can pin how it is read, because the dataset hasn't loaded anything yet."""


def precheck(files: Sequence[SelectedFile], *, user: Any, preview: bool) -> list[PrecheckResult]:
    """Return what is known about each of ``files`` if ``user`` loaded it, or only previewed it. Creates nothing.

    Takes a fixed number of queries.
    """
    keys = [_key(file, preview=preview) for file in files]
    destinations = permitted([key for key in keys if isinstance(key, str)], user)
    loaded = {} if preview else _loaded(files, keys)
    context = _PrecheckContext(user=user, preview=preview, above=_lines_above(destinations.values()))
    return [
        PrecheckResult(refused=str(key))
        if isinstance(key, RunFailed)
        else _precheck(file, destinations[key], loaded.get(index), context)
        for index, (file, key) in enumerate(zip(files, keys, strict=True))
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _PrecheckContext:
    """The user, the kind of run, and what was looked up for all files."""

    user: Any
    preview: bool
    above: Mapping[int, int]
    """For each dataset, by its id: how many lines as wide as the table the previous file had above its header."""


def _lines_above(destinations: Iterable[Destination | RunFailed]) -> dict[int, int]:
    datasets = {to.dataset for to in destinations if isinstance(to, Destination) and to.dataset}
    newest = {dataset.newest_id: dataset.pk for dataset in datasets if dataset.newest_id}
    runs = Run.objects.filter(pk__in=newest, dialect__above__gt=0) if newest else Run.objects.none()
    return {newest[run]: above for run, above in runs.values_list("pk", "dialect__above")}


def check_pins(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pins of an upload, without those that are to be detected. Raises RunFailed."""
    pins = {name: value for name, value in values.items() if value not in (None, "")}
    if not set(pins) <= set(Dataset.PINS):
        raise RunFailed("This page sent an unknown setting: reload it.")
    pinned = Dataset(**pins)
    refuse_impossible(pinned)
    return {name: getattr(pinned, name) for name in pins}


def refuse_size(size: int) -> None:
    """Raise RunFailed for a file that is larger than an object can be, or empty."""
    if size > LARGEST:
        raise RunFailed(f"The file has {size:,} bytes; S3 accepts at most {LARGEST:,} (5 TiB): split it.")
    if size <= 0:
        raise RunFailed("The file is empty (0 bytes).")


def _key(file: SelectedFile, *, preview: bool) -> str | RunFailed:
    try:
        refuse_size(file.size)
        return key_of(file.path, preview=preview)
    except RunFailed as refused:
        return refused


def _loaded(files: Sequence[SelectedFile], keys: Iterable[str | RunFailed]) -> dict[int, Run]:
    """Return the runs that loaded the same files, by their index in ``files``."""
    indexes = {
        (key, file.size, file.modified): index for index, (file, key) in enumerate(zip(files, keys, strict=True))
    }
    names = [key for key in keys if isinstance(key, str)]
    sent = Upload.objects.filter(key__in=names, finished__isnull=False).order_by("id")
    same = {(upload.key, upload.size, upload.modified): upload for upload in sent.iterator()}
    same = {known: upload for known, upload in same.items() if known in indexes}
    runs = runs_of(same.values())
    return {
        indexes[known]: runs[upload.pk]
        for known, upload in same.items()
        if upload.pk in runs and runs[upload.pk].status in Run.COMMITTED and not runs[upload.pk].undone
    }


def _precheck(
    file: SelectedFile, goes: Destination | RunFailed, same: Run | None, context: _PrecheckContext
) -> PrecheckResult:
    if isinstance(goes, RunFailed):
        return PrecheckResult(refused=str(goes))
    goes, notes, doubts = _origin(file, goes, context.user.get_username())
    can_pin = may_pin(goes.dataset, context.user)
    try:
        seen = _preview_head(file, goes.dataset, check_pins(file.pins) if can_pin else {}, context.above)
        result = _compare_columns(seen, goes)
    except RunFailed as refused:
        return PrecheckResult(
            refused=str(refused), dataset=goes.name, dataset_id=_id_unless_draft(goes.dataset), can_pin=can_pin
        )
    asks, says = [*doubts, *result.asks], [*_describe(seen, goes), *result.says, *notes]
    if seen.doubt:
        asks.append(f"{seen.doubt} Its run will be held until someone chooses how it is read.")
    pattern = dated_pattern(file.path)
    if pattern and not goes.pattern and not goes.dataset:
        asks.append(
            "Its name contains a date, so it creates a table of its own. To load such files into one table, give its "
            f"dataset the pattern {pattern} first."
        )
    else:
        pattern = ""
    if same:
        asks.append("The same file (name, size and time) was already loaded.")
    return replace(
        result,
        asks=() if context.preview else tuple(asks),
        says=tuple(says),
        pattern=pattern,
        same=same and same.pk,
        read=summarize_reading(seen.written),
        can_pin=can_pin,
    )


def _id_unless_draft(dataset: Dataset | None) -> int | None:
    """Return the id of a dataset that isn't a draft."""
    return dataset.pk if dataset and not dataset.is_draft else None


def _origin(file: SelectedFile, goes: Destination, who: str) -> tuple[Destination, list[str], list[str]]:
    """Return where a corrected reject file goes, with notes and doubts about it."""
    whole = len(file.head) >= file.size
    address = address_of(file.head, whole=whole)
    if address is None or not (address.runs or whole):
        return goes, [], []
    try:
        origin = origin_of(address, who)
    except RunFailed as refused:
        return goes, [], [f"{refused} Its run would be held."]
    goes = Destination(name=origin.dataset.name, dataset=origin.dataset, pattern="")
    return goes, [f"It corrects rejects of run {origin.pk}, so it goes to {goes.name}."], []


def _preview_head(
    file: SelectedFile, dataset: Dataset | None, pins: Mapping[str, Any], above: Mapping[int, int]
) -> HeadPreview:
    configured = dataset or Dataset()
    pinned = {name: getattr(configured, name) for name in Dataset.PINS} | pins
    known = {"pinned": Dataset(**pinned).pinned, "known": configured.headers, "above": above.get(configured.pk, 0)}
    tokens = configured.null_tokens
    with tempfile.TemporaryDirectory(prefix="ingest-head-", dir=settings.SCRATCH_DIR) as scratch:
        whole = len(file.head) >= file.size
        return preview_head(
            file.head[:HEAD], whole=whole, scratch=Path(scratch), null_tokens=tokens, name=file.path, **known
        )


def _describe(seen: HeadPreview, goes: Destination) -> list[str]:
    says = [f"It matches the pattern {goes.pattern}."] if goes.pattern else []
    if seen.compression:
        says.append(f"It is compressed with {seen.compression}.")
    if seen.dialect is None:
        says.append("Its header can't be seen in its first bytes.")
    elif not seen.dialect.has_header:
        says.append("It seems to have no header.")
    if seen.dialect and seen.dialect.encoding != "utf-8":
        says.append(f"It is written in {seen.dialect.encoding}.")
    return says


def _compare_columns(seen: HeadPreview, goes: Destination) -> PrecheckResult:
    """Compare the columns with the dataset's. Raises RunFailed for an invalid header."""
    dataset = goes.dataset
    if not seen.header:
        return PrecheckResult(dataset=goes.name, dataset_id=_id_unless_draft(dataset))
    header = read_header(seen.header, dataset.headers if dataset else {})
    known = set(dataset.headers.values()) if dataset else set()
    new = tuple(name for name in header.names if name not in known) if known else ()
    gone = tuple(sorted(known - set(header.names)))
    result = PrecheckResult(
        dataset=goes.name, dataset_id=_id_unless_draft(dataset), columns=header.names, new=new, gone=gone
    )
    if header.corrected:
        return replace(result, says=("It is a corrected reject file.",))
    return replace(result, asks=_doubts(dataset, result)) if dataset and known else result


def _doubts(dataset: Dataset, result: PrecheckResult) -> tuple[str, ...]:
    """Return why the file might not be meant for the dataset."""
    names = set(result.columns)
    identities = dataset.identities or []
    if dataset.policy == Dataset.Policy.STRICT and (result.new or result.gone):
        return ("The dataset is strict, and the columns differ: the run would fail.",)
    if identities and not any(set(key) <= names for key in identities):
        key_columns = " or ".join(", ".join(key) for key in identities)
        return (f"It lacks the key of its dataset ({key_columns}): all its records would be rejected.",)
    if len(names) - len(result.new) < _MIN_SHARED_COLUMNS * (len(names) - len(result.new) + len(result.gone)):
        return ("Most columns of its dataset are missing: is it meant for another one?",)
    return ()
