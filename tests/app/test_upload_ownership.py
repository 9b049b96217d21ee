"""An unfinished upload is its starter's alone, until somebody takes it over; the run names who has it then."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client

from ingest.aws import objects, uploads
from ingest.aws.uploads import UploadGone
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Opening, Upload
from ingest.runs.receive import receive
from ingest.uploads.multipart import finish_uploads, give_up_upload, sign_parts, start_uploads
from ingest.uploads.ownership import take_over_upload
from tests.app.conftest import Door
from tests.app.pages import member
from tests.app.test_multipart import begin, chosen, send, small_parts

__all__ = ["small_parts"]


@pytest.fixture
def op1(transactional_db: None) -> User:
    return User.objects.create_user("op1")


@pytest.fixture
def op2(transactional_db: None) -> User:
    """A superuser: no exception is made for one."""
    return User.objects.create_superuser("op2")


def refusal(call: Callable[[], Any]) -> str:
    """Why it was refused; empty if it wasn't."""
    try:
        answer = call()
    except RunFailed as refused:
        return str(refused)
    first = answer[0] if isinstance(answer, list) else answer
    return str(first) if isinstance(first, RunFailed) else ""


ACTS: dict[str, Callable[[int, User], Any]] = {
    "begin": lambda _, user: start_uploads([chosen()], user=user, preview=False),
    "sign": lambda pk, user: sign_parts(pk, [2], user=user),
    "finish": lambda pk, user: finish_uploads([pk], user=user),
    "give up": lambda pk, user: give_up_upload(pk, user=user),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("taken", [False, True], ids=["as it was begun", "taken over"])
def test_only_whose_it_is_goes_on_with_it(door: Door, op1: User, op2: User, small_parts: None, act: str, taken: bool):
    upload = begin(op1).upload
    owner, other = op1, op2
    if taken:
        _, before = take_over_upload(upload.pk, user=op2)
        assert before == "op1"
        owner, other = op2, op1
    said = f"{owner.username} already started to upload this file. To continue it, reload this page, take over"
    assert refusal(lambda: ACTS[act](upload.pk, other)).startswith(said)
    assert Upload.objects.get().upload_id == upload.upload_id, "nothing was done"
    assert uploads.parts(door.aws.bucket, upload.key, upload.upload_id) == []
    assert refusal(lambda: ACTS[act](upload.pk, owner)) == ""


def test_the_run_names_who_has_taken_it_over(door: Door, op1: User, op2: User, small_parts: None):
    first = begin(op1)
    send(first, only=lambda number: number != 2)
    take_over_upload(first.upload.pk, user=op2)
    second = begin(op2)
    assert (second.upload.pk, second.there, sorted(second.links)) == (first.upload.pk, (1, 3), [2])
    send(second)
    (done,) = finish_uploads([second.upload.pk], user=op2)
    assert (done.who, Upload.objects.count()) == ("op2", 1)
    assert receive(objects.describe(door.aws.bucket, done.key)).who == "op2"
    assert "op2 already started" in refusal(lambda: finish_uploads([done.pk], user=op1)), "also when it is finished"


def test_one_that_is_taken_over_while_its_starter_finishes_it_is_not_finished(
    door: Door, op1: User, op2: User, monkeypatch: pytest.MonkeyPatch
):
    sending = begin(op1)
    send(sending)
    parts, taken = uploads.parts, []

    def meanwhile(*asked: Any) -> Any:
        if not taken:
            taken.append(take_over_upload(sending.upload.pk, user=op2))
        return parts(*asked)

    monkeypatch.setattr("ingest.uploads.multipart.uploads.parts", meanwhile)
    assert "op2 already started" in refusal(lambda: finish_uploads([sending.upload.pk], user=op1))
    assert (Upload.objects.get().who, Upload.objects.get().finished) == ("op2", None)
    assert finish_uploads([sending.upload.pk], user=op2)[0].who == "op2"


def test_what_the_bucket_has_dropped_is_begun_anew_by_who_takes_it_over(door: Door, op1: User, op2: User):
    upload = begin(op1).upload
    uploads.abort(door.aws.bucket, upload.key, upload.upload_id)
    assert "op1 already started" in refusal(lambda: ACTS["begin"](upload.pk, op2))
    take_over_upload(upload.pk, user=op2)
    assert begin(op2).upload.who == "op2"
    assert Upload.objects.count() == 1


def test_only_what_is_unfinished_and_open_to_one_is_taken_over(door: Door, op1: User, op2: User):
    sending = begin(op1)
    send(sending)
    op3 = User.objects.create_user("op3")
    closed = Dataset.objects.create(name="people")
    opening = Opening.objects.create(dataset=closed, group=Group.objects.create(name="hr"))
    with pytest.raises(RunFailed, match="closed to you"):
        take_over_upload(sending.upload.pk, user=op3)
    opening.delete()
    finish_uploads([sending.upload.pk], user=op1)
    for number in (sending.upload.pk, 0):
        with pytest.raises(UploadGone, match="finished or discarded in the meantime"):
            take_over_upload(number, user=op2)
    assert Upload.objects.get().who == "op1"


# -- the page ---------------------------------------------------------------------------------------------------------

ADDRESS = "/admin/ingest/upload/"


def test_the_page_offers_to_take_over_what_others_have_begun_and_logs_both_names(door: Door, op1: User):
    upload = begin(op1).upload
    operator, client = member("operator"), Client()
    client.force_login(operator)
    page = client.get(ADDRESS).content.decode()
    assert "Take over upload" in page
    assert "Cancel upload of people.csv" not in page
    answer = client.post(f"{ADDRESS}take-over/", {"upload": upload.pk}, follow=True).content.decode()
    assert "You took over the upload of people.csv. Choose the file again to continue it." in answer
    assert "Cancel upload of people.csv" in answer
    assert "Take over upload: " not in answer
    assert Upload.objects.get().who == operator.username
    entry = LogEntry.objects.get(user=operator)
    assert (entry.object_repr, entry.get_change_message()) == (
        "data/people.csv",
        f"{operator.username} took over the upload that op1 started.",
    )


@pytest.mark.parametrize("groups", [(), ("viewer",)])
def test_who_may_not_upload_takes_nothing_over(door: Door, op1: User, groups: tuple[str, ...]):
    upload = begin(op1).upload
    client = Client()
    client.force_login(member(*groups))
    assert client.post(f"{ADDRESS}take-over/", {"upload": upload.pk}).status_code == 403
    assert client.get(f"{ADDRESS}take-over/").status_code in (403, 405)
    assert Upload.objects.get().who == "op1"
    assert not LogEntry.objects.exists()


def test_no_get_takes_anything_over(door: Door, op1: User):
    upload = begin(op1).upload
    client = Client()
    client.force_login(member("operator"))
    assert client.get(f"{ADDRESS}take-over/?upload={upload.pk}").status_code == 405
    assert Upload.objects.get().who == "op1"
