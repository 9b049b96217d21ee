"""The pages in Django's admin: they show, and call one function of runs; they decide nothing."""

from django.contrib import admin

from ingest.admin import datasets, rejects, runs

admin.site.site_header = admin.site.site_title = "Files and tables"
admin.site.index_title = "Overview"

__all__ = ["datasets", "rejects", "runs"]
