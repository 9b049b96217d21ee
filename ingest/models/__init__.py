"""The rows of our own: what is loaded where, and for whom (Dataset, Opening); its way (Run, Progress); Reject."""

from ingest.models.dataset import Dataset, Opening
from ingest.models.reject import Reject
from ingest.models.run import Progress, Run
from ingest.models.texts import storable, storable_list

__all__ = ["Dataset", "Opening", "Progress", "Reject", "Run", "storable", "storable_list"]
