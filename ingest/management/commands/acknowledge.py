"""Acknowledge failed or held runs."""

from typing import Any

from django.core.management.base import CommandError

from ingest.management.deciding import DecidingCommand, who_is_here
from ingest.models import Run
from ingest.runs.acknowledge import acknowledge


class Command(DecidingCommand):
    """`manage.py acknowledge RUN…`: somebody has seen them; they stay as they are."""

    help = "Acknowledge failed or held runs: they no longer need attention, and stay as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        """Each of them; raises CommandError at the first that nobody waits for."""
        self.each(options["runs"], _acknowledge, "acknowledged.")


def _acknowledge(run_id: int) -> Run:
    run = Run.objects.get(pk=run_id)
    if not acknowledge([run_id], who_is_here()):
        raise CommandError(f"Run {run_id} does not need attention: it is {run.status}, or was already acknowledged.")
    return run
