"""Browsing: a table of any shape is read page by page, row by row, and exported; nothing in here writes to a table."""

from ingest.browsing.errors import CantBrowse
from ingest.browsing.exporting import Export, Format, export
from ingest.browsing.history import PREFIX, Biography, Step, biography
from ingest.browsing.reading import LONGEST, Row, Shown, settle, show
from ingest.browsing.searching import Window
from ingest.browsing.state import OPERATORS, Filter, Operator, State
from ingest.browsing.table import Column, Kind

__all__ = [
    "LONGEST",
    "OPERATORS",
    "PREFIX",
    "Biography",
    "CantBrowse",
    "Column",
    "Export",
    "Filter",
    "Format",
    "Kind",
    "Operator",
    "Row",
    "Shown",
    "State",
    "Step",
    "Window",
    "biography",
    "export",
    "settle",
    "show",
]
