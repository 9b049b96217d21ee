"""The keys of uploaded files: made of names that strangers chose, and always behind the prefix, never over our own."""

import re
import unicodedata

from django.conf import settings

from ingest.aws.events import is_marker
from ingest.datasets.keys import FOLDER, LONGEST_KEY, OURS, has_control, key_of_load
from ingest.loader.outcome.errors import RunFailed

_YEAR, _MONTH, _DAY = "(?:19|20)[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[-_.tT ]?(?:[01][0-9]|2[0-3])[-_.:]?[0-5][0-9](?:[-_.:]?[0-5][0-9])?[zZ]?)?"
_DATES = (
    rf"{_YEAR}([-_. ]?){_MONTH}\1{_DAY}{_TIME}",
    rf"{_DAY}([-_.]){_MONTH}\2{_YEAR}",
    rf"{_YEAR}[-_. ]{_MONTH}",
)
_DATED = re.compile(rf"(?<![0-9])(?:{'|'.join(_DATES)})(?![0-9])")


def key_of(path: str, *, preview: bool) -> str:
    """The key for a file that the browser calls ``path``: its name, behind the folders it was chosen with.

    Written in one form of Unicode, so that a file from a Mac has the key that it has from elsewhere. Raises RunFailed,
    with a sentence, for a name that can't be one, or that would lie where our own output does.
    """
    if len(path) > 4 * LONGEST_KEY:  # normalizing takes the square of a run of marks, and shortens to a quarter at most
        raise RunFailed(
            f"The file's name and folders have {len(path):,} characters, over the limit of {LONGEST_KEY:,} "
            "bytes: shorten them."
        )
    path = unicodedata.normalize("NFC", path)
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise RunFailed("The file's name isn't Unicode: rename it and choose it again.") from None
    if has_control(path):
        raise RunFailed("The file's name contains a control character, such as a line break: rename it.")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise RunFailed("The file's name has an empty part, or . or .. for a folder: choose the file itself again.")
    if path.startswith(OURS):
        folder = path.partition("/")[0]
        raise RunFailed(f"The folder {folder}/ is reserved for files that this site writes: rename it.")
    if is_marker(path):
        raise RunFailed("The file is another tool's marker file, or hidden: such files are not loaded.")
    key = settings.PREFIX + (FOLDER if preview else "") + path
    longest = LONGEST_KEY - len(key.encode()) + size
    if size > longest:
        raise RunFailed(
            f"The file's name and folders have {size:,} bytes, over the limit of {longest:,}: shorten them."
        )
    return key


def path_of(key: str) -> str:
    """The name and folders that the file of ``key`` was chosen with."""
    return key_of_load(key).removeprefix(settings.PREFIX)


def dated_pattern(path: str) -> str:
    """The pattern of the files that are named as ``path`` is but for the date in its name; empty if it has none."""
    folder, slash, name = path.rpartition("/")
    dates = list(_DATED.finditer(name))
    if not dates:
        return ""
    last = dates[-1]
    if not any(letter.isalnum() for letter in name[: last.start()] + name[last.end() :].partition(".")[0]):
        return ""  # it would match every file
    literal = [re.sub(r"[*?\[]", "?", part) for part in (folder + slash + name[: last.start()], name[last.end() :])]
    return f"{literal[0]}*{literal[1]}"
