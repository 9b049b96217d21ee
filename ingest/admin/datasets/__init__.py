"""The datasets: their list, and the page of one with its columns, key, rows over time, runs and policy."""

from ingest.admin.datasets import page

__all__ = ["page"]
