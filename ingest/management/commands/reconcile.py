"""Receive files whose event was lost, or that were there first."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError

from ingest.loader.outcome.errors import IngestError
from ingest.loader.outcome.source_object import SourceObject
from ingest.management.speaking import OutputCommand
from ingest.management.tables import plain
from ingest.operations.reconcile import SETTLED, reconcile


class Command(OutputCommand):
    """`manage.py reconcile`: what lies in the bucket and has no run gets one."""

    help = "Receive the files in the bucket that have no run. The worker then loads them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Only look, and how old a file must be."""
        parser.add_argument("--dry-run", action="store_true", help="only list the files that would be received")
        parser.add_argument(
            "--minutes",
            type=int,
            default=int(SETTLED.total_seconds()) // 60,
            help="skip files younger than this, whose event may still arrive (default: 15)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Each file, then how many. Raises CommandError where the bucket can't be listed."""
        dry_run = options["dry_run"]
        settled = timedelta(minutes=max(0, min(options["minutes"], 10_000_000)))
        try:
            found = reconcile(settled=settled, dry_run=dry_run, on_lost=self._tell)
        except IngestError as refused:
            raise CommandError(plain(str(refused))) from refused
        did = "would be received" if dry_run else "received"
        self.stdout.write(f"{found.seen:,} versions in the bucket; {found.received:,} without a run {did}.")

    def _tell(self, source: SourceObject) -> None:
        self.stdout.write(plain(f"{source.key} ({source.version_id or source.etag}, {source.size:,} bytes)"))
