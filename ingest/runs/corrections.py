"""Corrected reject files go back to the dataset and the run that they name, whatever their own name (BEHAVIOUR 7)."""

from datetime import timedelta
from pathlib import Path

from ingest.datasets.drafts import delete
from ingest.loader.outcome.errors import RunFailed, RunHeld
from ingest.models import Dataset, Run
from ingest.rejects.origin import Address, address_of, origin_of
from ingest.runs.claim import Claim, ClaimLost

BRAKE = "address"
"""What holds a run whose file names a run that it can't be sent back to."""

_HEAD, _LONGEST = 1 << 20, 80 << 20
"""Bytes that are read to find out where a file comes from; the second holds the longest record allowed."""
_AT_ONCE = timedelta(minutes=1)
"""Between a dataset that is made for a file and its run."""


def send_back(claim: Claim, path: Path) -> None:
    """Give the claimed run the dataset that its file ``path`` names, if that is a reject file; link the two runs.

    Raises RunHeld where it can't be sent there, RunFailed for a preview of it, ClaimLost.
    """
    run = claim.run
    if run.corrects_id or BRAKE in (run.approved or {}):  # sent there already, or wanted where its name leads
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
    """By the first MiB, or by more where that holds no whole record."""
    size, address = path.stat().st_size, None
    for most in (_HEAD, _LONGEST):
        with path.open("rb") as file:
            address = address_of(file.read(most), whole=size <= most)
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


def let_go(run: Run) -> None:
    """Take a run that is given up from the dataset that was made for its file alone, and delete that."""
    if run.dataset and _is_draft(run.dataset, run):
        draft, run.dataset = run.dataset, None
        Run.objects.filter(pk=run.pk).update(dataset=None)
        delete(draft, [])


def _is_draft(dataset: Dataset, run: Run) -> bool:
    """Whether the dataset was made only because the file of ``run`` has its name, and nobody has touched it since."""
    if dataset.headers or dataset.identities is not None or abs(run.received - dataset.created) > _AT_ONCE:
        return False
    if dataset.runs.exclude(pk=run.pk).exists() or dataset.openings.exists():
        return False
    fresh = Dataset(name=dataset.name)
    settings = [each.attname for each in Dataset._meta.concrete_fields if each.editable and not each.primary_key]
    return all(getattr(dataset, name) == getattr(fresh, name) for name in settings)
