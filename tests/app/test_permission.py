"""Each step that leads to a load asks whether who takes it may load there, by where the file goes at that moment."""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from ingest.aws import objects
from ingest.loader.outcome.errors import IngestError, RunFailed
from ingest.models import Dataset, Opening, Run, Upload
from ingest.runs.approve import approve, discard
from ingest.runs.execute import claim_and_execute
from ingest.runs.preview import discard_preview, load_previewed
from ingest.runs.receive import receive
from ingest.runs.retry import load_again, retry
from ingest.runs.undo import undo
from ingest.uploads.multipart import UploadSession, finish_uploads, sign_parts, start_uploads
from ingest.uploads.precheck import SelectedFile
from tests.app.conftest import Door
from tests.app.pages import member

PEOPLE = "id,name\n1,Ann\n2,Bob\n"
ROLES: dict[str, tuple[tuple[str, ...], dict[str, bool]]] = {
    "outsider": ((), {}),
    "viewer": (("viewer",), {}),
    "insider without rights": (("viewer", "hr"), {}),
    "operator": (("operator",), {}),
    "stranger": (("operator", "sales"), {}),
    "insider": (("operator", "hr"), {}),
    "admin": (("admin", "operator"), {}),
    "superuser": ((), {"is_superuser": True}),
}
MAY_LOAD = ("operator", "stranger", "insider", "admin", "superuser")
SEE_CLOSED = ("insider without rights", "insider", "admin", "superuser")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: what is there before it, how it is asked for on the pages and in the code, and whether it was done."""

    prepare: Callable[[Door, str, User], Any]
    """Of a file in a folder of that name, when its dataset was open; gives what the others are asked with."""
    ask: Callable[[Client, Any], object]
    call: Callable[[User, Any], object]
    done: Callable[[Any], bool]
    by_name: bool = True
    """Whether the file's destination is looked up at this step; else it is that of its run."""


def post(client: Client, verb: str, told: dict[str, Any]) -> None:
    client.post(f"/admin/ingest/upload/{verb}/", json.dumps(told), content_type="application/json")


def decide(name: str) -> Callable[[Client, Run], object]:
    return lambda client, run: client.post(f"/admin/ingest/run/{run.pk}/decide/{name}/")


def bulk(client: Client, run: Run, name: str) -> None:
    client.post("/admin/ingest/run/", {"action": name, "_selected_action": [run.pk]})


def chosen(folder: str) -> SelectedFile:
    return SelectedFile(path=f"{folder}/people.csv", size=len(PEOPLE), modified=1, fingerprint="f")


def told(file: SelectedFile) -> dict[str, Any]:
    return {"path": file.path, "size": file.size, "modified": file.modified, "fingerprint": file.fingerprint}


def begun(door: Door, folder: str, user: User) -> Upload:
    (sending,) = start_uploads([chosen(folder)], user=user, preview=False)
    assert isinstance(sending, UploadSession)
    return sending.upload


def sent(door: Door, folder: str, user: User) -> Upload:
    upload = begun(door, folder, user)
    links = sign_parts(upload.pk, [1], user=user)
    urllib.request.urlopen(urllib.request.Request(links[1], data=PEOPLE.encode(), method="PUT"), timeout=20).close()
    return upload


def finished(door: Door, folder: str, user: User) -> Upload:
    upload = sent(door, folder, user)
    (done,) = finish_uploads([upload.pk], user=user)
    assert isinstance(done, Upload)
    return done


def event_of(upload: Upload) -> Run:
    """What comes of the event of an upload: whoever sent it has no hand in that any more."""
    return receive(objects.describe(door_bucket(), upload.key))


def door_bucket() -> str:
    from django.conf import settings

    return str(settings.BUCKET)


def is_there(key: str) -> bool:
    try:
        objects.describe(door_bucket(), key)
    except IngestError:
        return False
    return True


def status(run: Run) -> str:
    return Run.objects.values_list("status", flat=True).get(pk=run.pk)


def failed(door: Door, folder: str, _: User) -> Run:
    run = door.load(f"{folder}/people_{folder}.csv", "")
    Run.objects.filter(pk=run.pk).update(status="failed")
    return run


def held(door: Door, folder: str, _: User) -> Run:
    Dataset.objects.create(name=f"people_{folder}", asks_approval=True)
    return door.load(f"{folder}/people_{folder}.csv", PEOPLE)


def loaded(door: Door, folder: str, _: User) -> Run:
    return door.load(f"{folder}/people_{folder}.csv", PEOPLE)


STEPS = {
    "begin an upload": Step(
        prepare=lambda _door, folder, _user: chosen(folder),
        ask=lambda client, file: post(client, "start", {"files": [told(file)]}),
        call=lambda user, file: start_uploads([file], user=user, preview=False),
        done=lambda file: Upload.objects.filter(key=f"data/{file.path}").exists(),
    ),
    "finish an upload": Step(
        prepare=sent,
        ask=lambda client, upload: post(client, "finish", {"ids": [upload.pk]}),
        call=lambda user, upload: finish_uploads([upload.pk], user=user),
        done=lambda upload: is_there(upload.key),
    ),
    "load what was previewed": Step(
        prepare=lambda door, folder, _user: door.load(f"_preview/{folder}/people.csv", PEOPLE),
        ask=decide("load_previewed"),
        call=lambda user, run: load_previewed(run.pk, user.username, user=user),
        done=lambda run: is_there(run.key.replace("_preview/", "")),
    ),
    "load what was previewed, on the upload page": Step(
        prepare=lambda door, folder, _user: door.load(f"_preview/{folder}/people.csv", PEOPLE),
        ask=lambda client, run: post(client, "load", {"run": run.pk}),
        call=lambda user, run: load_previewed(run.pk, user.username, user=user),
        done=lambda run: is_there(run.key.replace("_preview/", "")),
    ),
    "discard what was previewed": Step(
        prepare=lambda door, folder, _user: door.load(f"_preview/{folder}/people.csv", PEOPLE),
        ask=decide("discard_preview"),
        call=lambda user, run: discard_preview(run.pk, user.username, user=user),
        done=lambda run: status(run) == "discarded",
    ),
    "discard what was previewed, on the upload page": Step(
        prepare=lambda door, folder, _user: door.load(f"_preview/{folder}/people_{folder}.csv", PEOPLE),
        ask=lambda client, run: post(client, "discard", {"run": run.pk}),
        call=lambda user, run: discard_preview(run.pk, user.username, user=user),
        done=lambda run: status(run) == "discarded",
        by_name=False,
    ),
    "retry what had no dataset": Step(
        prepare=lambda door, folder, _user: door.load(f"{folder}/___.csv", PEOPLE),
        ask=decide("retry"),
        call=lambda user, run: retry(run.pk, user=user),
        done=lambda run: status(run) == "waiting",
    ),
    "retry": Step(
        prepare=failed,
        ask=decide("retry"),
        call=lambda user, run: retry(run.pk, user=user),
        done=lambda run: status(run) == "waiting",
        by_name=False,
    ),
    "retry in bulk": Step(
        prepare=failed,
        ask=lambda client, run: bulk(client, run, "retry"),
        call=lambda user, run: retry(run.pk, user=user),
        done=lambda run: status(run) == "waiting",
        by_name=False,
    ),
    "load again": Step(
        prepare=loaded,
        ask=decide("load_again"),
        call=lambda user, run: load_again(run.pk, user.username, user=user),
        done=lambda run: Run.objects.filter(key=run.key, forced=True).exists(),
        by_name=False,
    ),
    "undo": Step(
        prepare=loaded,
        ask=decide("undo"),
        call=lambda user, run: undo(run.pk, user.username, user=user),
        done=lambda run: Run.objects.filter(undoes=run).exists(),
        by_name=False,
    ),
    "approve": Step(
        prepare=held,
        ask=decide("approve"),
        call=lambda user, run: approve(run.pk, user=user),
        done=lambda run: status(run) == "waiting",
        by_name=False,
    ),
    "discard": Step(
        prepare=held,
        ask=decide("discard"),
        call=lambda user, run: discard(run.pk, user.username, user=user),
        done=lambda run: status(run) == "discarded",
        by_name=False,
    ),
}


@pytest.fixture
def people(transactional_db: None) -> dict[str, User]:
    """One of each role."""
    return {role: member(*groups, **fields) for role, (groups, fields) in ROLES.items()}


def prepared(step: Step, door: Door, people: dict[str, User], *, closed: bool) -> dict[str, Any]:
    """What each is about to take the step with; then, perhaps, where it goes is closed to all but the group hr."""
    starter = User.objects.create_superuser("starter")
    things = {}
    for number, (role, user) in enumerate(people.items()):
        things[role] = step.prepare(door, f"f{number}", starter if step.prepare is not sent else user)
    if closed and step.by_name:
        Dataset.objects.create(name="salaries", patterns=["*/people.csv", "*/___.csv"])
    for dataset in Dataset.objects.all():
        if closed and (not step.by_name or dataset.name == "salaries"):
            Opening.objects.create(dataset=dataset, group=Group.objects.get(name="hr"))
    if not closed and step.by_name:
        Dataset.objects.create(name="wages", patterns=["*/people.csv", "*/___.csv"])
    return things


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
@pytest.mark.parametrize("name", STEPS)
def test_who_may_take_a_step_that_loads(door: Door, people: dict[str, User], name: str, closed: bool):
    step, outcome, expected = STEPS[name], {}, {}
    with pytest.MonkeyPatch.context() as patched:
        if step.prepare is sent:  # when it was begun all of them might
            patched.setattr("ingest.uploads.multipart.permitted", lambda keys, _user: dict.fromkeys(keys))
        things = prepared(step, door, people, closed=closed)
    for role, user in people.items():
        client = Client()
        client.force_login(user)
        step.ask(client, things[role])
        outcome[role] = step.done(things[role])
        expected[role] = role in MAY_LOAD and (not closed or role in SEE_CLOSED)
    assert outcome == expected


def refusal(step: Step, user: User, thing: Any) -> str:
    """Why the use case refused, whether it raised that or gave it."""
    try:
        answer = step.call(user, thing)
    except RunFailed as refused:
        return str(refused)
    assert isinstance(answer, list)
    return str(answer[0])


@pytest.mark.parametrize("name", STEPS)
def test_the_use_case_asks_by_itself_whoever_calls_it(door: Door, people: dict[str, User], name: str):
    """The pages hide what is closed; a way in that forgets to is no way to load."""
    step, outcome = STEPS[name], {}
    with pytest.MonkeyPatch.context() as patched:
        if step.prepare is sent:
            patched.setattr("ingest.uploads.multipart.permitted", lambda keys, _user: dict.fromkeys(keys))
        things = prepared(step, door, people, closed=True)
    for role, user in people.items():
        if role in SEE_CLOSED:
            step.call(user, things[role])
        else:
            told = refusal(step, user, things[role])
            assert "is closed to you: ask for access" in told
            assert "salaries" not in told, "not even its name is told"
        outcome[role] = step.done(things[role])
    assert outcome == {role: role in SEE_CLOSED for role in people}


# -- after the last step that a person takes ------------------------------------------------------------------------


def test_a_file_that_a_closed_dataset_takes_on_its_way_fails_and_is_retried_by_who_may(
    door: Door, people: dict[str, User]
):
    """Between the upload and its event: the file has gone, and its run finds out where it belongs."""
    upload = finished(door, "f", people["operator"])
    previewed = door.load("_preview/g/people.csv", PEOPLE)
    source = load_previewed(previewed.pk, people["operator"].username, user=people["operator"])
    closed = Dataset.objects.create(name="salaries", patterns=["*/people.csv"])
    Opening.objects.create(dataset=closed, group=Group.objects.get(name="hr"))
    for run in (event_of(upload), receive(source)):
        assert (run.status, run.dataset, run.who) == ("failed", None, people["operator"].username)
        assert run.reason.startswith(f"{run.who} uploaded this file but has no access to the dataset where it goes")
        with pytest.raises(RunFailed, match="closed to you") as refused:
            retry(run.pk, user=people["operator"])
        assert "salaries" not in f"{run.reason} {refused.value}", "not even its name is told"
        downloads = {}
        for role, user in people.items():
            client = Client()
            client.force_login(user)
            downloads[role] = "X-Amz-Signature" in client.get(f"/admin/ingest/run/{run.pk}/file/")["Location"]
        assert downloads == {role: role in SEE_CLOSED for role in people}, "nor is its file given to anybody else"
        assert retry(run.pk, user=people["insider"]).dataset == closed
        assert claim_and_execute(run.pk) == "succeeded"


@pytest.mark.parametrize("role", ["insider", "admin", "superuser"])
def test_one_that_may_load_there_is_not_stopped_on_its_way(door: Door, people: dict[str, User], role: str):
    upload = finished(door, "f", people[role])
    closed = Dataset.objects.create(name="salaries", patterns=["*/people.csv"])
    Opening.objects.create(dataset=closed, group=Group.objects.get(name="hr"))
    run = event_of(upload)
    assert (run.status, run.dataset) == ("queued", closed)


def test_a_file_of_nobody_is_the_systems(door: Door, people: dict[str, User]):
    closed = Dataset.objects.create(name="salaries", patterns=["*/people.csv"])
    Opening.objects.create(dataset=closed, group=Group.objects.get(name="hr"))
    assert door.load("f/people.csv", PEOPLE).status == "succeeded"
    assert undo(Run.objects.get().pk).status == "waiting", "nor does the command line ask"


def test_what_was_asked_for_when_it_was_allowed_is_carried_out_though_the_dataset_closes(
    door: Door, people: dict[str, User]
):
    """A run that waits has its dataset already; closing decides who asks and who sees from then on."""
    run = failed(door, "f", people["operator"])
    Run.objects.filter(pk=run.pk).update(status="succeeded", records=0)
    again = load_again(run.pk, "operator", user=people["operator"])
    Opening.objects.create(dataset=run.dataset, group=Group.objects.get(name="hr"))
    assert claim_and_execute(again.pk) is not None
    with pytest.raises(RunFailed, match="closed to you"):
        load_again(run.pk, "operator", user=people["operator"])
