"""How numbers are written on our pages."""

from django import template

from ingest.admin import shown

register = template.Library()
register.filter("count", shown.count)
