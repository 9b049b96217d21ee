"""Page by page and action by action: who comes in, and that what is closed to somebody is as good as not there."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django.utils import timezone

from ingest.models import Dataset, Reject, Run
from ingest.runs.receive import receive
from tests.app.pages import member

pytestmark = pytest.mark.django_db

LEVELS = ("nobody", "outsider", "viewer", "operator", "admin", "superuser")
"""Each may what the ones before may. Nobody hasn't logged in; an outsider has, and is in no group."""

PEOPLE: dict[str, tuple[str, Callable[[], User | None]]] = {
    "nobody": ("nobody", lambda: None),
    "outsider": ("outsider", lambda: member()),
    "viewer": ("viewer", lambda: member("viewer")),
    "operator": ("operator", lambda: member("operator")),
    "stranger": ("operator", lambda: member("operator", "sales")),
    "insider": ("operator", lambda: member("operator", "hr")),
    "onlooker": ("outsider", lambda: member("hr")),
    "admin": ("admin", lambda: member("admin")),
    "superuser": ("superuser", lambda: member(is_superuser=True)),
}
"""Each person's level. To all but the last four, the dataset ``salaries`` is closed; to a ``stranger`` too."""

SEES_CLOSED = ("insider", "admin", "superuser")

CLOSED = ("dataset", "run", "reject")
"""What can be closed to somebody."""


@dataclass(frozen=True)
class Route:
    """Who may open a page (None: nobody), and what it is about."""

    least: str | None
    about: str = ""
    query: str = ""
    more: tuple[object, ...] = ()


def model_routes(
    name: str, least: str | None, *, add: str | None = None, delete: str | None = None
) -> dict[str, Route]:
    """The five pages of a model."""
    about = name.rpartition("_")[2]
    return {
        f"admin:{name}_changelist": Route(least),
        f"admin:{name}_add": Route(add),
        f"admin:{name}_change": Route(least, about),
        f"admin:{name}_history": Route(least, about),
        f"admin:{name}_delete": Route(delete, about),
    }


ROUTES = {
    "admin:index": Route("outsider"),
    "admin:password_change": Route("outsider"),
    "admin:password_change_done": Route("outsider"),
    "admin:jsi18n": Route("outsider"),
    "admin:app_list": Route("viewer", "app"),
    "admin:autocomplete": Route("viewer", query="?app_label=ingest&model_name=run&field_name=dataset&term="),
    "admin:view_on_site": Route(None, "content"),
    **model_routes("auth_user", "admin", add="admin", delete="admin"),
    "admin:auth_user_password_change": Route("admin", "user"),
    **model_routes("auth_group", "admin", add="admin", delete="admin"),
    **model_routes("admin_logentry", "admin"),
    **model_routes("ingest_dataset", "viewer", add="operator"),
    "admin:ingest_dataset_browse": Route("viewer", "dataset"),
    "admin:ingest_dataset_row": Route("viewer", "dataset"),
    "admin:ingest_dataset_export": Route("viewer", "dataset"),
    **model_routes("ingest_run", "viewer"),
    **model_routes("ingest_reject", "viewer"),
    "admin:ingest_run_rejects": Route("viewer", "run"),
    "admin:ingest_run_live": Route("viewer", "run"),
    "admin:ingest_run_changes": Route("viewer"),
    "admin:ingest_message_changelist": Route("operator"),
    "admin:ingest_upload": Route("operator"),
}
"""Every page of the admin that has a name. A page that isn't here fails the first test below."""

LEADING = ("admin:ingest_run_file", "admin:ingest_run_undo", "admin:ingest_run_approve", "admin:ingest_run_decide")
"""What leads elsewhere, by what became of the run: only that it tells nothing of a closed one is tried here."""

UPLOADING = tuple(
    f"admin:ingest_upload_{verb}"
    for verb in ("judge", "start", "sign", "finish", "give_up", "take_over", "follow", "load", "discard")
)
"""What the upload page's script asks for: only that it asks for the permission."""

OUTSIDE = {"admin:login", "admin:logout", "admin:ingest_dataset_strict", *LEADING, *UPLOADING}
"""What is no page: for those who come and go, an action below, or as above."""


def routes(resolver: URLResolver, space: str = "") -> Iterator[str]:
    """The names of all addresses."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, f"{space}{pattern.namespace}:" if pattern.namespace else space)
        elif space and pattern.name:
            yield f"{space}{pattern.name}"


def test_every_page_of_the_admin_has_an_entry_here():
    assert set(routes(get_resolver())) == {*ROUTES, *OUTSIDE}


@dataclass(frozen=True)
class Objects:
    """One of each kind."""

    dataset: Dataset
    run: Run
    reject: Reject

    def named(self, about: str) -> tuple[object, ...]:
        """What stands in an address."""
        if about == "app":
            return ("ingest",)
        if about == "content":
            return (ContentType.objects.get_for_model(Dataset).pk, self.dataset.pk)
        if about in ("user", "group", "logentry"):
            return ({"user": User, "group": Group, "logentry": LogEntry}[about].objects.earliest("pk").pk,)
        return (getattr(self, about).pk,) if about else ()


MISSING = 987_654_321


@pytest.fixture
def world(source) -> dict[str, Objects]:
    """What is open, and what is closed to all but the group hr."""
    User.objects.create_user("somebody")
    made = {}
    for state, name in (("open", "people"), ("closed", "salaries")):
        run = receive(source(f"data/{name}.csv"))
        reject = Reject.objects.create(
            run=run, line=2, code="bad_value", reason="r", raw=b"x", value="secret of " + name
        )
        made[state] = Objects(run.dataset, run, reject)
    made["closed"].dataset.open_to.add(Group.objects.create(name="hr"))
    LogEntry.objects.create(
        user=User.objects.get(), content_type=None, object_repr="x", action_flag=2, change_message="Changed."
    )
    return made


def login(client: Client, who: str) -> str:
    """Log somebody in; gives their level."""
    level, make = PEOPLE[who]
    user = make()
    if user:
        client.force_login(user)
    return level


def opened(client: Client, address: str) -> bool:
    """Whether a page opens; whatever else it does must be a refusal: never an error."""
    answer = client.get(address)
    if answer.status_code == 200:
        return True
    refused = answer.status_code in (403, 404) or (answer.status_code == 302 and "/login/" in answer["Location"])
    assert refused or answer["Location"] == "/admin/", (answer.status_code, answer.headers)
    return False


@pytest.mark.parametrize("who", PEOPLE)
def test_each_page_opens_for_those_who_may_and_for_nobody_else(client, world, who):
    level = login(client, who)
    wrong = {}
    for name, route in ROUTES.items():
        may = route.least is not None and LEVELS.index(level) >= LEVELS.index(route.least)
        for state, objects in world.items():
            if state == "closed" and route.about not in CLOSED:
                continue
            address = reverse(name, args=(*objects.named(route.about), *route.more)) + route.query
            hidden = state == "closed" and who not in SEES_CLOSED
            if opened(client, address) != (may and not hidden):
                wrong[address] = may and not hidden
    assert not wrong


def nameless(text: str, number: int) -> str:
    """``text`` without the number, as a word: a small one is a part of others."""
    return re.sub(rf"\b{number}\b", "N", text)


@pytest.mark.parametrize("who", ["nobody", "outsider", "viewer", "stranger"])
def test_what_is_closed_answers_as_what_never_was(client, world, who):
    login(client, who)

    def answer(name: str, number: int) -> tuple[Any, ...]:
        told = client.get(reverse(name, args=[number, *(["retry"] if "decide" in name else [])]), follow=True)
        body = b"".join(told) if told.streaming else told.content
        messages = body.decode().partition('class="messagelist"')[2].partition("</ul>")[0]
        chain = [(nameless(url, number), status) for url, status in told.redirect_chain]
        return told.status_code, chain, nameless(messages, number)

    for name, route in ROUTES.items():
        if route.about in CLOSED:
            there = getattr(world["closed"], route.about).pk
            assert answer(name, there) == answer(name, MISSING), name
    for name in LEADING:
        assert answer(name, world["closed"].run.pk) == answer(name, MISSING), name


@pytest.mark.parametrize("who", ["nobody", "outsider", "viewer"])
def test_no_address_of_the_upload_answers_whoever_may_not_upload(client, world, who):
    login(client, who)
    for name in UPLOADING:
        for ask in (client.get, client.post):
            assert ask(reverse(name)).status_code in (302, 403, 405), name
    assert not Run.objects.filter(who__gt="").exists()


def test_no_list_filter_or_search_names_what_is_closed(client, world):
    login(client, "stranger")
    closed = world["closed"]
    queries = ("", "?q=salaries", "?dataset=salaries", f"?dataset__id__exact={closed.dataset.pk}", "?all=", "?q=secret")
    queries = (*queries, f"?run={closed.run.pk}", f"?run__dataset__id__exact={closed.dataset.pk}", "?status=queued")
    for kind in ("dataset", "run", "reject"):
        for query in queries:
            page = client.get(f"/admin/ingest/{kind}/{query}", follow=True).content.decode()
            for told in ("salaries.csv", ">salaries<", "secret of salaries", f"/{closed.dataset.pk}/change/"):
                assert told not in page.replace('value="salaries"', ""), (kind, query, told)
    for address in ("/admin/", reverse("admin:autocomplete") + ROUTES["admin:autocomplete"].query):
        page = client.get(address).content.decode()
        assert "salaries" not in page, address
    assert "people" in page, "the last one names what is open"


# -- actions ----------------------------------------------------------------------------------------------------------


def act_on_run(action: str) -> Callable[[Client, Objects], Any]:
    """Choose the run in the list, and the action; and confirm it, where that is asked."""

    def act(client: Client, objects: Objects) -> Any:
        ask = {"action": action, "_selected_action": [objects.run.pk]}
        answer = client.post("/admin/ingest/run/", ask)
        if answer.status_code != 200 or "seen" not in answer.context:
            return answer
        return client.post("/admin/ingest/run/", {**ask, "seen": answer.context["seen"]})

    return act


def save_policy(**change: object) -> Callable[[Client, Objects], Any]:
    """Save the dataset's form."""
    form = {"name": "x", "mode": "upsert", "policy": "evolve", "reject_share": "0.1", "reject_count": "10"}
    return lambda client, objects: client.post(
        f"/admin/ingest/dataset/{objects.dataset.pk}/change/",
        form | {k: v() if callable(v) else v for k, v in change.items()},
    )


@dataclass(frozen=True)
class Act:
    """Something done: who may, how, in which state of the run, and by what one sees that it was done."""

    least: str
    do: Callable[[Client, Objects], Any]
    done: Callable[[Objects], bool]
    run: tuple[tuple[str, object], ...] = ()


def status_is(status: str) -> Callable[[Objects], bool]:
    """Whether the run has come to it."""
    return lambda objects: Run.objects.filter(pk=objects.run.pk, status=status).exists()


LOADED = (("status", "succeeded"), ("records", 1), ("inserted", 1), ("undoable", True), ("finished", timezone.now()))

ACTS = {
    "retry": Act("operator", act_on_run("retry"), status_is("waiting"), (("status", "failed"),)),
    "undo": Act("operator", act_on_run("undo"), lambda o: o.run.undos.exists(), LOADED),
    "acknowledge": Act(
        "operator",
        act_on_run("acknowledge"),
        lambda o: not Run.objects.unacknowledged().filter(pk=o.run.pk).exists(),
        (("status", "failed"),),
    ),
    "approve": Act("operator", act_on_run("approve"), status_is("waiting"), (("status", "held"),)),
    "discard": Act("operator", act_on_run("discard"), status_is("discarded"), (("status", "held"),)),
    "edit the policy": Act(
        "operator",
        save_policy(policy="strict"),
        lambda o: Dataset.objects.filter(pk=o.dataset.pk, policy="strict").exists(),
    ),
    "make strict": Act(
        "operator",
        lambda client, objects: client.post(reverse("admin:ingest_dataset_strict", args=[objects.dataset.pk])),
        lambda o: Dataset.objects.filter(pk=o.dataset.pk, policy="strict").exists(),
    ),
    "close": Act(
        "admin",
        save_policy(open_to=lambda: Group.objects.get_or_create(name="board")[0].pk),
        lambda o: o.dataset.open_to.filter(name="board").exists(),
    ),
}


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("who", ["nobody", "viewer", "operator", "insider", "admin"])
def test_each_action_is_done_for_those_who_may_and_logged_and_for_nobody_else(client, world, who, name):
    level, act = login(client, who), ACTS[name]
    for state, objects in world.items():
        Run.objects.filter(pk=objects.run.pk).update(**dict(act.run))
        may = LEVELS.index(level) >= LEVELS.index(act.least) and (state == "open" or who in SEES_CLOSED)
        before = LogEntry.objects.count()
        assert act.do(client, objects).status_code < 500
        assert act.done(objects) == may, state
        logged = LogEntry.objects.count() - before
        assert (logged >= 1) if may else (logged == 0 or name == "close"), state


def test_no_action_deletes_a_row_of_the_history(client, world):
    login(client, "superuser")
    for kind in ("dataset", "run", "reject"):
        number = getattr(world["open"], kind).pk
        client.post(
            f"/admin/ingest/{kind}/", {"action": "delete_selected", "_selected_action": [number], "post": "yes"}
        )
        client.post(f"/admin/ingest/{kind}/{number}/delete/", {"post": "yes"})
    assert (Dataset.objects.count(), Run.objects.count(), Reject.objects.count()) == (2, 2, 2)
