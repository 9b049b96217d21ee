"""What all commands have in common: they say a sentence or a table to a person, and no line of the log beside it."""

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ingest.management.tables import table


class OutputCommand(BaseCommand):
    """A command that a person reads: the log is for ``--verbosity 2``, and for machines (LOG_JSON, and no terminal)."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it, with the log kept back where nobody wants it; what goes wrong is its own to say."""
        for_machines = settings.LOG_JSON and not self.stderr.isatty()
        if for_machines or options["verbosity"] > 1:
            return super().execute(*args, **options)
        with _silence():
            return super().execute(*args, **options)

    def show(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """The rows as a table: as wide as the terminal at most, and whole where it goes elsewhere."""
        width = shutil.get_terminal_size().columns if self.stdout.isatty() else None
        self.stdout.write(table(header, rows, width))

    def handle(self, *args: Any, **options: Any) -> None:
        """Each command's own."""
        raise NotImplementedError


@contextmanager
def _silence() -> Iterator[None]:
    ours = logging.getLogger("ingest")
    level = ours.level
    ours.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        ours.setLevel(level)
