"""Turn file names and headers into identifiers (file-rules#names)."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import count

from ingest.loader.outcome.errors import RunFailed

LONGEST = 63
"""Bytes of a PostgreSQL identifier."""

OWN_COLUMNS = ("processed_at", "run_id", "record_id")
SYSTEM_COLUMNS = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
_TAKEN = frozenset(OWN_COLUMNS + SYSTEM_COLUMNS)

_EXTENSIONS = frozenset(["csv", "tsv", "tab", "psv", "txt", "dat", "gz", "gzip", "zst", "zstd", "bz2", "xz", "zip"])

_OTHER_ASCII = re.compile(r"[^a-z0-9_]+")
_MARKS = 60
"""Combining marks in a row that are read; two bytes or more each, they are twice as many as a name holds."""

OCCURRENCE = "\x1f"
"""Between a header and the number of its occurrence, in the map of a dataset."""


def table_name(key: str) -> str:
    """Return the table for a file: its name without folder and extensions, folded.

    Raises RunFailed where nothing is left of the name.
    """
    file_name = key.rsplit("/", 1)[-1]
    name = _fold(_without_extensions(file_name))
    if not any(character.isalnum() for character in name):
        raise RunFailed(
            f"The file name {file_name[:100]!r} gives no table name: it needs a letter or a digit before its "
            "extension. Rename the file and upload it again."
        )
    return _trim(f"t_{name}" if name[0].isnumeric() else name)


REJECT_HEADERS = ("_line", "_code", "_reason")
"""The columns that a reject file adds to the original ones; a file that has all three is a corrected reject file."""

ADDRESS_HEADERS = ("_dataset", "_run")
"""The columns of a reject file that name the dataset and the run it came from."""

EXPORT_HEADER = "_export"
"""The last column of a spreadsheet-safe export."""


def is_corrected(header: Sequence[str]) -> bool:
    """Return whether a file with this header is a corrected reject file."""
    return set(REJECT_HEADERS) <= {likeness(text) for text in header}


def is_marked(header: Sequence[str]) -> bool:
    """Return whether a file with this header is a spreadsheet-safe export: its last column alone tells."""
    return bool(header) and likeness(header[-1]) == EXPORT_HEADER


def positions_of(header: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return the position of the last header of each of these names; empty if one is missing."""
    positions = {likeness(text): position for position, text in enumerate(header)}
    return [positions[name] for name in names] if set(names) <= positions.keys() else []


def used_positions(header: Sequence[str]) -> list[int]:
    """Return the positions of the columns that are loaded: all but those that an export or a reject file adds."""
    added = {len(header) - 1} if is_marked(header) else set()
    if is_corrected(header):
        added |= {*positions_of(header, REJECT_HEADERS), *positions_of(header, ADDRESS_HEADERS)}
    return [position for position in range(len(header)) if position not in added]


def plain_headers(known: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of ``known`` that have a text of their own: neither empty nor repeated in their file."""
    return {key: column for key, column in known.items() if OCCURRENCE not in key}


def positional_columns(known: Mapping[str, str], count: int) -> list[str]:
    """Return the columns of the first ``count`` positions of a file without a header, as far as they are known."""
    return [known[key] for at in range(1, count + 1) if (key := f"{OCCURRENCE}{at}") in known]


def columns_of(
    header: Sequence[str], known: Mapping[str, str], *, by_column: bool = False
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the columns for a file's header cells, and the dataset's map header -> column with the new ones in it.

    A header that was met before finds the column it found then; so does one that differs from it in case or outer
    spaces only, where the file hasn't both. A new one takes the column that its folded name says, or that name with
    ``_2``, ``_3``… where another header has it. With ``by_column`` (a reject file, which calls a column without a
    header by its name) a new header may also be the name of a column whose header was empty or repeated. Raises
    RunFailed where two headers of the file have one column.
    """
    keys = _keys(header)
    columns: dict[str, str] = {key: known[key] for key in keys if key in known}
    _refuse_shared(columns)
    # Of several the smallest: a map that was stored has no order.
    texts = {key: column for key, column in known.items() if not key.startswith(OCCURRENCE)}
    alike = {_likeness_of(key): column for key, column in sorted(texts.items(), key=lambda pair: pair[1], reverse=True)}
    if by_column:
        unnamed = set(known.values()) - set(plain_headers(known).values())
        alike = {column: column for column in unnamed} | alike
    in_file, unused = set(columns.values()), _UnusedNames({*known.values()})
    for position, (key, text) in enumerate(zip(keys, header, strict=True), 1):
        if key not in columns:
            column = None if key.startswith(OCCURRENCE) else alike.get(_likeness_of(key))
            if column is None or column in in_file:
                column = unused.take(_column_name(text, position))
            in_file.add(column)
            columns[key] = column
    return tuple(columns[key] for key in keys), {**known, **columns}


def _refuse_shared(columns: Mapping[str, str]) -> None:
    """Refuse two headers of one file that map to the same column, as two that differ only in case do."""
    owners: dict[str, str] = {}
    for key, column in columns.items():
        if column in owners:
            raise RunFailed(
                f"The headers {owners[column]!r} and {key!r} both map to the column {column}: earlier files had only "
                "one of them at a time. Rename one and upload the file again."
            )
        owners[column] = key


def likeness(key: str) -> str:
    """Return what two headers have in common that differ in case, outer spaces or invisible characters only."""
    return visible(key).strip().casefold()


def _likeness_of(key: str) -> str:
    """Return the likeness of a header's key, with its occurrence: the second ``Name`` is like the second ``name``."""
    text, separator, occurrence = key.partition(OCCURRENCE)
    return f"{likeness(text)}{separator}{occurrence}"


def visible(text: str) -> str:
    """Return ``text`` without byte order marks and other format characters, which no one sees (Unicode category Cf)."""
    if text.isascii():
        return text
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def _keys(header: Sequence[str]) -> list[str]:
    """Return a key for each header cell: its text, its occurrence if it repeats, its position if it is empty."""
    occurrences: dict[str, int] = {}
    keys = []
    for position, text in enumerate(header, 1):
        text = text.replace("\x00", "").replace(OCCURRENCE, " ")
        occurrences[text] = occurrences.get(text, 0) + 1
        if not visible(text).strip():
            keys.append(f"{OCCURRENCE}{position}")
        elif occurrences[text] == 1:
            keys.append(text)
        else:
            keys.append(f"{text}{OCCURRENCE}{occurrences[text]}")
    return keys


def _column_name(text: str, position: int) -> str:
    name = _fold(visible(text).strip())
    if not any(character.isalnum() for character in name):
        return f"column_{position}"
    name = _trim(f"c_{name}" if name[0].isnumeric() else name)
    return f"{name}_" if name in _TAKEN else name


class _UnusedNames:
    """Hands out names that no header owns yet, in time linear in the number of names, whatever they are.

    A number that was found taken is not tried again: names are never given back.
    """

    def __init__(self, owned: set[str]) -> None:
        self._owned = owned
        self._next: dict[tuple[str, int], int] = {}
        """By stem and number of digits, the first number that may be free. (A long name loses a byte a digit.)"""

    def take(self, name: str) -> str:
        """Return ``name``, or the first numbered one (``_2``, ``_3``…) that no header owns; it is owned from now on."""
        if name in self._owned:
            name = next(free for digits in count(1) if (free := self._numbered(name, digits)))
        self._owned.add(name)
        return name

    def _numbered(self, name: str, digits: int) -> str | None:
        """Return the first free name with a number of so many digits; None if all are owned."""
        stem = _trim(name, LONGEST - 1 - digits)
        number = self._next.get((stem, digits), max(2, 10 ** (digits - 1)))
        while number < 10**digits and f"{stem}_{number}" in self._owned:
            number += 1
        self._next[stem, digits] = number
        return f"{stem}_{number}" if number < 10**digits else None


def is_extension(text: str) -> bool:
    """Return whether ``text`` is an extension of files that are loaded, such as ``csv`` or ``gz``."""
    return text.strip().lower() in _EXTENSIONS


def _without_extensions(file_name: str) -> str:
    name = file_name
    while "." in name and is_extension(name.rsplit(".", 1)[1]):
        name = name.rsplit(".", 1)[0]
    # An extension that we don't know is one all the same (`customers.export`), unless a known one stood after it.
    return name.rsplit(".", 1)[0] if name == file_name and "." in name else name


def _fold(text: str) -> str:
    """Fold a name: NFC, lower case, each run of characters other than letters, digits and ``_`` to one ``_``."""
    if text.isascii():
        return _OTHER_ASCII.sub("_", text.lower())
    lowered = unicodedata.normalize("NFC", unicodedata.normalize("NFC", _with_few_marks(text)).lower())
    return re.sub("\0+", "_", "".join(c if _stays(c) else "\0" for c in lowered))


def _with_few_marks(text: str) -> str:
    """Return ``text`` with at most ``_MARKS`` combining marks in a row: normalizing a run takes the square of it."""
    if len(text) <= _MARKS:
        return text
    kept, run = [], 0
    for character in text:
        run = run + 1 if unicodedata.category(character)[0] == "M" else 0
        if run <= _MARKS:
            kept.append(character)
    return "".join(kept)


def _stays(character: str) -> bool:
    # Marks are parts of letters: the vowel signs of Indic scripts would fall out otherwise.
    return character == "_" or character.isalnum() or unicodedata.category(character)[0] == "M"


def _trim(name: str, size: int = LONGEST) -> str:
    """Cut ``text`` to at most ``size`` bytes of UTF-8, between characters."""
    return name.encode()[:size].decode(errors="ignore")
