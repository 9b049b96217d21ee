"""Undo runs, at once."""

from typing import Any

from django.core.management.base import CommandError

from ingest.management.deciding import DecidingCommand
from ingest.management.tables import plain
from ingest.models import Run
from ingest.runs.execute import claim_and_execute
from ingest.runs.undo import undo as undo_run


class Command(DecidingCommand):
    """`manage.py undo RUN…`: rows that they inserted go, those that they changed or deleted come back."""

    help = "Undo runs in the order given. Give the newest first, so that no row is blocked by a later change."

    def handle(self, *args: Any, **options: Any) -> None:
        """Each of them, one after the other; raises CommandError at the first that can't be undone."""
        for run_id in options["runs"]:
            (undo,) = self.each([run_id], undo_run, f"undoes run {run_id}.")
            claim_and_execute(undo.pk)
            undo.refresh_from_db()
            if undo.status != Run.Status.SUCCEEDED:
                raise CommandError(
                    plain(f"Run {undo.pk} is {undo.status}: {undo.reason or 'another worker is executing it.'}")
                )
            self.stdout.write(f"Rows removed: {undo.deleted:,}; restored: {undo.updated + undo.inserted:,}.")
            for told in undo.notes:
                self.stdout.write(plain(told))
