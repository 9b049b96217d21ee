"""An example of a page is played: its files are dropped, and what became of them is held against what the page says."""

import bz2
import gzip
import io
import json
import lzma
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.db import connection

from ingest import handlers
from ingest.loader.outcome.source_object import SourceObject
from ingest.models import Dataset, Run
from tests.app.conftest import Door, counts
from tests.docs.page import Block, Example, Shown, Told, claims

MANAGE = "$ .venv/bin/python manage.py "
OWN = ("processed_at", "run_id", "record_id")


def _zipped(content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("any.csv", content)
    return archive.getvalue()


_WRITTEN: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": _zipped,
    "utf-16": lambda content: content.decode().encode("utf-16"),
    "windows-1252": lambda content: content.decode().encode("windows-1252"),
    "windows-1254": lambda content: content.decode().encode("windows-1254"),
    "bom": lambda content: b"\xef\xbb\xbf" + content,
    "empty": lambda content: b"",
    "bytes": lambda content: re.sub(rb"\\x([0-9A-F]{2})", lambda found: bytes.fromhex(found[1].decode()), content),
}
"""What a word behind the file's name does to its content; with ``bytes``, ``\\xE9`` stands for that one byte."""


def content_of(block: Block) -> bytes:
    """The bytes of the file that a block shows."""
    content = block.text.encode()
    for word in block.words[1:]:
        content = _WRITTEN.get(word, bytes)(content)
    return content


class Play:
    """One example, from an empty database on."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.runs: dict[str, Run] = {}
        """The newest run of each file."""
        self.late: list[tuple[str, SourceObject]] = []

    def play(self, example: Example) -> None:
        """Each block in turn. Raises AssertionError, with the line of the page, where it is wrong."""
        for block in example.blocks:
            act = getattr(self, f"_{block.kind}", None)
            assert act, f"line {block.line}: a block of the kind {block.kind!r} can't be played"
            try:
                act(block)
            except AssertionError as error:
                raise AssertionError(f"line {block.line}, {example.heading!r}: {error}") from error

    def _json(self, block: Block) -> None:
        dataset, _ = Dataset.objects.get_or_create(name=block.words[0])
        for name, value in json.loads(block.text).items():
            assert hasattr(dataset, name), f"a dataset has no {name}"
            setattr(dataset, name, value)
        dataset.full_clean()
        dataset.save()

    def _csv(self, block: Block) -> None:
        name, *options = block.words
        assert set(options) <= {*_WRITTEN, "late", "preview"}, f"what do {options} mean?"
        source = self.door.put(f"_preview/{name}" if "preview" in options else name, content_of(block))
        if "late" in options:
            self.late.append((name, source))
            return
        for told_of, put in [(name, source), *self.late]:
            self.runs[told_of] = self.door.deliver(put)
        self.late.clear()

    def _sql(self, block: Block) -> None:
        with connection.cursor() as cursor:
            cursor.execute(block.text)

    def _console(self, block: Block) -> None:
        for command in re.split(r"^(?=\$ )", block.text, flags=re.MULTILINE)[1:]:
            line, _, printed = command.partition("\n")
            assert line.startswith(MANAGE), f"only {MANAGE}… can be played"
            out = io.StringIO()
            call_command(*line.removeprefix(MANAGE).split(), stdout=out, stderr=io.StringIO())
            if printed:
                assert out.getvalue() == printed, out.getvalue()
            handlers.on_schedule()

    def _text(self, block: Block) -> None:
        told, shown = claims(block)
        for one in told:
            assert one.file in self.runs, f"{one.file} was not dropped"
            assert_run(Run.objects.select_related("dataset").get(pk=self.runs[one.file].pk), one)
        for table in shown:
            assert_table(table)


def assert_run(run: Run, told: Told) -> None:
    """The run is what the page says: nothing that it did is left out."""
    assert (run.status, run.reason if told.reason else "") == (told.status, told.reason), run.reason
    rejects = [(one.line, str(one.code), one.column, one.value) for one in run.rejects.order_by("line", "id")]
    if told.status == "succeeded":
        found = {name: count for name, count in counts(run).items() if name != "records"}
        assert found == told.counts, (found, rejects)
        assert run.records == sum(count for name, count in told.counts.items() if name != "deleted"), run.records
    if told.status == "succeeded" or told.rejects:
        assert len(rejects) == len(told.rejects), rejects
        cut = [found[: len(wanted)] for found, wanted in zip(rejects, told.rejects, strict=True)]
        assert cut == told.rejects, rejects
    for note in told.notes:
        assert note in run.notes, run.notes
    proofs = {column["name"]: column["proof"] for column in run.columns}
    assert {name: proofs.get(name) for name in told.proofs} == told.proofs, proofs
    if told.same_by:
        assert " or ".join(", ".join(key) for key in run.dataset.identities or ()) in (told.same_by, ""), run.dataset
        assert run.dataset.identities or told.same_by == "nothing", run.dataset.identities
    as_read = {name: str(run.dialect.get(name)) for name in told.read_as}
    assert as_read == told.read_as, run.dialect


def assert_table(shown: Shown) -> None:
    """The table has these columns, of these types, and these rows; our own columns where the page shows them."""
    kinds, rows = _read(shown.table)
    own = [name for name in shown.columns if name in OWN]
    wanted = {name: kind for name, kind in kinds.items() if name not in OWN or name in own}
    assert wanted == shown.columns, wanted
    found = [tuple(row[name] for name in shown.columns) for row in rows]
    assert Counter(found) == Counter(shown.rows), found


def _read(table: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Column -> type, and the rows with every cell as PostgreSQL writes it."""
    with connection.cursor() as cursor:
        cursor.execute("SET timezone = 'UTC'")
        cursor.execute(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(%s)"
            " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            [f'datasets."{table}"'],
        )
        kinds = {name: _SHORT.get(kind, kind) for name, kind in cursor.fetchall()}
        assert kinds, f"there is no table {table}"
        cells = ", ".join(f'"{name}"::text' for name in kinds)
        cursor.execute(f'SELECT {cells} FROM datasets."{table}"')
        return kinds, [dict(zip(kinds, row, strict=True)) for row in cursor.fetchall()]


_SHORT = {"timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz"}
