"""Who sees which datasets, and what belongs to them: one may be closed to all but some groups."""

from typing import Any, Self

from django.apps import apps
from django.db import models

SEES_ALL = "ingest.close_dataset"
"""The permission of those who decide which groups see a dataset: nothing is closed to them."""


class VisibleQuerySet(models.QuerySet):
    """Rows that are datasets or belong to one; ``belongs_to`` is the way to it, and a subclass's to say."""

    belongs_to = "dataset"

    def visible_to(self, user: Any) -> Self:
        """Those whose dataset isn't closed to ``user``: a dataset is open to all, or to the members of some groups.

        Those of no dataset are closed to nobody. Permissions are another question, and asked beside this one.
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
