"""Discard held runs."""

import getpass
from typing import Any

from ingest import runs
from ingest.management.deciding import DecidingCommand
from ingest.models import Run


class Command(DecidingCommand):
    """`manage.py discard RUN…`: nothing of them is loaded."""

    help = "Gives up held runs; nothing of them is loaded."

    def handle(self, *args: Any, **options: Any) -> None:
        """Each of them; raises CommandError at the first that isn't held."""
        self.each(options["runs"], _discard, "is discarded; nothing of it was loaded.")


def _discard(run_id: int) -> Run:
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        who = "somebody"
    return runs.discard(run_id, f"{who} at the command line")
