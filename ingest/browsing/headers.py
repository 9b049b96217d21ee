"""The header of an export: each column comes back as the column it is (file-rules#headers and #exports)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg2
from django.db import connection, transaction

from ingest.browsing.errors import BrowseError
from ingest.loader import load as loading
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.identifiers import (
    ADDRESS_HEADERS,
    EXPORT_HEADER,
    REJECT_HEADERS,
    columns_of,
    likeness,
    plain_headers,
    positional_columns,
)
from ingest.loader.types.types import Type, classify
from ingest.models import Dataset

_RESERVED = {*REJECT_HEADERS, *ADDRESS_HEADERS, EXPORT_HEADER}
"""Headers by which a file is taken for a reject file or an export of another form."""
_REMEMBERED = 100
"""Exports of a table without a key that are known when they come back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Headers:
    """What stands above the rows of an export."""

    texts: tuple[str, ...]
    """One for each column; none where the dataset's files have no header."""
    new: Mapping[str, str] = field(default_factory=dict)
    """Header -> column, for those that the dataset has to learn before the file comes back."""


def choose_headers(columns: Sequence[str], dataset: Dataset, *, safe: bool) -> Headers:
    """Return the headers that a file of ``dataset`` needs for exactly these columns.

    The columns' names, where they lead back to them; else the headers of earlier files. Columns that never had a header
    of their own (empty, repeated, added by hand) get a new one. A spreadsheet-safe file (``safe``) always has a header.
    Raises BrowseError where the file couldn't come back.
    """
    known = dataset.headers
    if dataset.has_header is False and not safe:
        is_alike = list(columns) == positional_columns(known, len(columns))
        if is_alike and not dataset.preamble:  # else the first rows would be skipped when it is loaded again
            return Headers(texts=())
        if len(columns) == 1:
            raise BrowseError(
                f"The files of {dataset.name} have no header, so a single column of it can't be told apart when it is "
                "loaded again: export at least two columns."
            )
    elif _leads_back(columns, known):
        return Headers(texts=tuple(columns))
    return _by_header(columns, known)


def _leads_back(columns: Sequence[str], known: Mapping[str, str]) -> bool:
    """Whether the names themselves, read as a header, are these columns."""
    if _RESERVED & set(columns) or any(name not in known and classify(name) is not Type.TEXT for name in columns):
        return False
    try:
        return columns_of(columns, known)[0] == tuple(columns)
    except RunFailed:
        return False


def _by_header(columns: Sequence[str], known: Mapping[str, str]) -> Headers:
    plain = plain_headers(known)
    taken = {likeness(header) for header in known} | _RESERVED
    texts: list[str] = []
    new: dict[str, str] = {}
    for column in columns:
        own = sorted(text for text, owner in plain.items() if owner == column and _is_free(text, _RESERVED))
        if not own:
            text, number = column, 1
            while not _is_free(text, taken):
                number += 1
                text = f"{column} ({number})"
            taken.add(likeness(text))
            new[text] = column
            own = [text]
        texts.append(column if column in own else own[0])
    return Headers(texts=tuple(texts), new=new)


def _is_free(text: str, taken: set[str]) -> bool:
    return likeness(text) not in taken


def remember(dataset: Dataset, sha256: str) -> None:
    """Let a dataset without a key know an export of its table: loaded again, its rows would be inserted twice."""
    with transaction.atomic():
        found = Dataset.objects.select_for_update(no_key=True).filter(pk=dataset.pk).values_list("exports", flat=True)
        known = [each for each in (found.first() or []) if each != sha256]
        Dataset.objects.filter(pk=dataset.pk).update(exports=[*known, sha256][-_REMEMBERED:])


def learn(name: str, new: Mapping[str, str]) -> None:
    """Let the dataset know new headers. Raises BrowseError while its table is being loaded."""
    try:
        with transaction.atomic():
            loading.lock(connection.connection, name)  # a run writes the headers that it read under this lock
            dataset = Dataset.objects.select_for_update(no_key=True).get(name=name)
            Dataset.objects.filter(pk=dataset.pk).update(headers={**new, **dataset.headers})
    except psycopg2.errors.LockNotAvailable as busy:
        raise BrowseError(f"The table {name} is being loaded: export it again in a moment.") from busy
