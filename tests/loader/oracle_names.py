"""The plain model of section 2: headers and file names become identifiers."""

import unicodedata
from collections.abc import Mapping, Sequence

RESERVED = {"processed_at", "run_id", "record_id", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}


class SharedColumn(Exception):
    """A file has two headers of which earlier ones had one at a time, in the same column."""


def fold(text: str) -> str:
    """NFC, lower case, every run of other characters than letters, digits and ``_`` one ``_``."""
    folded = ""
    for character in unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower()):
        if character == "_" or unicodedata.category(character)[0] in "LNM":
            folded += character
        elif not folded.endswith("\0"):
            folded += "\0"
    return folded.replace("\0", "_")


def visible(text: str) -> str:
    """``text`` without format characters, which nobody sees."""
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def alike(key: str) -> tuple[str, str]:
    """What two headers share that differ in case, outer spaces or invisible characters only, and which of several."""
    text, _, occurrence = key.partition("#")
    return visible(text).strip().casefold(), occurrence


def trim(name: str, size: int = 63) -> str:
    """At most ``size`` bytes, no character cut in two."""
    while len(name.encode()) > size:
        name = name[:-1]
    return name


def column(header: str, position: int) -> str:
    """The column that a header asks for, before it is told apart from the others of its file."""
    name = fold(visible(header).strip())
    if not name.strip("_"):
        return f"column_{position}"
    if name[0].isdigit():
        name = "c_" + name
    name = trim(name)
    return name + "_" if name in RESERVED else name


def columns(header: Sequence[str], known: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The columns of a file, and the dataset's map with them in it.

    The map's keys are ours: a header, with the number of its occurrence where it is met again.
    """
    keys = []
    for position, text in enumerate(header, 1):
        again = list(header[:position]).count(text)
        keys.append(f"#{position}" if not visible(text).strip() else text if again == 1 else f"{text}#{again}")
    chosen = {key: known[key] for key in keys if key in known}
    if len(set(chosen.values())) < len(chosen):
        raise SharedColumn
    for position, key in enumerate(keys, 1):
        if key in chosen:
            continue
        # A header known in another case, or with other spaces around it, is that header, unless the file has both.
        same = [column for header, column in known.items() if alike(header) == alike(key)]
        if same and min(same) not in chosen.values():
            chosen[key] = min(same)
            continue
        wanted = candidate = column(header[position - 1], position)
        number = 1
        while candidate in [*known.values(), *chosen.values()]:
            number += 1
            candidate = trim(wanted, 63 - len(f"_{number}")) + f"_{number}"
        chosen[key] = candidate
    return [chosen[key] for key in keys], {**known, **chosen}
