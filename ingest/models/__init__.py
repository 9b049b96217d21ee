"""The rows of our own: what is loaded where (Dataset), on its way (Run, Progress), and what did not go in (Reject)."""

from ingest.models.dataset import Dataset
from ingest.models.reject import Reject
from ingest.models.run import Progress, Run
from ingest.models.texts import storable, storable_list

__all__ = ["Dataset", "Progress", "Reject", "Run", "storable", "storable_list"]
