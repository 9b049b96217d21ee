"""Uploads begin, go on and end by what S3 says, whoever asks and however often."""

import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from ingest.aws import objects, uploads
from ingest.aws.objects import described
from ingest.aws.uploads import UploadGone
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Opening, Run, Upload
from ingest.runs.approve import approve
from ingest.runs.execute import claim_and_execute, receive_and_execute
from ingest.runs.receive import receive
from ingest.runs.retry import due
from ingest.uploads.multipart import UploadSession, finish_uploads, give_up_upload, part_size, sign_parts, start_uploads
from ingest.uploads.precheck import HEAD, PrecheckResult, SelectedFile, precheck
from ingest.uploads.tracking import runs_of, upload_of
from ingest.uploads.unfinished import forget_expired, unfinished_uploads
from tests.app.conftest import Door, counts

PEOPLE = b"id,name\n1,Ann\n2,Bob\n"


@pytest.fixture
def ann(transactional_db: None) -> User:
    return User.objects.create_superuser("ann")


@pytest.fixture
def bob(transactional_db: None) -> User:
    return User.objects.create_superuser("bob")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts as small as S3 lets them be, but for the local one."""
    monkeypatch.setattr("ingest.uploads.multipart._PART", 8)


def chosen(path: str = "people.csv", content: bytes = PEOPLE, **fields: Any) -> SelectedFile:
    return SelectedFile(
        **{"path": path, "size": len(content), "modified": 1, "fingerprint": "f", "head": content, **fields}
    )


def begin(user: User, *files: SelectedFile, preview: bool = False) -> Any:
    answers = start_uploads(files or (chosen(),), user=user, preview=preview)
    return answers if len(answers) > 1 else answers[0]


def send(sending: UploadSession, content: bytes = PEOPLE, *, only: Callable[[int], bool] = lambda _: True) -> None:
    """PUT the parts of which there are links."""
    at = 0
    for number, size in sending.upload.part_sizes.items():
        if number in sending.links and only(number):
            request = urllib.request.Request(sending.links[number], data=content[at : at + size], method="PUT")
            urllib.request.urlopen(request, timeout=20).close()
        at += size


def test_a_file_is_sent_in_parts_and_becomes_a_run_of_who_sent_it(door: Door, ann: User, small_parts: None):
    sending = begin(ann)
    assert (sending.there, sorted(sending.links)) == ((), [1, 2, 3])
    send(sending)
    (done,) = finish_uploads([sending.upload.pk], user=ann)
    assert (done.who, bool(done.finished), done.key) == ("ann", True, "data/people.csv")
    source = door.aws.client("s3").get_object(Bucket=door.aws.bucket, Key=done.key)
    assert (source["Body"].read(), source["VersionId"]) == (PEOPLE, done.version_id)
    run = receive(
        door_source := described(source, door.aws.bucket, done.key, len(PEOPLE))  # as its event tells
    )
    assert (run.who, door_source.version_id) == ("ann", done.version_id)
    assert runs_of([done])[done.pk] == run


KMS = {"etag": f"{'0' * 32}-1"}
"""What S3 calls an object of one part where a KMS key encrypts the bucket: no digest of its bytes."""


@pytest.mark.parametrize("called", [{}, KMS, {**KMS, "version_id": ""}], ids=["plain", "kms", "kms, no versions"])
def test_the_event_may_be_faster_or_slower_than_the_answer(
    door: Door, ann: User, monkeypatch: pytest.MonkeyPatch, called: dict[str, str]
):
    sending = begin(ann)
    send(sending)
    complete, made, seen = uploads.complete, [], []

    def heard_of_at_once(*asked: Any) -> Any:
        made.append(replace(complete(*asked), sequencer="A1", **called))
        seen.append(upload_of(made[0]).who)
        return made[0]

    monkeypatch.setattr("ingest.uploads.multipart.uploads.complete", heard_of_at_once)
    monkeypatch.setattr("ingest.uploads.multipart._map", lambda call, items: [call(item) for item in items])
    finish_uploads([sending.upload.pk], user=ann)
    assert seen == ["ann"]
    assert receive(made[0]).who == "ann"


def test_of_several_that_sent_the_same_bytes_each_has_the_version_that_is_theirs(door: Door, ann: User, bob: User):
    sources = []
    for user in (ann, bob):
        sending = begin(user)
        send(sending)
        (done,) = finish_uploads([sending.upload.pk], user=user)
        sources.append(replace(objects.describe(door.aws.bucket, done.key), sequencer="A1"))
    assert sources[0].etag == sources[1].etag
    begin(User.objects.create_superuser("cleo"))
    assert [receive(source).who for source in (*sources, replace(sources[0], version_id="other"))] == [
        "ann",
        "bob",
        "",
    ]


def test_what_another_put_there_is_nobodys_of_ours(door: Door, ann: User):
    begin(ann)
    assert receive(door.put("people.csv", PEOPLE)).who == ""


def test_who_chooses_the_same_file_again_goes_on_with_it(door: Door, ann: User, small_parts: None):
    first = begin(ann)
    send(first, only=lambda number: number != 2)
    second = begin(User.objects.get(pk=ann.pk))  # in another browser
    assert (second.upload.pk, second.there, sorted(second.links)) == (first.upload.pk, (1, 3), [2])
    assert finish_uploads([second.upload.pk], user=ann) == [[2]], "a part is missing"
    send(second)
    (done,) = finish_uploads([second.upload.pk], user=ann)
    assert (done.who, Upload.objects.count()) == ("ann", 1)
    assert finish_uploads([first.upload.pk], user=ann) == [done], "twice does no harm"


@pytest.mark.parametrize("other", [{"size": 19}, {"modified": 2}, {"fingerprint": "g"}, {"path": "eu/people.csv"}])
def test_another_file_begins_anew(door: Door, ann: User, other: dict[str, Any]):
    assert begin(ann).upload.pk != begin(ann, chosen(**other)).upload.pk


def test_of_two_that_begin_at_once_one_is_dropped(door: Door, ann: User, bob: User, monkeypatch: pytest.MonkeyPatch):
    start, begun = uploads.begin, []

    def meanwhile(bucket: str, key: str) -> str:
        if not begun:
            begun.append(None)
            begun.append(begin(bob))
        return start(bucket, key)

    monkeypatch.setattr("ingest.uploads.multipart.uploads.begin", meanwhile)
    assert "bob already started to upload this file" in str(begin(ann))
    left = door.aws.client("s3").list_multipart_uploads(Bucket=door.aws.bucket)["Uploads"]
    assert [one["UploadId"] for one in left] == [begun[1].upload.upload_id]


def test_one_that_the_bucket_has_dropped_begins_anew(door: Door, ann: User):
    first = begin(ann).upload
    uploads.abort(door.aws.bucket, first.key, first.upload_id)
    assert isinstance(finish_uploads([first.pk], user=ann)[0], UploadGone)
    again = begin(ann)
    assert again.upload.upload_id != first.upload_id
    assert Upload.objects.count() == 1
    send(again)
    assert finish_uploads([again.upload.pk], user=ann)[0].finished


def test_an_answer_of_the_bucket_that_was_lost_is_made_good(door: Door, ann: User):
    sending = begin(ann)
    send(sending)
    upload = sending.upload
    uploads.complete(
        door.aws.bucket, upload.key, upload.upload_id, uploads.parts(door.aws.bucket, upload.key, upload.upload_id)
    )
    (done,) = finish_uploads([upload.pk], user=ann)
    assert done.version_id == door.aws.client("s3").head_object(Bucket=door.aws.bucket, Key=upload.key)["VersionId"]


def test_what_was_given_up_is_gone_everywhere(door: Door, ann: User):
    upload = begin(ann).upload
    assert [each.upload for each in unfinished_uploads(ann, 10)] == [upload]
    give_up_upload(upload.pk, user=ann)
    assert unfinished_uploads(ann, 10) == []
    assert not door.aws.client("s3").list_multipart_uploads(Bucket=door.aws.bucket).get("Uploads")
    (answer,) = finish_uploads([upload.pk], user=ann)
    assert "discarded in the meantime" in str(answer)
    with pytest.raises(UploadGone, match="discarded in the meantime"):
        sign_parts(upload.pk, [1], user=ann)


def test_what_nobody_finished_is_forgotten_after_a_week(door: Door, ann: User):
    old, young = (answer.upload for answer in begin(ann, chosen("a.csv"), chosen("b.csv")))
    Upload.objects.filter(pk=old.pk).update(started=timezone.now() - timedelta(days=7, minutes=1))
    assert [each.upload for each in unfinished_uploads(ann, 10)] == [young]
    assert forget_expired() == 1


def test_of_an_unfinished_upload_it_is_told_how_much_came_and_when_it_expires(
    door: Door, ann: User, small_parts: None, monkeypatch: pytest.MonkeyPatch
):
    half, gone = begin(ann, chosen("a.csv"), chosen("b.csv"))
    send(half, only=lambda number: number != 2)
    uploads.abort(door.aws.bucket, gone.upload.key, gone.upload.upload_id)
    found = {each.upload.pk: each for each in unfinished_uploads(ann, 10)}
    assert (found[half.upload.pk].came, found[half.upload.pk].gone) == (len(PEOPLE) - 8, False)
    assert found[half.upload.pk].expires == half.upload.started + timedelta(days=7)
    assert (found[gone.upload.pk].came, found[gone.upload.pk].gone) == (None, True)

    answers = threading.Event()
    monkeypatch.setattr("ingest.uploads.unfinished._TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr("ingest.uploads.unfinished.uploads.parts", lambda *_: answers.wait(20))
    assert [each.came for each in unfinished_uploads(ann, 10)] == [None, None], "nobody is kept waiting"
    answers.set()


def test_a_name_that_can_be_no_key_is_refused_and_the_others_go_on(door: Door, ann: User):
    files = [chosen("../a.csv"), chosen("_rejects/a.csv"), chosen("___.csv"), chosen(size=6 << 40), chosen("b.csv")]
    *refused, good = begin(ann, *files)
    assert [isinstance(answer, RunFailed) for answer in refused] == [True] * 4
    assert "5 TiB" in str(refused[3])
    assert good.upload.key == "data/b.csv"


def test_a_closed_dataset_takes_nothing_from_who_does_not_see_it(door: Door, bob: User):
    User.objects.filter(pk=bob.pk).update(is_superuser=False)
    bob.refresh_from_db()
    mine = begin(bob).upload
    dataset = Dataset.objects.create(name="people")
    Opening.objects.create(dataset=dataset, group=Group.objects.create(name="hr"))
    assert "closed to you" in str(begin(bob))
    (judged,) = precheck([chosen()], user=bob, preview=False)
    assert "closed to you" in judged.refused
    assert unfinished_uploads(bob, 10) == []
    assert "closed to you" in str(finish_uploads([mine.pk], user=bob)[0])
    with pytest.raises(RunFailed, match="closed to you"):
        give_up_upload(mine.pk, user=bob)


def test_the_parts_are_few_enough_for_any_size():
    for size in (1, 8 << 20, (8 << 20) + 1, 2 << 30, 1 << 40, 5 << 40):
        upload = Upload(size=size, part_size=part_size(size))
        assert sum(upload.part_sizes.values()) == size
        assert len(upload.part_sizes) <= 9_001
        assert max(upload.part_sizes.values()) <= 5 << 30
        assert list(upload.part_sizes) == list(range(1, len(upload.part_sizes) + 1))


def test_links_are_signed_for_parts_that_there_are(door: Door, ann: User, small_parts: None):
    upload = begin(ann).upload
    assert sorted(sign_parts(upload.pk, [3, 1], user=ann)) == [1, 3]
    for wrong in ([0], [4], list(range(1, 60))):
        with pytest.raises(RunFailed, match="has parts 1 to 3"):
            sign_parts(upload.pk, wrong, user=ann)


def test_many_files_begin_with_a_fixed_number_of_queries(door: Door, ann: User, django_assert_max_num_queries: Any):
    with django_assert_max_num_queries(8):
        assert len(begin(ann, *(chosen(f"{n}a.csv") for n in range(20)))) == 20


# -- before it is sent ------------------------------------------------------------------------------------------------


def judged(user: User, path: str, content: bytes, **fields: Any) -> PrecheckResult:
    return precheck([chosen(path, content, **fields)], user=user, preview=False)[0]


def test_a_file_is_judged_by_its_first_bytes(door: Door, ann: User):
    import gzip

    told = judged(ann, "people.csv", PEOPLE)
    assert (told.dataset, told.dataset_id, told.columns, told.asks) == ("people", None, ("id", "name"), ())
    assert Dataset.objects.count() == 0, "nothing is made by looking"
    packed = judged(ann, "people.csv.gz", gzip.compress(PEOPLE))
    assert (packed.columns, packed.says) == (("id", "name"), ("It is compressed with gzip.",))
    assert judged(ann, "a.csv", "id,größe\n1,ä\n".encode("utf-16")).columns == ("id", "größe")
    assert judged(ann, "a.csv", b"1;2.5\n2;3.5\n").says == ("It seems to have no header.",)
    assert (
        "Excel" in judged(ann, "a.xlsx", b"PK\3\4" + b"\0" * 22 + b"\x13\0\0\0[Content_Types].xml" + b"x" * 50).refused
    )
    assert "binary" in judged(ann, "a.csv", bytes(range(256)) * 9).refused
    assert "no table name" in judged(ann, "___.csv", PEOPLE).refused


def test_a_head_that_is_cut_off_is_not_judged_by_its_last_line(door: Door, ann: User):
    content = "id,name\n" + "".join(f"{n},é\n" for n in range(20_000))
    told = judged(ann, "people.csv", content.encode()[:65_531], size=200_000)
    assert (told.columns, told.says, told.refused) == (("id", "name"), (), "")
    assert "can't be seen" in judged(ann, "wide.csv", b"x," * 30_000, size=200_000).says[0]


def test_no_head_takes_long_to_judge(door: Door, ann: User):
    for head in (b"x" * HEAD, b'"' * HEAD, b'",' * (HEAD // 2), b"\r" * HEAD, (b"a;" * 8_000 + b"\n") * 4, b"'" * HEAD):
        begun = time.process_time()  # a busy machine doesn't change it; regular expressions can't be counted in lines
        judged(ann, "a.csv", b"a,b\n" + head[:-4], size=1 << 30)
        assert time.process_time() - begun < 10, head[:10]


def test_a_file_is_held_against_the_table_that_stands(door: Door, ann: User):
    door.load("people.csv", "id,name,city,email\n1,Ann,Oslo,a@b.cd\n")
    told = judged(ann, "people.csv", b"id,Name,age\n1,Ann,40\n")
    assert (told.columns, told.new, told.gone, told.asks) == (("id", "name", "age"), ("age",), ("city", "email"), ())
    assert "lacks the key" in judged(ann, "people.csv", b"name,city\nAnn,Oslo\n").asks[0]
    assert "Most columns" in judged(ann, "people.csv", b"id,x\n1,2\n").asks[0]
    Dataset.objects.update(policy="strict")
    assert "strict" in judged(ann, "people.csv", b"id,name,age\n1,Ann,40\n").asks[0]
    assert precheck([chosen("people.csv", b"id,x\n1,2\n")], user=ann, preview=True)[0].asks == ()


def test_the_same_file_is_told_by_name_size_and_time(door: Door, ann: User):
    sending = begin(ann)
    send(sending)
    (done,) = finish_uploads([sending.upload.pk], user=ann)
    assert judged(ann, "people.csv", PEOPLE).same is None, "it isn't loaded yet"
    run = receive(uploads.completed(door.aws.bucket, done.key, done.started - timedelta(seconds=5)))
    assert claim_and_execute(run.pk) == "succeeded"
    told = judged(ann, "people.csv", PEOPLE)
    assert (told.same, told.asks) == (run.pk, ("The same file (name, size and time) was already loaded.",))
    assert judged(ann, "people.csv", PEOPLE, modified=2).same is None
    assert counts(Run.objects.get()) == {"records": 2, "inserted": 2}


def test_a_date_in_the_name_is_asked_about_unless_a_pattern_gathers_it(door: Door, ann: User):
    told = judged(ann, "people-2024-01-05.csv", PEOPLE)
    assert (told.dataset, told.pattern, len(told.asks)) == ("people_2024_01_05", "people-*.csv", 1)
    Dataset.objects.create(name="people", patterns=[told.pattern])
    gathered = judged(ann, "people-2024-01-05.csv", PEOPLE)
    assert (gathered.dataset, gathered.asks, gathered.says) == ("people", (), ("It matches the pattern people-*.csv.",))


def test_many_files_are_judged_with_a_fixed_number_of_queries(
    door: Door, ann: User, django_assert_max_num_queries: Any
):
    for number in range(5):
        Dataset.objects.create(name=f"t{number}")
    with django_assert_max_num_queries(4):
        assert len(precheck([chosen(f"t{n}.csv") for n in range(20)], user=ann, preview=False)) == 20


# -- how it is read ---------------------------------------------------------------------------------------------------

STRAY = b'id,note\n1,a\n2,"starts\n3,b\n4,c\n5,ends 12"\n6,d\n'
CONTROL = b"Format;From;Until\n7;2024-06-01;Example\nid;product;sold\n1;a;5\n2;b;6\n3;c;7\n"


def test_how_a_file_is_read_is_told_before_it_is_sent(door: Door, ann: User):
    told = judged(ann, "people.csv", b"Report\n\nid;name\n1;Ann\n2;Bob\n")
    assert told.read.summary == "semicolon between cells, double quotes, header on line 3, 2 lines above it, UTF-8"
    assert (told.read.skipped, told.can_pin) == (("Report", ""), True)
    asked = judged(ann, "people.csv", STRAY)
    assert len(asked.asks) == 1
    pinned = judged(ann, "people.csv", STRAY, pins={"quote": "none"})
    assert pinned.asks == ()
    assert {part.name: part.basis for part in pinned.read.parts}["quote"] == "pinned"
    assert "has none; its first record" in judged(ann, "people.csv", PEOPLE, pins={"delimiter": ";"}).refused
    assert "'x' is not a valid choice" in judged(ann, "people.csv", PEOPLE, pins={"delimiter": "x"}).refused
    assert Dataset.objects.count() == 0, "nothing is made by looking"


def test_lines_as_wide_as_the_table_are_known_before_an_upload_as_by_the_load(door: Door, ann: User):
    approve(door.load("people.csv", CONTROL).pk, 1)
    assert [claim_and_execute(number) for number in due()] == ["succeeded"]
    Dataset.objects.update(**dict.fromkeys(Dataset.PINS))
    again = CONTROL.replace(b"b;6", b"b;8")
    assert judged(ann, "people.csv", again).asks == ()
    assert door.load("people.csv", again).status == "succeeded"
    longer = b"8;2024-06-01;Example\n" + again
    assert len(judged(ann, "people.csv", longer).asks) == 1
    assert door.load("people.csv", longer).status == "held"


def uploaded(door: Door, user: User, content: bytes, **fields: Any) -> Run:
    sending = begin(user, chosen("people.csv", content, **fields))
    send(sending, content)
    finish_uploads([sending.upload.pk], user=user)
    version = uploads.completed(door.aws.bucket, sending.upload.key, sending.upload.started - timedelta(seconds=5))
    return receive_and_execute(version)[0]


def test_pins_of_an_upload_are_those_of_its_new_dataset(door: Door, ann: User):
    run = uploaded(door, ann, STRAY, pins={"quote": "none", "delimiter": None})
    run.refresh_from_db()
    assert (run.status, run.records) == ("succeeded", 6)
    assert run.dialect["basis"]["quote"] == "pinned"
    assert (Dataset.objects.get().quote, Dataset.objects.get().delimiter) == ("none", None)


def test_pins_of_an_upload_settle_a_question_and_leave_a_loaded_dataset_alone(door: Door, ann: User):
    asked = door.load("people.csv", STRAY)
    uploaded(door, ann, PEOPLE.replace(b"name", b"note"), pins={"quote": "none"})
    assert [claim_and_execute(number) for number in due()] == ["succeeded"]
    assert Run.objects.get(pk=asked.pk).records == 6
    assert not judged(ann, "people.csv", PEOPLE).can_pin
    uploaded(door, ann, PEOPLE.replace(b"name", b"note").replace(b"Ann", b"An"), pins={"quote": '"'})
    assert Dataset.objects.get().quote == "none"


def test_only_who_may_change_a_dataset_pins_what_somebody_has_set_up(door: Door, ann: User):
    ben = User.objects.create_user("ben")
    Dataset.objects.create(name="people", quote="none")
    assert judged(ann, "people.csv", PEOPLE).can_pin
    assert not judged(ben, "people.csv", PEOPLE).can_pin
    assert judged(ben, "new.csv", PEOPLE).can_pin
    begin(ben, chosen(pins={"quote": '"'}))
    assert Upload.objects.get().pins == {}


def test_an_upload_that_goes_on_takes_the_pins_of_now(door: Door, ann: User):
    begin(ann, chosen(pins={"quote": "none"}))
    begin(ann, chosen(pins={"delimiter": ","}))
    assert Upload.objects.get().pins == {"delimiter": ","}
