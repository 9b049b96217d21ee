"""Put files in the bucket, follow their runs, and say what became of them."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ingest.loader.outcome.errors import IngestError
from ingest.loader.outcome.source_object import SourceObject
from ingest.management.speaking import OutputCommand
from ingest.management.tables import RUN_HEADER, plain, readings, run_row
from ingest.models import Run
from ingest.runs import receive
from ingest.runs.questions import blocking_question

_PAUSE = 0.2  # seconds between two looks at the runs


class Command(OutputCommand):
    """`manage.py ingest FILE…`: the same way in as any other file, with a progress line."""

    help = "Put files in the bucket and follow their runs. Exits with a non-zero status if a run failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The files, and how long to wait for somebody who takes them."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="only show what a load would do: the counts and the changes to the table",
        )
        parser.add_argument(
            "--wait", type=float, default=60, metavar="SECONDS", help="how long to wait without progress (default: 60)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Put, follow, tell. Raises CommandError if a file can't be put, stays where it is, or fails."""
        unreadable = [path for path in options["files"] if not path.is_file() or not _is_text(path.name)]
        if unreadable:
            told = plain(str(unreadable[0]))
            raise CommandError(f"{told} is not a readable file. Nothing was put in the bucket.")
        follower = _Follower(self, wait=options["wait"])
        for path in options["files"]:
            follower.put(path, preview=options["dry_run"])
        finished = follower.follow()
        self.show(RUN_HEADER, [run_row(run) for run in finished])
        if options["dry_run"]:
            self._show(finished)
        failed = [run for run in finished if run.status == Run.Status.FAILED]
        waiting = (Run.Status.HELD, Run.Status.DISCARDED, Run.Status.WAITING)
        held = [run for run in finished if run.status in waiting]
        for run in (*held, *failed):
            self.stderr.write(plain(f"{run.file_name}: {run.reason}"))
            for line in readings(run):
                self.stderr.write(line)
        if failed:
            raise CommandError(f"{len(failed):,} of {len(finished):,} runs failed.")

    def _show(self, previews: list[Run]) -> None:
        """What a load would do to each table, and that nothing was done."""
        for run in previews:
            for told in (*run.notes, *(f"{statement};" for statement in run.ddl)):
                self.stdout.write(f"{plain(run.file_name)}: {plain(told)}")
        self.stdout.write("Nothing was loaded: these are previews.")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_settled(run: Run) -> bool:
    """Whether nothing comes of it by itself: it has ended, or waits behind a question."""
    return run.status not in Run.UNFINISHED or (run.status == Run.Status.WAITING and blocking_question(run) is not None)


class _Follower:
    """The files that were put, until the last of their runs is finished."""

    def __init__(self, command: Command, *, wait: float) -> None:
        self._command = command
        self._wait = wait
        self._put: list[tuple[SourceObject, int]] = []
        self._shown = ""

    def put(self, path: Path, *, preview: bool) -> None:
        """Put one file in the bucket, to be loaded or only previewed."""
        newest = Run.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self._show(f"uploading {path.name}")
        try:
            self._put.append((receive.put(path, preview=preview), newest))
        except (IngestError, OSError) as error:
            raise CommandError(f"{path} could not be put in the bucket: {error}") from error

    def follow(self) -> list[Run]:
        """The finished runs, in the order of the files. Raises CommandError if nothing happens for too long."""
        changed, before = time.monotonic(), None
        while True:
            found = [self._run_of(source, newest) for source, newest in self._put]
            if all(run and _is_settled(run) for run in found):
                self._show("")
                return [run for run in found if run]
            self._show_progress(found)
            state = [run and (run.pk, run.status, run.progress.lease_until, run.progress.bytes_done) for run in found]
            if state != before:
                changed, before = time.monotonic(), state
            if time.monotonic() - changed > self._wait:
                raise CommandError(self._stuck(found))
            time.sleep(_PAUSE)

    def _run_of(self, source: SourceObject, newest: int) -> Run | None:
        """The run that our file became; without versions, the newer one of its content."""
        found = Run.objects.select_related("dataset", "progress").filter(bucket=source.bucket, key=source.key)
        if source.version_id:
            return found.filter(version_id=source.version_id).order_by("load_number").first()
        return found.filter(etag=source.etag, pk__gt=newest).order_by("pk").first()

    def _stuck(self, found: list[Run | None]) -> str:
        files = ((put[0], run) for put, run in zip(self._put, found, strict=True))
        source, run = next((source, run) for source, run in files if run is None or run.status in Run.UNFINISHED)
        if run is None:
            return (
                f"No worker received {source.file_name} within {self._wait:g} s. The file is stored as "
                f"s3://{source.bucket}/{source.key} and is loaded as soon as a worker runs. Start one (make demo), or "
                "check that the bucket notifies the queue."
            )
        told = f" {run.reason}" if run.reason else ""
        return f"Run {run.pk} of {source.file_name} is {run.status}, and made no progress for {self._wait:g} s.{told}"

    def _show_progress(self, found: list[Run | None]) -> None:
        done = sum(run is not None and run.status not in Run.UNFINISHED for run in found)
        running = next((run for run in found if run and run.status == Run.Status.RUNNING), None)
        text = f"{done:,} of {len(found):,} finished"
        if running:
            progress = running.progress
            share = f" {progress.bytes_done / progress.bytes_total:.0%}" if progress.bytes_total else ""
            text += f", {running.file_name}: {progress.stage}{share}"
        self._show(text)

    def _show(self, text: str) -> None:
        """One line that is written over, on a terminal; elsewhere a line at each change would only be noise."""
        if self._command.stderr.isatty() and text != self._shown:
            self._command.stderr.write(f"\r\x1b[K{text[:110]}", ending="")
            self._shown = text
