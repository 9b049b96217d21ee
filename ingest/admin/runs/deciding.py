"""What people decide about runs: each decision is one function of runs, has its permission, and stands in the log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingest.loader.outcome.errors import RunFailed
from ingest.models import Run
from ingest.runs.acknowledge import acknowledge
from ingest.runs.approve import approve, discard, is_dangerous
from ingest.runs.preview import discard_preview, load_previewed
from ingest.runs.retry import load_again, retry
from ingest.runs.undo import undo as undo_run

APPROVES = "admin:ingest_run_approve"
"""The page that asks before a held run is approved."""

Done = tuple[Run, str, str]
"""The run that it stands in the log of, the word for Django's own log, and the one for the page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """One thing that can be decided about a run."""

    name: str
    """In addresses and of ``runs.choices``."""
    label: str
    permission: str
    act: Callable[[int, Any], Done]
    """Does it, for the run of this id and the user who asks. Raises IngestError, with a sentence."""
    done: str
    """The participle after "3 runs", once it was done to many."""
    look: str = ""
    """Of its button: ``main``, ``danger`` or neither."""
    asks: bool = False
    """Whether a page of its own says what it would do before it is done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """A decision as the page of one run offers it."""

    name: str
    label: str
    look: str
    page: str = ""
    """The URL name of the page that asks for confirmation; empty where it is done at once."""


def button(run: Run, decision: Decision) -> Button:
    """Return the button of ``decision`` for ``run``: one that leads to a confirmation where there is much to lose."""
    if decision.name == "approve" and is_dangerous(run):
        return Button(name="approve", label=f"{approval(run)}…", look="danger", page=APPROVES)
    page = "admin:ingest_run_undo" if decision.asks else ""
    return Button(name=decision.name, label=decision.label, look=decision.look, page=page)


def approval(run: Run) -> str:
    """Return what approving ``run`` does, as its button says it."""
    if not run.deleted:
        return "Approve and load"
    of = f" of {run.table_rows:,}" if run.table_rows else ""
    rows = "row" if (run.table_rows or run.deleted) == 1 else "rows"
    return f"Approve and delete {run.deleted:,}{of} {rows}"


def _retry(run_id: int, user: Any) -> Done:
    return retry(run_id, user=user), "Retried.", f"Run {run_id} queued for retry."


def _load_again(run_id: int, user: Any) -> Done:
    run = load_again(run_id, user.get_username(), user=user)
    return run, f"Reloads the file of run {run_id}.", f"Run {run.pk} queued to reload the file of run {run_id}."


def _undo(run_id: int, user: Any) -> Done:
    undo = undo_run(run_id, user.get_username(), user=user)
    return undo.undoes, f"Undone by run {undo.pk}.", f"Run {undo.pk} queued to undo run {run_id}."


def _approve(run_id: int, user: Any) -> Done:
    return approve(run_id, user=user), "Approved.", f"Run {run_id} approved and queued for loading."


def read(run_id: int, user: Any, reading: int, *, always: bool = False) -> Done:
    """Have a run that is held as a question read its file in one of the ways that it offers.

    With ``always`` the next files of its dataset are read so too. Raises RunFailed where ``user`` may not set that.
    """
    if always and not user.has_perm("ingest.change_dataset"):
        raise RunFailed(f"Run {run_id} is still held: you may choose a reading for this file, but not for later ones.")
    run = approve(run_id, reading, always=always, user=user)
    logged = f"Chose reading {reading}{' for all files' if always else ''}."
    return run, logged, f"Run {run_id} queued for loading with reading {reading}."


def _discard(run_id: int, user: Any) -> Done:
    return discard(run_id, user.get_username(), user=user), "Discarded.", f"Run {run_id} discarded."


def _acknowledge(run_id: int, user: Any) -> Done:
    if not acknowledge([run_id], user.get_username()):
        raise RunFailed(f"Run {run_id} does not need attention: it has not failed, or it was already acknowledged.")
    return Run.objects.get(pk=run_id), "Acknowledged.", f"Run {run_id} acknowledged."


def _load_previewed(run_id: int, user: Any) -> Done:
    load_previewed(run_id, user.get_username(), user=user)
    run = Run.objects.get(pk=run_id)
    return run, "Loaded the previewed file.", "File queued for loading. Its run will appear in the list shortly."


def _discard_preview(run_id: int, user: Any) -> Done:
    run = discard_preview(run_id, user.get_username(), user=user)
    return run, "Discarded the preview.", f"Preview of run {run_id} discarded."


DECISIONS = {
    decision.name: decision
    for decision in (
        Decision(
            name="approve",
            label="Approve",
            permission="ingest.approve_run",
            act=_approve,
            done="approved and queued for loading",
            look="primary",
        ),
        Decision(name="discard", label="Discard", permission="ingest.approve_run", act=_discard, done="discarded"),
        Decision(
            name="retry",
            label="Retry",
            permission="ingest.retry_run",
            act=_retry,
            done="queued for retry",
            look="primary",
        ),
        Decision(
            name="acknowledge",
            label="Acknowledge",
            permission="ingest.acknowledge_run",
            act=_acknowledge,
            done="acknowledged",
        ),
        Decision(
            name="load_previewed",
            label="Load",
            permission="ingest.add_run",
            act=_load_previewed,
            done="queued for loading",
            look="primary",
        ),
        Decision(
            name="discard_preview",
            label="Discard",
            permission="ingest.add_run",
            act=_discard_preview,
            done="discarded",
        ),
        Decision(
            name="undo", label="Undo…", permission="ingest.undo_run", act=_undo, done="queued for undo", asks=True
        ),
        Decision(
            name="load_again",
            label="Reload",
            permission="ingest.retry_run",
            act=_load_again,
            done="queued for loading",
        ),
    )
}
"""By name, in the order of their buttons."""
