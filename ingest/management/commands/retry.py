"""Have runs tried again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest import runs
from ingest.loader.errors import IngestError
from ingest.management.tables import plain
from ingest.models import Run


class Command(BaseCommand):
    """`manage.py retry RUN…`: failed and superseded ones as they are; with --anyway what succeeded, as a new run."""

    help = "Has failed or superseded runs tried again by the next worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The runs by number."""
        parser.add_argument("runs", nargs="+", type=int, metavar="RUN")
        parser.add_argument(
            "--anyway", action="store_true", help="load once more what succeeded, even if it stands in the table"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Each of them; raises CommandError at the first that can't be."""
        again = runs.load_again if options["anyway"] else runs.retry
        for run_id in options["runs"]:
            try:
                run = again(run_id)
            except Run.DoesNotExist:
                raise CommandError(f"There is no run {run_id}.") from None
            except IngestError as refused:
                raise CommandError(str(refused)) from refused
            self.stdout.write(f"Run {run.pk} ({plain(run.file_name)}) waits for a worker.")
