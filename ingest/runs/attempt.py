"""One attempt: fetch outside the database, then change everything in one transaction (file-rules#transaction)."""

from pathlib import Path

from django.db import connection, transaction

from ingest.loader import load as loading
from ingest.loader.outcome.errors import RunFailed, RunHeld, RunInterrupted
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import Target
from ingest.loader.planning.safeguards import EVERYTHING
from ingest.models import Dataset, Progress, Run, storable
from ingest.runs import complete
from ingest.runs.claim import Claim, ClaimLost
from ingest.runs.corrections import route_to_origin
from ingest.runs.disk_space import explained_if_too_small
from ingest.runs.fetched_file import PreparedFile
from ingest.runs.heartbeat import Heartbeat
from ingest.runs.late_versions import OutOfTurn, check_repeatable, note_on_late_version, note_on_repeated, undo_newer
from ingest.runs.questions import blocking_question
from ingest.runs.receive import load_once_more
from ingest.runs.row_changes import sample
from ingest.runs.undo import execute_undo
from ingest.runs.versions import last_records, newer_loads, previous_snapshot, same_content

Status = Run.Status

_ROUNDS = 5
"""How often newer versions may arrive while an older one is being prepared, before the attempt is interrupted."""


class _Previewed(Exception):
    """Raised to roll a preview back instead of committing it."""

    def __init__(self, outcome: Outcome, brakes: dict[str, int]) -> None:
        super().__init__()
        self.outcome = outcome
        self.brakes = brakes


class _MustWait(Exception):
    """Raised to leave the transaction, because an earlier first file of the dataset isn't settled."""

    def __init__(self, other: Run) -> None:
        super().__init__()
        self.other = other


class Attempt:
    """One attempt at one run, with its files on this machine."""

    def __init__(self, claimed: Claim, folder: Path, beat: Heartbeat) -> None:
        self._claim = claimed
        self._run = claimed.run
        self._folder = folder
        self._beat = beat
        self._files: dict[str, PreparedFile] = {}
        self.file = self._prepared_file(claimed.run)

    def execute(self) -> Status | None:
        """Prepare the files that the transaction needs and run it, again if it turns out that more are needed."""
        if self._run.kind == Run.Kind.UNDO:
            return self._undo()
        if self._run.size == 0 and not self._run.forced and newer_loads(self._run):
            return complete.supersede(self._claim, "A newer version of this file was loaded, and this one has 0 bytes.")
        if other := blocking_question(self._run):
            return complete.wait_for_question(self._claim, other)
        missing = self._initially_missing()
        for _ in range(_ROUNDS):
            try:
                for file in missing:
                    self._prepare(file)
                    if file is self.file:
                        route_to_origin(self._claim, file.text)
                with transaction.atomic():
                    status, missing = self._decide_and_load()
            except _Previewed as preview:
                return complete.finish_preview(self._claim, preview.outcome, preview.brakes, self.file)
            except OutOfTurn as reason:
                return complete.supersede(self._claim, str(reason))
            except _MustWait as wait:  # a question came up in the meantime
                return complete.wait_for_question(self._claim, wait.other)
            if status:
                return status
        raise RunInterrupted(f"Newer versions of {self._run.key} kept arriving while this one was being loaded.")

    def _undo(self) -> Status:
        """Undo the run that this one is for; that reads no file."""
        with transaction.atomic():
            run = self._lock()
            self._beat.enter(Progress.Stage.UNDO, 0)
            return execute_undo(run, run.dataset, self._claim.clock)

    def _initially_missing(self) -> list[PreparedFile]:
        """Return no file if the content seems to be loaded already, by its ETag or, once fetched, by its digest."""
        if same_content(self._run, self._run.dataset):
            return []
        self.file.fetch()
        return [] if same_content(self._run, self._run.dataset, self.file.sha256) else [self.file]

    def _decide_and_load(self) -> tuple[Status | None, list[PreparedFile]]:
        """Within the transaction: lock, decide by file-rules#sources, load. Return the final status, or the missing
        files.

        Raises OutOfTurn if newer versions are in the table and this one can't be put before them.
        """
        run = self._lock()
        if other := blocking_question(run):
            raise _MustWait(other)
        newer = newer_loads(run)
        notes = (f"Loaded on request over run {newer[-1].pk}, a newer version of this file.",) if newer else ()
        if run.forced or run.dataset.mode == Dataset.Mode.APPEND:
            newer = []
        if newer and run.dataset.mode == Dataset.Mode.SNAPSHOT:
            reason = f"Run {newer[-1].pk} loaded a newer version of this file, and a snapshot replaces the whole table."
            return complete.supersede(self._claim, reason), []
        same = same_content(run, run.dataset, self.file.sha256)
        if same and newer in ([], [same]):
            return complete.finish_unchanged(run, same, self.file.sha256, self._claim.clock.stages), []
        if newer:
            check_repeatable(run, newer)
        versions = list({load.source_identity: load for load in newer}.values())  # the last load of each
        files = (self.file, *map(self._prepared_file, versions))
        missing = [file for file in files if not file.is_ready(run.dataset)]
        if missing:
            return None, missing
        if newer:
            return self._load_in_order(run, newer, versions), []
        return self._load(run, self.file, notes if run.forced else ()), []

    def _lock(self) -> Run:
        """Lock the run's row, if our token is still valid, then the table; reread the dataset under the lock."""
        run = self._run
        ours = Run.objects.filter(pk=run.pk, token=self._claim.token, status=Status.RUNNING)
        locked = ours.select_for_update(no_key=True).values_list("dataset", "started").first()
        if locked is None:
            raise ClaimLost(f"Run {run.pk} was taken over by another worker.")
        self._beat.enter(Progress.Stage.WAIT, 0)
        loading.lock(connection.connection, run.dataset.name)
        dataset, run.started = locked
        before, run.dataset = run.dataset.newest, Dataset.objects.get(pk=dataset)
        if before and before.pk == run.dataset.newest_id:  # a run that succeeded doesn't change
            run.dataset.newest = before
        return run

    def _load_in_order(self, run: Run, newer: list[Run], versions: list[Run]) -> Status:
        """Undo the ``newer`` loads, load the run's own version, then load each of ``versions`` again."""
        self._beat.enter(Progress.Stage.UNDO, 0)
        undo_newer(run.dataset, newer)
        repeats = [load_once_more(v, status=Status.RUNNING, token=1, attempts=1, started=run.started) for v in versions]
        status = self._load(run, self.file, (note_on_late_version(repeats),))
        for version, again in zip(versions, repeats, strict=True):
            self._repeat(run, version, again)
            note_on_repeated([load for load in newer if load.source_identity == version.source_identity], again, run)
        return status

    def _repeat(self, run: Run, version: Run, again: Run) -> None:
        """Load a newer version again, after that of ``run``, as run ``again``."""
        again.dataset = run.dataset
        file = self._prepared_file(version)
        approved = {**EVERYTHING, **(version.approved or {})}  # it was loaded before
        target = run.dataset.target(again.pk, approved=approved)
        try:
            outcome = self._outcome(run.dataset, file, target)
        except RunFailed as failed:  # its outcome would be taken for that of the late version
            raise OutOfTurn(f"run {version.pk} can't be repeated after this one: {failed}") from failed
        note = f"Repeats run {version.pk}, because an older version of the file arrived late, as run {run.pk}."
        complete.finish(again, outcome, file, (note,))

    def _load(self, run: Run, file: PreparedFile, notes: tuple[str, ...] = ()) -> Status:
        try:
            outcome = self._outcome(run.dataset, file, self._target(run))
        except RunHeld as held:
            self._sample(run, held.outcome)
            if run.kind == Run.Kind.PREVIEW:
                raise _Previewed(held.outcome, held.brakes) from held
            raise
        if run.kind == Run.Kind.PREVIEW:
            self._sample(run, outcome)
            raise _Previewed(outcome, {})
        return complete.finish(run, outcome, file, notes, self._claim.clock.stages)

    def _outcome(self, dataset: Dataset, file: PreparedFile, target: Target) -> Outcome:
        source = file.open(dataset)
        self._beat.load_by(connection.connection.info.backend_pid)
        with explained_if_too_small(self._folder):
            return loading.load(connection.connection, source, target, self._beat.load_reached, locked=True)

    def _sample(self, run: Run, outcome: Outcome) -> None:
        """Keep a sample of the changes that are about to be rolled back, to be shown on the run's page."""
        key = outcome.identities or ()
        evidence = storable(outcome.evidence) or run.dataset.evidence
        self._claim.run.sample = {"key": key, "evidence": evidence, "changes": sample(run.dataset, key, run.pk)}

    def _target(self, run: Run) -> Target:
        previous = previous_snapshot(run) if run.dataset.mode == Dataset.Mode.SNAPSHOT else None
        return run.dataset.target(
            run.pk,
            approved=run.approved,
            previous_records=previous and previous.records,
            last_records=last_records(run),
            sha256=self.file.sha256,
        )

    def _prepared_file(self, run: Run) -> PreparedFile:
        """Return the run's file; two runs of one version share it."""
        name = f"{run.key}\n{run.source_identity}"
        if name not in self._files:
            folder = self._folder / str(len(self._files))
            before = run.dialect if run.status in Run.COMMITTED else None
            self._files[name] = PreparedFile(
                source=run.source, folder=folder, beat=self._beat, chosen=run.reading, loaded_as=before
            )
        return self._files[name]

    def _prepare(self, file: PreparedFile) -> None:
        try:
            file.prepare(self._run.dataset)
        except RunFailed as failed:
            if file is self.file:
                raise
            raise OutOfTurn(f"one of them can't be read any more: {failed}") from failed
