"""Find the files that a dataset's patterns would take from others, and patterns that match none.

See file-rules#patterns.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase, translate
from itertools import islice
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from ingest.datasets.keys import LONGEST_KEY, OURS, has_control, key_of_load
from ingest.datasets.routing import Destination, PatternCandidate, destinations
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Run

RECENT_DAYS: Final = 30
_MAX_RUNS: Final = 10_000
"""How many runs of those days are searched, the newest ones."""
_MAX_FILES: Final = 500
"""How many matching files are checked against all patterns of all datasets."""
_EMPTY_SET: Final = "(?!)"
"""How an empty set, such as [z-a], is translated to a regular expression."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternImpact:
    """What a dataset would receive that goes elsewhere today, as far as the user may see it."""

    datasets: tuple[str, ...] = ()
    """The datasets whose own file, ``NAME.csv``, would go to it."""
    files: tuple[tuple[str, str], ...] = ()
    """Recent files that would go to it, newest first, each with the dataset where it goes today."""

    def __bool__(self) -> bool:
        return bool(self.datasets or self.files)


def pattern_impact(dataset: Dataset, *, is_closed: bool, user: Any) -> PatternImpact:
    """Return what ``dataset`` would take from others if it were saved with its name and patterns in memory."""
    candidate = PatternCandidate(dataset=dataset, is_closed=is_closed)
    others = Dataset.objects.visible_to(user).exclude(pk=dataset.pk).order_by("name")
    by_key = {f"{settings.PREFIX}{name}.csv": name for name in others.values_list("name", flat=True).iterator()}
    return PatternImpact(
        datasets=tuple(by_key[key] for key, today in _taken(by_key, candidate) if today.name == by_key[key]),
        files=tuple(_files(candidate, user)),
    )


def check_pattern(pattern: str) -> None:
    """Raise RunFailed if no file that can be uploaded or loaded could match the pattern."""
    reason = _why_unmatchable(pattern)
    if reason:
        raise RunFailed(f"The pattern {pattern!r} matches no file: {reason}")


def _why_unmatchable(pattern: str) -> str:
    literal = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    parts = pattern.split("/")
    min_length = len(settings.PREFIX.encode()) + len(re.sub(r"\*|\[.[^]]*\]", "", pattern).encode())
    if has_control(pattern):
        return "it contains a control character, such as a tab; enter it again without one."
    if pattern.startswith("/"):
        return f"it is matched against the part of a key after {settings.PREFIX}, so remove its leading slash."
    if parts[-1] == "":
        return f"it ends with a folder; {pattern}* matches all files in it."
    if "" in parts:
        return "it has a folder without a name; replace the two slashes with one."
    if {".", ".."} & set(parts):
        return "a bucket has no folder called . or ..; remove that part."
    if literal.startswith(OURS):
        return f"{literal.partition('/')[0]}/ is reserved for files that this site writes; name another folder."
    if _EMPTY_SET in translate(pattern):
        return "a set in square brackets contains no character; write ranges from low to high, as in [a-z]."
    if min_length > LONGEST_KEY:
        return f"with {settings.PREFIX} it is longer than {LONGEST_KEY:,} bytes, the limit for a key; shorten it."
    return ""


def _files(candidate: PatternCandidate, user: Any) -> Iterable[tuple[str, str]]:
    """Yield the recent files that would be taken, each as its path and where it goes today."""
    since = timezone.now() - timedelta(days=RECENT_DAYS)
    recent = Run.objects.visible_to(user).filter(received__gte=since).exclude(kind=Run.Kind.UNDO)
    keys = dict.fromkeys(map(key_of_load, recent.order_by("-received").values_list("key", flat=True)[:_MAX_RUNS]))
    taken = _taken(keys, candidate)
    dataset_ids = {today.dataset.pk for _, today in taken if today.dataset}
    visible = set(Dataset.objects.visible_to(user).filter(pk__in=dataset_ids).values_list("pk", flat=True))
    for key, today in taken:
        if today.dataset is None or today.dataset.pk in visible:
            yield key.removeprefix(settings.PREFIX), today.name


def _taken(keys: Iterable[str], candidate: PatternCandidate) -> list[tuple[str, Destination]]:
    """Return the keys that would go to the candidate and don't today, with where they go today."""
    patterns = candidate.dataset.patterns
    paths = ((key, key.removeprefix(settings.PREFIX)) for key in keys)
    matching = (key for key, path in paths if any(fnmatchcase(path, pattern) for pattern in patterns))
    checked = list(islice(matching, _MAX_FILES))
    today, then = destinations(checked), destinations(checked, candidate)
    own = candidate.dataset.name
    return [
        (key, destination)
        for key in checked
        if isinstance(destination := today[key], Destination) and destination.name != own and _name(then[key]) == own
    ]


def _name(destination: Destination | RunFailed) -> str:
    return destination.name if isinstance(destination, Destination) else ""
