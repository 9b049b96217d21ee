"""The three groups that there always are, and what each may do (docs/how-to/accounts.md)."""

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions

VIEWER = ("ingest.view_dataset", "ingest.view_run", "ingest.view_reject")
"""Sees datasets, what stands in them, runs and rejects."""

OPERATOR = (
    *VIEWER,
    *("ingest.add_run", "ingest.retry_run", "ingest.undo_run", "ingest.approve_run", "ingest.acknowledge_run"),
    *("ingest.add_dataset", "ingest.change_dataset", "ingest.view_message"),
)
"""Also uploads, retries, undoes and approves, answers for a dataset's policy, and sees who was told of what."""

ADMIN = (
    *OPERATOR,
    *("ingest.close_dataset", "ingest.view_traceback", "admin.view_logentry"),
    *(f"auth.{verb}_{what}" for what in ("user", "group") for verb in ("view", "add", "change", "delete")),
)
"""Also gives access, closes datasets, and reads tracebacks and what everybody did."""

GROUPS = {"viewer": VIEWER, "operator": OPERATOR, "admin": ADMIN}


def make_groups(*, using: str, apps: Any = installed, **_: object) -> None:
    """Make the groups that are missing, and give each what it lacks; take nothing away that somebody has added.

    After every migration, and not in one: permissions are made after the last of them, a later version may bring new
    ones, and Django's tests empty these tables in between. Who wants a group that may do less makes another one.
    """
    try:
        group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:  # migrated to before there were any
        return
    labels = {name.partition(".")[0] for name in ADMIN}
    for label in labels:
        create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    there = permission_model.objects.using(using).filter(content_type__app_label__in=labels)
    numbers = {
        f"{label}.{code}": pk for pk, label, code in there.values_list("pk", "content_type__app_label", "codename")
    }
    for name, permissions in GROUPS.items():
        group, _made = group_model.objects.using(using).get_or_create(name=name)
        group.permissions.add(*(numbers[permission] for permission in permissions if permission in numbers))
