"""The pages in Django's admin: they show, and call one function of runs; they decide nothing."""

from ingest.admin import datasets, rejects, runs

__all__ = ["datasets", "rejects", "runs"]
