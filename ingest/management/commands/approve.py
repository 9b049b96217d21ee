"""Approve held runs."""

from typing import Any

from ingest import runs
from ingest.management.deciding import DecidingCommand


class Command(DecidingCommand):
    """`manage.py approve RUN…`: they are loaded on their tables as they then stand."""

    help = "Has held runs loaded by the next worker; one whose counts have grown by then is held again."

    def handle(self, *args: Any, **options: Any) -> None:
        """Each of them; raises CommandError at the first that isn't held."""
        self.each(options["runs"], runs.approve, "is approved and waits for a worker.")
