"""The database models: datasets and access to them, uploads, runs and rejects, incidents and messages."""

from ingest.models.dataset import Dataset, Opening
from ingest.models.labels import PARTIAL, label_of, look_of
from ingest.models.login_limit import LoginLimit
from ingest.models.reconciliation import Reconciliation
from ingest.models.reject import Reject
from ingest.models.run import Progress, Run
from ingest.models.telling import Message, Trouble
from ingest.models.texts import storable, storable_list
from ingest.models.upload import Upload
from ingest.models.visible import SEES_ALL

__all__ = [
    "PARTIAL",
    "SEES_ALL",
    "Dataset",
    "LoginLimit",
    "Message",
    "Opening",
    "Progress",
    "Reconciliation",
    "Reject",
    "Run",
    "Trouble",
    "Upload",
    "label_of",
    "look_of",
    "storable",
    "storable_list",
]
