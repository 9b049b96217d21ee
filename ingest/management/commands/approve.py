"""Approve held runs."""

from argparse import ArgumentParser
from functools import partial
from typing import Any

from ingest.management.deciding import DecidingCommand
from ingest.runs.approve import approve


class Command(DecidingCommand):
    """`manage.py approve RUN…`: they are loaded on their tables as they then stand."""

    help = "Has held runs loaded by the next worker; one whose counts have grown by then is held again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The runs, and which reading to take."""
        super().add_arguments(parser)
        parser.add_argument(
            "--reading",
            type=int,
            help="Which of the readings that the run's page shows is taken for its file (1, 2...).",
        )

        parser.add_argument(
            "--always", action="store_true", help="Read the dataset's next files so too (a new dataset's always are)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Each of them; raises CommandError at the first that isn't held."""
        decide = partial(approve, reading=options["reading"], always=options["always"])
        self.each(options["runs"], decide, "is approved and waits for a worker.")
