"""Ownership of unfinished uploads: they belong to the user who started them until another user takes them over."""

from typing import Any, Final

from django.db import transaction

from ingest.aws.uploads import UploadGone
from ingest.datasets.permission import permitted
from ingest.datasets.routing import Destination
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Upload

ENDED: Final = UploadGone("This upload was finished or discarded in the meantime: choose the file again.")


def refusal(upload: Upload | None, destination: Destination | RunFailed | None, who: str) -> RunFailed | None:
    """Return why ``who`` can't continue the upload, or None: its owner can, if the destination is open to them."""
    if upload is None or isinstance(destination, RunFailed):
        return destination if isinstance(destination, RunFailed) else None
    if upload.who == who:
        return None
    return RunFailed(
        f"{upload.who} already started to upload this file. To continue it, reload this page, take over the upload "
        "under “Unfinished uploads”, and choose the file again."
    )


def take_over_upload(upload_id: int, *, user: Any) -> tuple[Upload, str]:
    """Make ``user`` the owner of an unfinished upload, keeping its parts; return it and its previous owner.

    From then on only ``user`` gets links for its parts, and its run names ``user``. Raises RunFailed if there is no
    such upload, or its dataset is closed to ``user``.
    """
    with transaction.atomic():
        upload = Upload.objects.select_for_update(no_key=True).filter(pk=upload_id, finished__isnull=True).first()
        if upload is None or not upload.upload_id:
            raise ENDED
        destination = permitted([upload.key], user)[upload.key]
        if isinstance(destination, RunFailed):
            raise destination
        previous, upload.who = upload.who, user.get_username()
        upload.save(update_fields=["who"])
    return upload, previous
