"""Restrict datasets, and what belongs to them, to the users who may see them."""

from typing import Any, Self

from django.apps import apps
from django.db import models

SEES_ALL = "ingest.close_dataset"
"""The permission to decide which groups see a dataset, which includes seeing all."""


class VisibleQuerySet(models.QuerySet):
    """Rows that are datasets or belong to one; subclasses set ``belongs_to`` to the lookup of the dataset."""

    belongs_to = "dataset"

    def visible_to(self, user: Any) -> Self:
        """Return those whose dataset isn't closed to ``user``: it is open to all, or to the members of some groups.

        Rows without a dataset are visible to everyone. Permissions are checked separately.
        """
        if not user.is_active:
            return self.none()
        if user.has_perm(SEES_ALL):
            return self.all()
        return self.exclude(**{f"{self.belongs_to}__in": _closed_to(user)})


def _closed_to(user: Any) -> models.QuerySet:
    openings = apps.get_model("ingest", "Opening").objects
    mine = openings.filter(group__user=user).values("dataset_id")
    return openings.exclude(dataset_id__in=mine).values("dataset_id")
