"""Filters of lists that say what they don't know, instead of dropping it or showing nothing."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ingest.admin import shown

_LONGEST = 60
"""Characters of an unknown value that are shown."""


def left_out(noun: str, value: str) -> str:
    """What is said of a filter's value that a list doesn't know."""
    return f"Unknown {noun} “{shown.printable(value, _LONGEST)}”: the filter was ignored."


class KnownFilter(admin.SimpleListFilter):
    """A filter whose unknown values are left out; the page tells ``left_out``."""

    noun = ""
    """What its values are; empty: the title says it."""
    left_out = ""

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        value = self.value()
        if value and not self.knows(request, value):
            self.left_out = left_out(self.noun or str(self.title), value)
            del self.used_parameters[self.parameter_name]

    def knows(self, request: HttpRequest, value: str) -> bool:
        """Whether ``value`` is one of the choices; a filter that offers only some of its values asks elsewhere."""
        return any(value == str(choice) for choice, _ in self.lookup_choices)

    def has_output(self) -> bool:
        """Also where it has only a complaint."""
        return super().has_output() or bool(self.left_out)


class KnownChoices(admin.ChoicesFieldListFilter):
    """The same for a field that has choices."""

    left_out = ""

    def __init__(self, field: Any, request: HttpRequest, *args: Any, **options: Any) -> None:
        super().__init__(field, request, *args, **options)
        known = {str(value) for value, _ in field.flatchoices}
        unknown = [value for value in self.lookup_val or () if value not in known]
        if unknown:
            self.left_out = left_out(str(field.verbose_name), unknown[0])
            self.used_parameters.pop(self.lookup_kwarg)
            self.lookup_val = None
