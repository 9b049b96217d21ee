"""Who may do what: the three groups, and datasets that are closed to all but some."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.core.management import call_command
from django.db.models import ProtectedError

from ingest import groups
from ingest.models import Dataset, Reject, Run
from ingest.runs.receive import receive
from tests.app.pages import member

pytestmark = pytest.mark.django_db


# -- the groups -------------------------------------------------------------------------------------------------------


def test_the_three_groups_are_there_from_the_first_migration_with_all_that_they_may_do():
    for name, permissions in groups.GROUPS.items():
        assert member(name).get_group_permissions() == set(permissions), name


def test_each_group_may_all_that_the_one_before_it_may():
    assert set(groups.VIEWER) < set(groups.OPERATOR) < set(groups.ADMIN)


def test_another_migration_gives_back_what_a_group_lacks_and_takes_nothing_away():
    Group.objects.get(name="operator").delete()
    viewer, added = Group.objects.get(name="viewer"), Permission.objects.get(codename="add_run")
    viewer.permissions.set([added])
    own = Group.objects.create(name="auditors")
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)
    assert member("operator").get_group_permissions() == set(groups.OPERATOR)
    assert member("viewer").get_group_permissions() == {*groups.VIEWER, "ingest.add_run"}
    assert not own.permissions.exists()


# -- closed datasets --------------------------------------------------------------------------------------------------


@pytest.fixture
def closed(source) -> Dataset:
    """The dataset ``salaries``, open to the groups hr and board only, with a run and a reject; ``people`` is open."""
    for name in ("salaries", "people"):
        Reject.objects.create(run=receive(source(f"data/{name}.csv")), line=2, code="bad_value", reason="", raw=b"")
    receive(source("data/.csv"))  # of no dataset
    dataset = Dataset.objects.get(name="salaries")
    dataset.open_to.set([Group.objects.create(name="hr"), Group.objects.create(name="board")])
    return dataset


def seen_by(user: object) -> tuple[list[str], list[str], list[str]]:
    """The datasets, the runs' files and the rejects' datasets that stand open to somebody."""
    return (
        sorted(Dataset.objects.visible_to(user).values_list("name", flat=True)),
        sorted(run.file_name for run in Run.objects.visible_to(user)),
        sorted(Reject.objects.visible_to(user).values_list("run__dataset__name", flat=True)),
    )


ALL = (["people", "salaries"], [".csv", "people.csv", "salaries.csv"], ["people", "salaries"])
OPEN = (["people"], [".csv", "people.csv"], ["people"])


@pytest.mark.parametrize(
    ("names", "sees"),
    [
        ((), OPEN),
        (("operator",), OPEN),
        (("viewer", "sales"), OPEN),
        (("hr",), ALL),
        (("operator", "hr", "board"), ALL),
        (("admin",), ALL),
    ],
)
def test_a_closed_dataset_is_there_for_its_groups_and_for_those_who_close_datasets(closed, names, sees):
    assert seen_by(member(*names)) == sees


def test_a_superuser_sees_all_and_nobody_nothing(closed):
    assert seen_by(member(is_superuser=True)) == ALL
    assert seen_by(AnonymousUser()) == seen_by(member("hr", is_active=False)) == ([], [], [])


def test_a_group_cannot_go_while_a_dataset_is_closed_to_all_but_it(closed):
    with pytest.raises(ProtectedError):
        Group.objects.get(name="hr").delete()
    assert closed.open_to.count() == 2


def test_what_is_closed_to_somebody_is_asked_once_however_much_there_is(closed, django_assert_num_queries):
    user = member("viewer")
    user.has_perm("ingest.view_run")
    for model in (Dataset, Run, Reject):
        with django_assert_num_queries(1):
            list(model.objects.visible_to(user))
