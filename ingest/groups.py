"""The three built-in groups and their permissions (README, "Who may do what")."""

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions

VIEWER = ("ingest.view_dataset", "ingest.view_run", "ingest.view_reject")
"""Sees datasets, their rows, runs and rejects."""

OPERATOR = (
    *VIEWER,
    *("ingest.add_run", "ingest.retry_run", "ingest.undo_run", "ingest.approve_run", "ingest.acknowledge_run"),
    *("ingest.add_dataset", "ingest.change_dataset", "ingest.view_message"),
)
"""Also uploads, retries, undoes and approves, configures datasets, and sees notifications."""

ADMIN = (
    *OPERATOR,
    *("ingest.close_dataset", "ingest.view_traceback", "admin.view_logentry"),
    *(f"auth.{verb}_{what}" for what in ("user", "group") for verb in ("view", "add", "change", "delete")),
)
"""Also manages access, closes datasets, and reads tracebacks and the audit log."""

GROUPS = {"viewer": VIEWER, "operator": OPERATOR, "admin": ADMIN}


def make_groups(*, using: str, apps: Any = installed, **_: object) -> None:
    """Create missing groups and add missing permissions to them, without removing any that were added by hand.

    This runs after every migration rather than in one: permissions are created after the last one, a later version may
    add some, and Django's tests empty these tables. For fewer permissions, create another group.
    """
    try:
        group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:  # migrated to a state before they existed
        return
    labels = {name.partition(".")[0] for name in ADMIN}
    for label in labels:
        create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    stored = permission_model.objects.using(using).filter(content_type__app_label__in=labels)
    ids = {f"{label}.{code}": pk for pk, label, code in stored.values_list("pk", "content_type__app_label", "codename")}
    for name, permissions in GROUPS.items():
        group, _ = group_model.objects.using(using).get_or_create(name=name)
        group.permissions.add(*(ids[permission] for permission in permissions if permission in ids))
