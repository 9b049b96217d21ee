"""What the commands that decide about runs have in common."""

import getpass
from argparse import ArgumentParser
from collections.abc import Callable

from django.core.management.base import CommandError

from ingest.datasets.permission import AT_THE_COMMAND_LINE
from ingest.loader.outcome.errors import IngestError
from ingest.management.speaking import OutputCommand
from ingest.management.tables import plain
from ingest.models import Run


def who_is_here() -> str:
    """Who decides at the command line."""
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        who = "somebody"
    return f"{who}{AT_THE_COMMAND_LINE}"


class DecidingCommand(OutputCommand):
    """A command about some runs, given by number."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The runs by number."""
        parser.add_argument("runs", nargs="+", type=int, metavar="RUN")

    def each(self, run_ids: list[int], decide: Callable[[int], Run], said: str) -> list[Run]:
        """``decide`` about each, and say so, ``{}`` being its number; CommandError at the first that can't be."""
        decided = []
        for run_id in run_ids:
            try:
                run = decide(run_id)
            except Run.DoesNotExist:
                raise CommandError(f"Run {run_id} does not exist.") from None
            except IngestError as refused:
                raise CommandError(plain(str(refused))) from refused
            self.stdout.write(f"Run {run.pk} ({plain(run.file_name)}) {said}")
            decided.append(run)
        return decided
