"""Write the rejects of a run as a CSV."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ingest.loader.outcome.errors import IngestError
from ingest.management.speaking import OutputCommand
from ingest.management.tables import plain
from ingest.models import Run
from ingest.rejects.csv_file import reject_file, reject_object


class Command(OutputCommand):
    """`manage.py rejects RUN > file.csv`: mend it, drop it again."""

    help = "Write the rejects of a run as CSV: the original columns plus _line, _code and _reason."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The run by number."""
        parser.add_argument("run", type=int, metavar="RUN")

    def handle(self, *args: Any, **options: Any) -> None:
        """The file, on standard output; how many there are, if not all are stored, beside it."""
        run = Run.objects.filter(pk=options["run"]).first()
        if run is None:
            raise CommandError(f"Run {options['run']} does not exist.")
        try:
            for text in reject_file(run):
                self.stdout.write(text, ending="")
            stored = run.rejected if reject_object(run) else run.rejects.count()
        except IngestError as refused:
            raise CommandError(plain(str(refused))) from refused
        if stored < run.rejected:
            least = "At least " if run.partial else ""
            self.stderr.write(f"{least}{run.rejected:,} records were rejected; the first {stored:,} are stored.")
