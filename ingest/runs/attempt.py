"""An attempt: fetch outside the database, then everything that changes it in one transaction (BEHAVIOUR 8)."""

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
from ingest.runs.corrections import send_back
from ingest.runs.disk_space import explained_if_too_small
from ingest.runs.fetched_file import PreparedFile
from ingest.runs.heartbeat import Heartbeat
from ingest.runs.late_versions import OutOfTurn, check_repeatable, note_of_late, note_repeated, take_back_newer
from ingest.runs.questions import in_front_of
from ingest.runs.receive import load_once_more
from ingest.runs.row_changes import sample
from ingest.runs.undo import take_back
from ingest.runs.versions import last_records, newer_loads, previous_snapshot, same_content

Status = Run.Status

_ROUNDS = 5
"""How often newer versions may arrive while an older one is made ready, before it gives up its turn."""


class _Previewed(Exception):
    """A preview has come to its commit: raised to roll it back."""

    def __init__(self, outcome: Outcome, brakes: dict[str, int]) -> None:
        super().__init__()
        self.outcome = outcome
        self.brakes = brakes


class _Behind(Exception):
    """An earlier first file of the dataset isn't settled: raised to leave the transaction."""

    def __init__(self, other: Run) -> None:
        super().__init__()
        self.other = other


class Attempt:
    """One attempt at one run, with all that it has on this machine."""

    def __init__(self, claimed: Claim, folder: Path, beat: Heartbeat) -> None:
        self._claim = claimed
        self._run = claimed.run
        self._folder = folder
        self._beat = beat
        self._materials: dict[str, PreparedFile] = {}
        self.own = self._material(claimed.run)

    def carry_out(self) -> Status | None:
        """Make ready what the transaction needs, and run it; what turns out to be missing is fetched outside of it."""
        if self._run.kind == Run.Kind.UNDO:
            return self._take_back()
        if self._run.size == 0 and not self._run.forced and newer_loads(self._run):
            return complete.supersede(self._claim, "A newer version of this file was loaded, and this one has 0 bytes.")
        if other := in_front_of(self._run):
            return complete.wait_behind(self._claim, other)
        missing = self._first_need()
        for _ in range(_ROUNDS):
            try:
                for material in missing:
                    self._make_ready(material)
                    if material is self.own:
                        send_back(self._claim, material.text)
                with transaction.atomic():
                    status, missing = self._settle()
            except _Previewed as seen:
                return complete.show(self._claim, seen.outcome, seen.brakes, self.own)
            except OutOfTurn as reason:
                return complete.supersede(self._claim, str(reason))
            except _Behind as behind:  # a question that has come up meanwhile
                return complete.wait_behind(self._claim, behind.other)
            if status:
                return status
        raise RunInterrupted(f"Newer versions of {self._run.key} kept arriving while this one was being loaded.")

    def _take_back(self) -> Status:
        """An undo reads no file."""
        with transaction.atomic():
            run = self._lock()
            self._beat.enter(Progress.Stage.UNDO, 0)
            return take_back(run, run.dataset, self._claim.clock)

    def _first_need(self) -> list[PreparedFile]:
        """Nothing, if the content seems to be loaded already, by its ETag or, once fetched, by its digest."""
        if same_content(self._run, self._run.dataset):
            return []
        self.own.fetch()
        return [] if same_content(self._run, self._run.dataset, self.own.sha256) else [self.own]

    def _settle(self) -> tuple[Status | None, list[PreparedFile]]:
        """Within the transaction: lock, decide by BEHAVIOUR 1, load. Gives the end, or the materials it lacks.

        Raises OutOfTurn where newer versions are in the table and this one can't be put before them.
        """
        run = self._lock()
        if other := in_front_of(run):
            raise _Behind(other)
        newer = newer_loads(run)
        notes = (f"Loaded on request over run {newer[-1].pk}, a newer version of this file.",) if newer else ()
        if run.forced or run.dataset.mode == Dataset.Mode.APPEND:
            newer = []
        if newer and run.dataset.mode == Dataset.Mode.SNAPSHOT:
            reason = f"Run {newer[-1].pk} has loaded a newer version of this file, and a snapshot is the whole truth."
            return complete.supersede(self._claim, reason), []
        same = same_content(run, run.dataset, self.own.sha256)
        if same and newer in ([], [same]):
            return complete.finish_unchanged(run, same, self.own.sha256, self._claim.clock.stages), []
        if newer:
            check_repeatable(run, newer)
        versions = list({load.source_identity: load for load in newer}.values())  # the last load of each
        missing = [m for m in (self.own, *map(self._material, versions)) if not m.is_ready(run.dataset)]
        if missing:
            return None, missing
        if newer:
            return self._load_in_order(run, newer, versions), []
        return self._load(run, self.own, notes if run.forced else ()), []

    def _lock(self) -> Run:
        """The run's row with our token, then the table; the run is given its dataset as it stands under the lock."""
        run = self._run
        ours = Run.objects.filter(pk=run.pk, token=self._claim.token, status=Status.RUNNING)
        locked = ours.select_for_update(no_key=True).values_list("dataset", "started").first()
        if locked is None:
            raise ClaimLost(f"Run {run.pk} was taken over by another worker.")
        self._beat.enter(Progress.Stage.WAIT, 0)
        loading.lock(connection.connection, run.dataset.name)
        dataset, run.started = locked
        before, run.dataset = run.dataset.newest, Dataset.objects.get(pk=dataset)
        if before and before.pk == run.dataset.newest_id:  # what has succeeded stays as it is
            run.dataset.newest = before
        return run

    def _load_in_order(self, run: Run, newer: list[Run], versions: list[Run]) -> Status:
        """Take the ``newer`` loads back, load the run's own version, and theirs again: one of ``versions`` each."""
        self._beat.enter(Progress.Stage.UNDO, 0)
        take_back_newer(run.dataset, newer)
        repeats = [load_once_more(v, status=Status.RUNNING, token=1, attempts=1, started=run.started) for v in versions]
        status = self._load(run, self.own, (note_of_late(repeats),))
        for version, again in zip(versions, repeats, strict=True):
            self._repeat(run, version, again)
            note_repeated([load for load in newer if load.source_identity == version.source_identity], again, run)
        return status

    def _repeat(self, run: Run, version: Run, again: Run) -> None:
        """Load the version of a newer load after that of ``run``, as run ``again``."""
        again.dataset = run.dataset
        material = self._material(version)
        let_in = {**EVERYTHING, **(version.approved or {})}  # it was let in before
        target = run.dataset.target(again.pk, approved=let_in)
        try:
            outcome = self._outcome(run.dataset, material, target)
        except RunFailed as failed:  # its account would be taken for that of the late version
            raise OutOfTurn(f"run {version.pk} can't be repeated after this one: {failed}") from failed
        note = f"Repeats run {version.pk}, since an older version of the file came late, as run {run.pk}."
        complete.finish(again, outcome, material, (note,))

    def _load(self, run: Run, material: PreparedFile, notes: tuple[str, ...] = ()) -> Status:
        try:
            outcome = self._outcome(run.dataset, material, self._target(run))
        except RunHeld as held:
            self._sample(run, held.outcome)
            if run.kind == Run.Kind.PREVIEW:
                raise _Previewed(held.outcome, held.brakes) from held
            raise
        if run.kind == Run.Kind.PREVIEW:
            self._sample(run, outcome)
            raise _Previewed(outcome, {})
        return complete.finish(run, outcome, material, notes, self._claim.clock.stages)

    def _outcome(self, dataset: Dataset, material: PreparedFile, target: Target) -> Outcome:
        file = material.open(dataset)
        self._beat.load_by(connection.connection.info.backend_pid)
        with explained_if_too_small(self._folder):
            return loading.load(connection.connection, file, target, self._beat.load_reached, locked=True)

    def _sample(self, run: Run, outcome: Outcome) -> None:
        """Keep some of the rows that are about to be rolled back, to be shown with what is written of the run."""
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
            sha256=self.own.sha256,
        )

    def _material(self, run: Run) -> PreparedFile:
        """What we have of the run's source object; two runs of one version share it."""
        name = f"{run.key}\n{run.source_identity}"
        if name not in self._materials:
            folder = self._folder / str(len(self._materials))
            before = run.dialect if run.status in Run.COMMITTED else None
            self._materials[name] = PreparedFile(
                source=run.source, folder=folder, beat=self._beat, chosen=run.reading, loaded_as=before
            )
        return self._materials[name]

    def _make_ready(self, material: PreparedFile) -> None:
        try:
            material.make_ready(self._run.dataset)
        except RunFailed as failed:
            if material is self.own:
                raise
            raise OutOfTurn(f"one of them can't be read any more: {failed}") from failed
