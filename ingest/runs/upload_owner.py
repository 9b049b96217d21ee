"""Upload owner: an unfinished upload belongs to who has begun it, until somebody else takes it over, and says so."""

from typing import Any, Final

from django.db import transaction

from ingest.aws.uploads import UploadGone
from ingest.loader.errors import RunFailed
from ingest.models import Upload
from ingest.runs.destinations import Destination
from ingest.runs.permission import permitted

OVER: Final = UploadGone("This upload was finished or given up meanwhile: choose the file again.")


def refusal(upload: Upload | None, goes: Destination | RunFailed | None, who: str) -> RunFailed | None:
    """Why ``who`` can't go on with an upload that goes there: whoever has begun it, or taken it over, alone does."""
    if upload is None or isinstance(goes, RunFailed):
        return goes if isinstance(goes, RunFailed) else None
    if upload.who == who:
        return None
    return RunFailed(
        f"{upload.who} has begun to upload this file. To go on with it, reload this page, take it over under "
        "“Unfinished uploads”, and choose the file again."
    )


def take_over_upload(upload_id: int, *, user: Any) -> tuple[Upload, str]:
    """Make an unfinished upload of somebody else's the one of ``user``, with what has come of it; gives whose it was.

    From then on only ``user`` gets links for its parts, and its run names ``user``. Raises RunFailed where there is no
    such upload, or its dataset is closed to ``user``.
    """
    with transaction.atomic():
        upload = Upload.objects.select_for_update(no_key=True).filter(pk=upload_id, finished__isnull=True).first()
        if upload is None or not upload.upload_id:
            raise OVER
        goes = permitted([upload.key], user)[upload.key]
        if isinstance(goes, RunFailed):
            raise goes
        before, upload.who = upload.who, user.get_username()
        upload.save(update_fields=["who"])
    return upload, before
