"""Approve held runs."""

from argparse import ArgumentParser
from functools import partial
from typing import Any

from ingest.management.deciding import DecidingCommand
from ingest.runs.approve import approve


class Command(DecidingCommand):
    """`manage.py approve RUN…`: they are loaded on their tables as they then stand."""

    help = "Approve held runs, so that the next worker loads them. A run whose counts have grown by then is held again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The runs, and which reading to take."""
        super().add_arguments(parser)
        parser.add_argument(
            "--reading",
            type=int,
            help="the reading to load the file with, by its number on the run's page (1, 2, …)",
        )

        parser.add_argument(
            "--always",
            action="store_true",
            help="use the reading for later files of the dataset, too (always so for a new dataset)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Each of them; raises CommandError at the first that isn't held."""
        decide = partial(approve, reading=options["reading"], always=options["always"])
        self.each(options["runs"], decide, "approved and queued for loading.")
