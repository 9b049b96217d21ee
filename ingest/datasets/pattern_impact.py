"""Draw: which files the patterns of a dataset bring to it, and which patterns can bring none (file-rules#patterns)."""

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
_MOST_RUNS: Final = 10_000
"""Runs of those days that are looked through, the newest ones."""
_MOST_TRIED: Final = 500
"""Files that match and are judged: each is held against all patterns of all datasets."""
_NEVER: Final = "(?!)"
"""What a set of no characters, such as [z-a], is to a regular expression."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternImpact:
    """What would come to a dataset that goes elsewhere today; only what the person who asks may see."""

    datasets: tuple[str, ...] = ()
    """Those whose own file, ``NAME.csv``, would."""
    files: tuple[tuple[str, str], ...] = ()
    """The files of the last days that would, newest first, each with the dataset where it goes today."""

    def __bool__(self) -> bool:
        return bool(self.datasets or self.files)


def pattern_impact(dataset: Dataset, *, is_closed: bool, user: Any) -> PatternImpact:
    """What ``dataset``, with the name and patterns that it has in memory, would take from others if it were saved."""
    supposed = PatternCandidate(dataset=dataset, is_closed=is_closed)
    others = Dataset.objects.visible_to(user).exclude(pk=dataset.pk).order_by("name")
    named = {f"{settings.PREFIX}{name}.csv": name for name in others.values_list("name", flat=True).iterator()}
    return PatternImpact(
        datasets=tuple(named[key] for key, goes in _taken(named, supposed) if goes.name == named[key]),
        files=tuple(_files(supposed, user)),
    )


def check_pattern(pattern: str) -> None:
    """Raise RunFailed, with a sentence, for a pattern that no file could match that is uploaded here or loaded."""
    why = _why_never(pattern)
    if why:
        raise RunFailed(f"The pattern {pattern!r} matches no file: {why}")


def _why_never(pattern: str) -> str:
    literal = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    parts = pattern.split("/")
    least = len(settings.PREFIX.encode()) + len(re.sub(r"\*|\[.[^]]*\]", "", pattern).encode())
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
    if _NEVER in translate(pattern):
        return "a set in square brackets contains no character; write ranges from low to high, as in [a-z]."
    if least > LONGEST_KEY:
        return f"with {settings.PREFIX} it is longer than {LONGEST_KEY:,} bytes, the limit for a key; shorten it."
    return ""


def _files(supposed: PatternCandidate, user: Any) -> Iterable[tuple[str, str]]:
    """Files that came in the last days and would be taken, as path and where it goes today."""
    since = timezone.now() - timedelta(days=RECENT_DAYS)
    recent = Run.objects.visible_to(user).filter(received__gte=since).exclude(kind=Run.Kind.UNDO)
    keys = dict.fromkeys(map(key_of_load, recent.order_by("-received").values_list("key", flat=True)[:_MOST_RUNS]))
    taken = _taken(keys, supposed)
    numbers = {goes.dataset.pk for _, goes in taken if goes.dataset}
    seen = set(Dataset.objects.visible_to(user).filter(pk__in=numbers).values_list("pk", flat=True))
    for key, goes in taken:
        if goes.dataset is None or goes.dataset.pk in seen:
            yield key.removeprefix(settings.PREFIX), goes.name


def _taken(keys: Iterable[str], supposed: PatternCandidate) -> list[tuple[str, Destination]]:
    """Those of ``keys`` that would go to the supposed dataset and don't today, with where they go."""
    patterns = supposed.dataset.patterns
    matching = (key for key in keys if any(fnmatchcase(key.removeprefix(settings.PREFIX), each) for each in patterns))
    tried = list(islice(matching, _MOST_TRIED))
    today, then = destinations(tried), destinations(tried, supposed)
    own = supposed.dataset.name
    return [
        (key, goes)
        for key in tried
        if isinstance(goes := today[key], Destination) and goes.name != own and _name(then[key]) == own
    ]


def _name(goes: Destination | RunFailed) -> str:
    return goes.name if isinstance(goes, Destination) else ""
