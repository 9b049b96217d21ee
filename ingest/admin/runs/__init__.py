"""The runs: what came, what became of it, and why."""

from ingest.admin.runs.page import RunPage

__all__ = ["RunPage"]
