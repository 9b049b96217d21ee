"""The accounts: who may come in, and in which groups they are."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as auth
from django.contrib.auth.forms import UserChangeForm, UserCreationForm
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest

from ingest.admin.pages import TolerantAdmin

_LABELS = {"is_staff": "Can log in"}
_HELP = {
    "is_staff": "Clear to deactivate the account and keep its history.",
    "groups": "Viewers can see datasets, runs and rows. Operators can also upload files, retry, undo and approve runs, "
    "and edit dataset settings. Admins can also manage accounts, restrict access to datasets, and see tracebacks and "
    "the audit log. Other groups can be used to restrict access to a dataset.",
}


class NewPersonForm(UserCreationForm):
    """Somebody new: a name, a password, groups; they can log in unless that is unticked."""

    class Meta(UserCreationForm.Meta):
        fields = ("username", "email", "groups", "is_staff")
        labels = _LABELS
        help_texts = _HELP
        widgets = {"groups": forms.CheckboxSelectMultiple}


class PersonForm(UserChangeForm):
    """Somebody who is there."""

    class Meta(UserChangeForm.Meta):
        labels = _LABELS
        help_texts = _HELP


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserPage(TolerantAdmin, auth.UserAdmin):
    """Django's own, in which a person is added on one page, and nobody becomes more than the one who gives access."""

    form = PersonForm
    add_form = NewPersonForm
    add_fieldsets = (
        (None, {"fields": ("username", "email", "password1", "password2")}),
        ("Permissions", {"fields": ("groups", "is_staff")}),
    )
    list_display = ("username", "email", "groups_", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    search_help_text = "Part of the username or e-mail address"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With the groups, which a list names."""
        return super().get_queryset(request).prefetch_related("groups")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Somebody new comes in: whoever can't isn't of use to anybody."""
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Only superusers make superusers, or give a person what no group has."""
        always = ("last_login", "date_joined")
        return always if request.user.is_superuser else (*always, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only superusers change superusers, their password included."""
        return super().has_change_permission(request, obj) and _is_above(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only superusers delete superusers."""
        return super().has_delete_permission(request, obj) and _is_above(request, obj)

    @admin.display(description="groups")
    def groups_(self, user: User) -> str:
        names = [group.name for group in user.groups.all()]
        return ", ".join(["superuser"] if user.is_superuser else names)


@admin.register(Group)
class GroupPage(TolerantAdmin, auth.GroupAdmin):
    """Django's own."""


def _is_above(request: HttpRequest, person: User | None) -> bool:
    return person is None or request.user.is_superuser or not person.is_superuser
