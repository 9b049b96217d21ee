"""The work that code does, counted: a busy machine changes how long it takes, never how much it is."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any


def lines_run(call: Callable[[], object]) -> int:
    """How many lines of Python ``call`` runs; what it raises is its answer."""
    run, before = 0, sys.gettrace()

    def count(_frame: FrameType, event: str, _told: object) -> Callable[..., Any]:
        nonlocal run
        run += event == "line"
        return count

    sys.settrace(count)
    try:
        with suppress(Exception):
            call()
    finally:
        sys.settrace(before)
    return run


class CountedMap(Mapping[str, str]):
    """A map that counts how many of its entries were gone through."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._entries = entries
        self.visited = 0

    def __getitem__(self, key: str) -> str:
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        for key in self._entries:
            self.visited += 1
            yield key

    def __len__(self) -> int:
        return len(self._entries)
