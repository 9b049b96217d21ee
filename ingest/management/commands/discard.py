"""Discard held runs."""

from typing import Any

from ingest.management.deciding import DecidingCommand, who_is_here
from ingest.models import Run
from ingest.runs.approve import discard


class Command(DecidingCommand):
    """`manage.py discard RUN…`: nothing of them is loaded."""

    help = "Discard held runs without loading them."

    def handle(self, *args: Any, **options: Any) -> None:
        """Each of them; raises CommandError at the first that isn't held."""
        self.each(options["runs"], _discard, "discarded; nothing was loaded.")


def _discard(run_id: int) -> Run:
    return discard(run_id, who_is_here())
