"""Route a corrected reject file to the dataset and the run that it names, whatever its file name.

See file-rules#corrections.
"""

from datetime import timedelta
from pathlib import Path

from ingest.datasets.drafts import delete
from ingest.loader.outcome.errors import RunFailed, RunHeld
from ingest.models import Dataset, Run
from ingest.rejects.origin import Address, address_of, origin_of
from ingest.runs.claim import Claim, ClaimLost

BRAKE = "address"
"""The safeguard that holds a run whose file names a run that can't be found."""

_HEAD_BYTES, _MAX_HEAD_BYTES = 1 << 20, 80 << 20
"""How much of a file is read to find its origin; the second is enough for the longest record allowed."""
_CREATED_TOGETHER = timedelta(minutes=1)
"""The longest time between the creation of a draft for a file and that of its run."""


def route_to_origin(claim: Claim, path: Path) -> None:
    """If ``path`` is a reject file, move the claimed run to the dataset that it names, and link the two runs.

    Raises RunHeld if the origin can't be found (RunFailed for a preview), and ClaimLost.
    """
    run = claim.run
    if run.corrects_id or BRAKE in (run.approved or {}):  # already routed, or approved to follow its file name
        return
    address = _read_address(path)
    if address is None:
        return
    try:
        origin = origin_of(address, run.who)
    except RunFailed as refused:
        if run.kind == Run.Kind.PREVIEW:
            raise
        raise RunHeld(
            f"{refused} Discard this run, or approve it to load the file into {run.dataset.name}.", None, {BRAKE: 0}
        ) from None
    _link(claim, origin)


def _read_address(path: Path) -> Address | None:
    """Read the origin from the first MiB, or from more if that doesn't contain a whole record."""
    size, address = path.stat().st_size, None
    for limit in (_HEAD_BYTES, _MAX_HEAD_BYTES):
        with path.open("rb") as file:
            address = address_of(file.read(limit), whole=size <= limit)
        if address is None or address.runs:
            break
    return address


def _link(claim: Claim, origin: Run) -> None:
    run, before = claim.run, claim.run.dataset
    ours = Run.objects.filter(pk=run.pk, token=claim.token, status=Run.Status.RUNNING)
    pattern = run.pattern if origin.dataset_id == run.dataset_id else ""
    if not ours.update(dataset=origin.dataset, corrects=origin, pattern=pattern):
        raise ClaimLost(f"Run {run.pk} was taken over by another worker.")
    dataset = Dataset.objects.select_related("newest").get(pk=origin.dataset_id)
    run.dataset, run.corrects, run.pattern = dataset, origin, pattern
    if before.pk != dataset.pk and _is_draft(before, run):
        delete(before, [])


def detach_draft(run: Run) -> None:
    """Detach a discarded run from the dataset that was created for its file alone, and delete that dataset."""
    if run.dataset and _is_draft(run.dataset, run):
        draft, run.dataset = run.dataset, None
        Run.objects.filter(pk=run.pk).update(dataset=None)
        delete(draft, [])


def _is_draft(dataset: Dataset, run: Run) -> bool:
    """Return whether the dataset exists only because of the name of the file of ``run``, and was never changed."""
    if dataset.headers or dataset.identities is not None or abs(run.received - dataset.created) > _CREATED_TOGETHER:
        return False
    if dataset.runs.exclude(pk=run.pk).exists() or dataset.openings.exists():
        return False
    fresh = Dataset(name=dataset.name)
    settings = [field.attname for field in Dataset._meta.concrete_fields if field.editable and not field.primary_key]
    return all(getattr(dataset, name) == getattr(fresh, name) for name in settings)
