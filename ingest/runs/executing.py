"""Execute: fetch outside the database, then everything that changes it in one transaction (BEHAVIOUR 8)."""

from pathlib import Path

from django.db import Error as DjangoDatabaseError
from django.db import connection, transaction

from ingest.aws.objects import SourceGone
from ingest.loader import load as loading
from ingest.loader.errors import Fate, RunFailed, RunInterrupted, fate_of
from ingest.models import Dataset, Progress, Run
from ingest.runs import ending
from ingest.runs.claiming import Claim, ClaimLost, claim
from ingest.runs.heartbeat import Heartbeat
from ingest.runs.material import Material
from ingest.runs.receiving import load_once_more
from ingest.runs.scratch import scratch_folder
from ingest.runs.verdict import newer_known, newer_loaded, same_content

Status = Run.Status

_LOCK_NOT_AVAILABLE = "55P03"
_ROUNDS = 5
"""How often newer versions may arrive while an older one is made ready, before it gives up its turn."""


def take(run_id: int) -> Status | None:
    """Claim a run and execute it: the status it ends in, None if it is finished or somebody else's."""
    claimed = claim(run_id)
    return execute(claimed) if claimed else None


def execute(claimed: Claim) -> Status | None:
    """Carry a claimed run to its end: succeeded, superseded, failed, or waiting to be tried again.

    None if another worker holds it by now. Raises only what stands in the way of writing that end.
    """
    attempt: Attempt | None = None
    try:
        with scratch_folder() as folder, Heartbeat(claimed) as beat:
            attempt = Attempt(claimed, folder, beat)
            return attempt.carry_out()
    except ClaimLost:
        return None
    except SourceGone as error:
        return _gone(claimed, error)
    except Exception as error:
        return _stopped(claimed, _driver_error(error), attempt.own if attempt else None)
    except BaseException as error:  # the worker is told to stop: the run isn't to blame
        _leave_broken_connection()
        ending.interrupt(claimed, RunInterrupted(f"The worker was stopped ({type(error).__name__})."))
        raise


class Attempt:
    """One attempt at one run, with all that it has on this machine."""

    def __init__(self, claimed: Claim, folder: Path, beat: Heartbeat) -> None:
        self._claim = claimed
        self._run = claimed.run
        self._folder = folder
        self._beat = beat
        self._materials: dict[str, Material] = {}
        self.own = self._material(claimed.run)

    def carry_out(self) -> Status:
        """Make ready what the transaction needs, and run it; what turns out to be missing is fetched outside of it."""
        lacking: Material | None = self._first_need()
        for _ in range(_ROUNDS):
            if lacking:
                self._make_ready(lacking)
            with transaction.atomic():
                status, lacking = self._settle()
            if status:
                return status
        raise RunInterrupted(f"Newer versions of {self._run.key} kept arriving while this one was being loaded.")

    def _first_need(self) -> Material | None:
        """Nothing, if the content seems to be loaded already, by its ETag or, once fetched, by its digest."""
        if same_content(self._run, self._run.dataset):
            return None
        self.own.fetch()
        return None if same_content(self._run, self._run.dataset, self.own.sha256) else self.own

    def _settle(self) -> tuple[Status | None, Material | None]:
        """Within the transaction: lock, decide by BEHAVIOUR 1, load. Gives the end, or the material it lacks."""
        run = self._lock()
        newer = newer_loaded(run)
        if newer and run.dataset.mode == Dataset.Mode.SNAPSHOT:
            reason = f"Run {newer.pk} has loaded a newer version of this file, and a snapshot is the whole truth."
            return ending.supersede(self._claim, reason), None
        same = same_content(run, run.dataset, self.own.sha256)
        if same:
            return ending.finish_unchanged(run, same, self.own.sha256), None
        behind = self._material(newer) if newer and run.dataset.mode == Dataset.Mode.UPSERT else None
        for material in (self.own, behind):
            if material and not material.file:
                return None, material
        return self._load_in_order(run, newer if behind else None, behind), None

    def _lock(self) -> Run:
        """The run's row with our token, then the table; the run is given its dataset as it stands under the lock."""
        run = Run.objects.select_for_update(no_key=True, of=("self",)).filter(
            pk=self._run.pk, token=self._claim.token, status=Status.RUNNING
        )
        locked = run.first()
        if locked is None:
            raise ClaimLost(f"Run {self._run.pk} was taken over by another worker.")
        self._beat.enter(Progress.Stage.WAIT, 0)
        loading.lock(connection.connection, self._run.dataset.name)
        locked.dataset = Dataset.objects.select_related("newest").get(pk=locked.dataset_id)
        return locked

    def _load_in_order(self, run: Run, newer: Run | None, behind: Material | None) -> Status:
        """Load the run's own version, and behind it the newest one once more if that had come before it."""
        if not newer or not behind:
            return self._load(run, self.own)
        again = load_once_more(newer, status=Status.RUNNING, token=1, attempts=1, started=run.started)
        again.dataset = run.dataset
        notes = (
            f"A newer version of this file had been loaded before; it was loaded again behind it, by run {again.pk}.",
        )
        self._load(run, self.own, notes)
        again_notes = (f"Loaded again behind an older version of the file, which came late as run {run.pk}.",)
        return self._load(again, behind, again_notes)

    def _load(self, run: Run, material: Material, notes: tuple[str, ...] = ()) -> Status:
        outcome = loading.load(
            connection.connection,
            material.file,
            run.dataset.target(run.pk),
            progress=self._beat.load_reached,
        )
        return ending.finish(run, outcome, material, notes)

    def _material(self, run: Run) -> Material:
        """What we have of the run's source object; two runs of one version share it."""
        name = f"{run.key}\n{run.source_identity}"
        if name not in self._materials:
            folder = self._folder / str(len(self._materials))
            self._materials[name] = Material(source=run.source, folder=folder, beat=self._beat)
        return self._materials[name]

    def _make_ready(self, material: Material) -> None:
        try:
            material.make_ready()
        except SourceGone as gone:
            if material is self.own:
                raise
            raise RunFailed(
                f"A newer version of {self._run.key} is loaded already and can't be read from the bucket any more, so "
                "this older one can't be put behind it. Nothing was changed; drop the newest file again."
            ) from gone


def _gone(claimed: Claim, error: SourceGone) -> Status | None:
    """The version isn't in the bucket any more: superseded if we know of a newer one, else failed (BEHAVIOUR 1)."""
    newer = newer_known(claimed.run)
    if newer:
        return ending.supersede(claimed, f"A newer version of this file (run {newer.pk}) took its place in the bucket.")
    return ending.fail(claimed, error, None)


def _stopped(claimed: Claim, error: BaseException, material: Material | None) -> Status | None:
    _leave_broken_connection()
    if fate_of(error) is Fate.RETRY:
        return ending.interrupt(claimed, error, turn_lost=getattr(error, "pgcode", None) == _LOCK_NOT_AVAILABLE)
    return ending.fail(claimed, error, material)


def _driver_error(error: BaseException) -> BaseException:
    """What Django wraps, so that its fields can be read."""
    cause = error.__cause__
    return cause if isinstance(error, DjangoDatabaseError) and cause is not None else error


def _leave_broken_connection() -> None:
    """The end is written on a connection that works; the load used the driver's, so Django hasn't seen it break."""
    if not connection.in_atomic_block and connection.connection is not None and not connection.is_usable():
        connection.close()
