"""What the tests of the pages share: somebody to look at them."""

from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client

from ingest.browsing import Shown
from ingest.models import Dataset


def staff(client: Client, *permissions: str, superuser: bool = False) -> User:
    """Log in somebody with these permissions."""
    user = User.objects.create_user(f"u{User.objects.count()}", is_staff=True, is_superuser=superuser)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


def member(*groups: str, **fields: object) -> User:
    """Somebody in these groups, who can log in."""
    user = User.objects.create_user(f"u{User.objects.count()}", is_staff=True, **fields)
    user.groups.set(Group.objects.get_or_create(name=name)[0] for name in groups)
    return user


def browse(client: Client, dataset: Dataset, query: str = "") -> Shown:
    """What the page of the dataset's table shows."""
    response = client.get(f"/admin/ingest/dataset/{dataset.pk}/browse/{query}")
    assert response.status_code == 200
    return response.context["shown"]


def execute(statement: str) -> None:
    """What somebody does to the database behind our back."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


def slow_down(table: str, *, seconds: float, each_row: bool = False) -> None:
    """Let whoever reads ``table`` wait, once or for each row, however fast the machine is."""
    wait = f"pg_sleep({seconds}) IS NOT NULL"
    condition = wait if each_row else f"(SELECT {wait})"
    execute(f"ALTER TABLE datasets.{table} ENABLE ROW LEVEL SECURITY")
    execute(f"ALTER TABLE datasets.{table} FORCE ROW LEVEL SECURITY")
    execute(f"CREATE POLICY slow ON datasets.{table} USING ({condition})")
