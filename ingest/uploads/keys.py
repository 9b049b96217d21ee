"""Build the object keys of uploaded files from untrusted names: always below the prefix, never over our own files."""

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
    """Return the key for a file that the browser calls ``path``: its name, after the folders it was selected with.

    Normalized to NFC, so that a file has the same key from a Mac as from elsewhere. Raises RunFailed for an invalid
    name, or one in a folder that is reserved for our own files.
    """
    if len(path) > 4 * LONGEST_KEY:  # normalizing takes quadratic time, and shortens to a quarter at most
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
    limit = LONGEST_KEY - len(key.encode()) + size
    if size > limit:
        raise RunFailed(f"The file's name and folders have {size:,} bytes, over the limit of {limit:,}: shorten them.")
    return key


def path_of(key: str) -> str:
    """Return the name and folders that the file of ``key`` was selected with."""
    return key_of_load(key).removeprefix(settings.PREFIX)


def dated_pattern(path: str) -> str:
    """Return the pattern for files named like ``path`` with another date; empty if its name has no date."""
    folder, slash, name = path.rpartition("/")
    dates = list(_DATED.finditer(name))
    if not dates:
        return ""
    last = dates[-1]
    if not any(letter.isalnum() for letter in name[: last.start()] + name[last.end() :].partition(".")[0]):
        return ""  # it would match every file
    literal = [re.sub(r"[*?\[]", "?", part) for part in (folder + slash + name[: last.start()], name[last.end() :])]
    return f"{literal[0]}*{literal[1]}"
