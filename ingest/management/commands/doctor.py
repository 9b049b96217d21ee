"""See whether a file would come through, and what to do where it wouldn't."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ingest.management.speaking import OutputCommand
from ingest.management.tables import plain, table
from ingest.operations.doctor import examine, examine_wiring, probe


class Command(OutputCommand):
    """`manage.py doctor`: a line a piece, then a small file that goes the whole way; status 1 where one isn't right."""

    help = "Check every component between the bucket and the tables, then load a small test file."
    requires_system_checks: list[str] = []  # what they find is ours to tell, in one go with the rest

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How patient."""
        parser.add_argument(
            "--wait", type=float, default=60, metavar="SECONDS", help="how long to wait for the test file (default: 60)"
        )
        parser.add_argument(
            "--inside", action="store_true", help="only check what can be seen from here, without bucket and queue"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """The lines; raises CommandError where one isn't right."""
        found = examine()
        if not options["inside"]:
            found += examine_wiring()
            if all(each.good for each in found if each.subject in ("database", "schema", "bucket")):
                found.append(probe(options["wait"]))
        rows = [(each.mark, each.subject, plain(each.told)) for each in found]
        self.stdout.write(table(("", "component", ""), rows))
        wrong = sum(not each.good for each in found)
        if wrong:
            raise CommandError(f"{wrong} of {len(found)} checks failed.")
