"""Judge: what is known of a file before it is sent, by its name and its first bytes (ADMIN, "Upload")."""

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
"""Bytes of a file that the page shows us."""
_FEW: Final = 0.5
"""The share of a table's columns under which a file looks like one of another table."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectedFile:
    """A file that somebody chose in a browser, as the browser tells of it."""

    path: str
    size: int
    modified: int
    """By its computer's clock, in milliseconds since 1970."""
    fingerprint: str = ""
    """A digest of its first and last bytes."""
    head: bytes = b""
    """Its first bytes, up to ``HEAD``."""
    pins: Mapping[str, Any] = field(default_factory=dict)
    """How it is to be read, if its dataset has loaded nothing yet; checked by ``check_pins``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecheckResult:
    """What is known of one of them."""

    refused: str = ""
    """Why it can't be loaded: nothing of it should be sent."""
    asks: tuple[str, ...] = ()
    """What somebody should decide about first."""
    says: tuple[str, ...] = ()
    """What is worth knowing."""
    dataset: str = ""
    """Where it goes."""
    dataset_id: int | None = None
    """None where it is to be made."""
    columns: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    """Those of ``columns`` that the dataset doesn't have yet; none where it is new itself."""
    gone: tuple[str, ...] = ()
    """Columns of the dataset that the file doesn't have."""
    pattern: str = ""
    """Under which files named as this one could be gathered in a dataset."""
    same: int | None = None
    """The run that has loaded the same file."""
    read: ReadingSummary | None = None
    """How it is read; None where its first bytes don't show it."""
    can_pin: bool = False
    """Whether how it is read can be set here: its dataset has loaded nothing yet, and is the person's to set up."""


def precheck(files: Sequence[SelectedFile], *, user: Any, preview: bool) -> list[PrecheckResult]:
    """What is known of each of ``files``, were they loaded for ``user``, or only previewed. Nothing is made.

    Takes a fixed number of queries.
    """
    keys = [_key(file, preview=preview) for file in files]
    found = permitted([key for key in keys if isinstance(key, str)], user)
    loaded = {} if preview else _loaded(files, keys)
    context = _PrecheckContext(user=user, preview=preview, above=_lines_above(found.values()))
    return [
        PrecheckResult(refused=str(key))
        if isinstance(key, RunFailed)
        else _precheck(file, found[key], loaded.get(at), context)
        for at, (file, key) in enumerate(zip(files, keys, strict=True))
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _PrecheckContext:
    """Who asks, for what, and what was looked up for all of their files."""

    user: Any
    preview: bool
    above: Mapping[int, int]
    """Of each dataset, by its id: the lines of the table's width above the header of the file before."""


def _lines_above(goes: Iterable[Destination | RunFailed]) -> dict[int, int]:
    datasets = {to.dataset for to in goes if isinstance(to, Destination) and to.dataset}
    newest = {dataset.newest_id: dataset.pk for dataset in datasets if dataset.newest_id}
    found = Run.objects.filter(pk__in=newest, dialect__above__gt=0) if newest else Run.objects.none()
    return {newest[run]: above for run, above in found.values_list("pk", "dialect__above")}


def check_pins(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pins of an upload, without those that are left to be found out. Raises RunFailed."""
    pins = {name: value for name, value in told.items() if value not in (None, "")}
    if not set(pins) <= set(Dataset.PINS):
        raise RunFailed("This page sent an unknown setting: reload it.")
    settled = Dataset(**pins)
    refuse_impossible(settled)
    return {name: getattr(settled, name) for name in pins}


def refuse_size(size: int) -> None:
    """Raise RunFailed for a file that no object can hold, or that holds nothing."""
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
    """The runs that have loaded the very file, by its place in ``files``."""
    wanted = {(key, file.size, file.modified): at for at, (file, key) in enumerate(zip(files, keys, strict=True))}
    names = [key for key in keys if isinstance(key, str)]
    sent = Upload.objects.filter(key__in=names, finished__isnull=False).order_by("id")
    same = {(upload.key, upload.size, upload.modified): upload for upload in sent.iterator()}
    same = {known: upload for known, upload in same.items() if known in wanted}
    runs = runs_of(same.values())
    return {
        wanted[known]: runs[upload.pk]
        for known, upload in same.items()
        if upload.pk in runs and runs[upload.pk].status in Run.COMMITTED and not runs[upload.pk].undone
    }


def _precheck(
    file: SelectedFile, goes: Destination | RunFailed, same: Run | None, context: _PrecheckContext
) -> PrecheckResult:
    if isinstance(goes, RunFailed):
        return PrecheckResult(refused=str(goes))
    goes, back, doubt = _sent_back(file, goes, context.user.get_username())
    can_pin = may_pin(goes.dataset, context.user)
    try:
        seen = _preview_head(file, goes.dataset, check_pins(file.pins) if can_pin else {}, context.above)
        judged = _headed(seen, goes)
    except RunFailed as refused:
        return PrecheckResult(
            refused=str(refused), dataset=goes.name, dataset_id=_listed(goes.dataset), can_pin=can_pin
        )
    asks, says = [*doubt, *judged.asks], [*_written(seen, goes), *judged.says, *back]
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
        judged,
        asks=() if context.preview else tuple(asks),
        says=tuple(says),
        pattern=pattern,
        same=same and same.pk,
        read=summarize_reading(seen.written),
        can_pin=can_pin,
    )


def _listed(dataset: Dataset | None) -> int | None:
    """The number of a dataset that stands; a draft is yet to be made."""
    return dataset.pk if dataset and not dataset.is_draft else None


def _sent_back(file: SelectedFile, goes: Destination, who: str) -> tuple[Destination, list[str], list[str]]:
    """Where a reject file goes, with what is to be said of it, and what to be asked."""
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
    set_up = dataset or Dataset()
    settled = {name: getattr(set_up, name) for name in Dataset.PINS} | pins
    known = {"pinned": Dataset(**settled).pinned, "known": set_up.headers, "above": above.get(set_up.pk, 0)}
    tokens = set_up.null_tokens
    with tempfile.TemporaryDirectory(prefix="ingest-head-", dir=settings.SCRATCH_DIR) as scratch:
        whole = len(file.head) >= file.size
        return preview_head(
            file.head[:HEAD], whole=whole, scratch=Path(scratch), null_tokens=tokens, name=file.path, **known
        )


def _written(seen: HeadPreview, goes: Destination) -> list[str]:
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


def _headed(seen: HeadPreview, goes: Destination) -> PrecheckResult:
    """The columns, held against those that the dataset has met. Raises RunFailed for headers that can't be."""
    dataset = goes.dataset
    if not seen.header:
        return PrecheckResult(dataset=goes.name, dataset_id=_listed(dataset))
    header = read_header(seen.header, dataset.headers if dataset else {})
    standing = set(dataset.headers.values()) if dataset else set()
    new = tuple(name for name in header.names if name not in standing) if standing else ()
    gone = tuple(sorted(standing - set(header.names)))
    judged = PrecheckResult(dataset=goes.name, dataset_id=_listed(dataset), columns=header.names, new=new, gone=gone)
    if header.corrected:
        return replace(judged, says=("It is a corrected reject file.",))
    return replace(judged, asks=_doubts(dataset, judged)) if dataset and standing else judged


def _doubts(dataset: Dataset, judged: PrecheckResult) -> tuple[str, ...]:
    """Why the file might not be meant for the dataset."""
    names = set(judged.columns)
    identities = dataset.identities or []
    if dataset.policy == Dataset.Policy.STRICT and (judged.new or judged.gone):
        return ("The dataset is strict, and the columns differ: the run would fail.",)
    if identities and not any(set(key) <= names for key in identities):
        wanted = " or ".join(", ".join(key) for key in identities)
        return (f"It lacks the key of its dataset ({wanted}): all its records would be rejected.",)
    if len(names) - len(judged.new) < _FEW * (len(names) - len(judged.new) + len(judged.gone)):
        return ("Most columns of its dataset are missing: is it meant for another one?",)
    return ()
