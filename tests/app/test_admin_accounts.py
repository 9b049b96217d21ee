"""The accounts: a person is added on one page, and nobody becomes more than the one who gives access."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from ingest.groups import GROUPS
from tests.app.pages import member

pytestmark = pytest.mark.django_db

PASSWORD = "seven friendly otters"


@pytest.fixture
def admin(client: Client) -> User:
    """Somebody of the group admin, logged in."""
    user = member("admin")
    client.force_login(user)
    return user


def test_a_person_is_added_on_one_page_and_can_log_in(client, admin):
    page = client.get("/admin/auth/user/add/").content.decode()
    assert "checked" in re.search(r'<input[^>]*name="is_staff"[^>]*>', page)[0]
    operator = Group.objects.get(name="operator")
    told = {"username": "olu", "password1": PASSWORD, "password2": PASSWORD}
    told |= {"groups": [operator.pk], "is_staff": "on"}
    assert client.post("/admin/auth/user/add/", told).status_code == 302
    assert User.objects.get(username="olu").get_group_permissions() == set(GROUPS["operator"])
    theirs = Client()
    assert theirs.login(username="olu", password=PASSWORD)
    assert theirs.get("/admin/ingest/run/").status_code == 200
    assert LogEntry.objects.get().user == admin


def test_who_gives_access_makes_no_superuser_of_anybody(client, admin):
    permission = Permission.objects.get(codename="add_logentry")
    told = {"username": admin.username, "is_staff": "on", "is_active": "on", "is_superuser": "on"}
    told |= {"user_permissions": [permission.pk], "date_joined_0": "2026-01-01", "date_joined_1": "00:00"}
    client.post(f"/admin/auth/user/{admin.pk}/change/", told | {"groups": [group.pk for group in admin.groups.all()]})
    admin.refresh_from_db()
    assert not admin.is_superuser
    assert not admin.user_permissions.exists()


def test_who_gives_access_cannot_touch_a_superuser(client, admin):
    root = User.objects.create_superuser("root", password=PASSWORD)
    new = {"usable_password": "true", "password1": "other otters here", "password2": "other otters here"}
    assert client.post(f"/admin/auth/user/{root.pk}/password/", new).status_code == 403
    assert client.post(f"/admin/auth/user/{root.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(f"/admin/auth/user/{root.pk}/change/", {"username": "gone"})
    client.post("/admin/auth/user/", {"action": "delete_selected", "_selected_action": [root.pk], "post": "yes"})
    root.refresh_from_db()
    assert root.username == "root"
    assert root.check_password(PASSWORD)


@pytest.mark.parametrize("page", ["auth/user", "auth/group", "admin/logentry"])
@pytest.mark.parametrize("query", ["?p=x", "?q=%00", "?action_time__gte=x", "?groups__id__exact=x", "?e=1"])
def test_no_odd_address_of_theirs_leads_to_an_error_page(client, admin, page, query):
    assert client.get(f"/admin/{page}/{query}", follow=True).status_code == 200


def test_who_did_what_stays_when_somebody_leaves(client, admin):
    leaver = member("operator")
    LogEntry.objects.create(user=leaver, object_repr="run 1", action_flag=2, change_message="Retried.")
    client.post(f"/admin/auth/user/{leaver.pk}/delete/", {"post": "yes"})
    assert LogEntry.objects.filter(user=leaver).exists()
    page = client.get("/admin/admin/logentry/").content.decode()
    assert "Retried." in page
    assert leaver.username in page


def test_a_list_of_people_takes_as_many_queries_whatever_their_number(client, admin, django_assert_max_num_queries):
    for _ in range(12):
        member("viewer", "operator")
    with django_assert_max_num_queries(9):
        client.get("/admin/auth/user/")
