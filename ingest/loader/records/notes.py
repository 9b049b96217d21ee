"""Notes for the operator about what a file contains besides records."""

from collections.abc import Iterator

from ingest.loader.records.split import Certified


def notes_of(certified: Certified) -> Iterator[str]:
    """Yield sentences about what is in the file but isn't loaded."""
    if certified.blank_rows:
        many = (
            "1 row of blank cells is"
            if certified.blank_rows == 1
            else f"{certified.blank_rows:,} rows of blank cells are"
        )
        yield f"{many} no {'record' if certified.blank_rows == 1 else 'records'}."
    if certified.repeated:
        many = "1 record that repeats" if certified.repeated == 1 else f"{certified.repeated:,} records that repeat"
        yield f"{many} the header {'is' if certified.repeated == 1 else 'are'} left out."
    if certified.left_out:
        many = "1 line" if certified.left_out == 1 else f"{certified.left_out:,} lines"
        yield f"{many} after line {certified.source_dialect.end:,} left out, as chosen: they belong to another table."
