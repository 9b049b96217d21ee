"""List the newest runs."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from ingest.management.speaking import OutputCommand
from ingest.management.tables import RUN_HEADER, plain, readings, run_json, run_row
from ingest.models import Run


class Command(OutputCommand):
    """`manage.py runs`: newest last, as a terminal shows them best; reasons and questions below."""

    help = "List the newest runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which, how many, and for whom."""
        parser.add_argument("--dataset", help="only runs of this dataset")
        parser.add_argument("--status", choices=Run.Status.values, help="only runs with this status")
        parser.add_argument(
            "--limit", type=_limit, default=20, help="how many runs to list, at most 10,000 (default: 20)"
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="print a JSON array, including how each file was read and open questions",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """The table, then the reasons."""
        chosen = {name: options[option] for name, option in _FILTERS.items() if options[option]}
        newest = Run.objects.select_related("dataset").filter(**chosen).order_by("-pk")[: options["limit"]]
        found = list(reversed(newest))
        if options["json"]:
            self.stdout.write(json.dumps([run_json(run) for run in found], indent=2))
            return
        self.show(RUN_HEADER, [run_row(run) for run in found])
        for run in found:
            if run.reason:
                self.stdout.write(f"run {run.pk}: {plain(run.reason)}")
            for line in readings(run):
                self.stdout.write(line)


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:6]) <= 10_000 or len(text) > 5:
        raise ArgumentTypeError("must be a whole number from 1 to 10000")
    return int(text)


_FILTERS = {"dataset__name": "dataset", "status": "status"}
