"""Browsing: a table of any shape is read page by page, row by row, and exported; nothing in here writes to a table."""

from ingest.browsing.errors import BrowseError
from ingest.browsing.exporting import Export, Format, export
from ingest.browsing.history import PREFIX, RowHistory, Step, row_history
from ingest.browsing.reading import LONGEST, Row, Shown, settle, show
from ingest.browsing.searching import Window
from ingest.browsing.state import OPERATORS, Filter, Operator, State
from ingest.browsing.table import Column, Kind

__all__ = [
    "LONGEST",
    "OPERATORS",
    "PREFIX",
    "BrowseError",
    "Column",
    "Export",
    "Filter",
    "Format",
    "Kind",
    "Operator",
    "Row",
    "RowHistory",
    "Shown",
    "State",
    "Step",
    "Window",
    "export",
    "row_history",
    "settle",
    "show",
]
