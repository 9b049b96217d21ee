"""Have runs tried again."""

from argparse import ArgumentParser
from typing import Any

from ingest.management.deciding import DecidingCommand
from ingest.runs.retry import load_again, retry


class Command(DecidingCommand):
    """`manage.py retry RUN…`: failed and superseded ones as they are; with --anyway what succeeded, as a new run."""

    help = "Retry failed or superseded runs. The next worker picks them up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The runs by number."""
        super().add_arguments(parser)
        parser.add_argument(
            "--anyway",
            action="store_true",
            help="reload succeeded or superseded runs, even if nothing changed or a newer version is in the table",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Each of them; raises CommandError at the first that can't be."""
        self.each(options["runs"], load_again if options["anyway"] else retry, "queued.")
