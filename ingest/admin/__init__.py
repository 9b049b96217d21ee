"""The pages in Django's admin: they show, and call one function of runs; they decide nothing."""

from ingest.admin import accounts, datasets, log, messages, rejects, runs, upload

__all__ = [
    "accounts",
    "datasets",
    "log",
    "messages",
    "rejects",
    "runs",
    "upload",
]
