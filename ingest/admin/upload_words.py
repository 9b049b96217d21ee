"""What the upload page's script and the use cases tell each other, as JSON."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from ingest.admin import asked, shown
from ingest.admin.runs.live import status_sentence
from ingest.datasets.reading_summary import ReadingSummary
from ingest.loader.outcome.errors import IngestError, RunInterrupted
from ingest.loader.source.identifiers import table_name
from ingest.models import Run, Upload
from ingest.runs.summary import RunSummary
from ingest.uploads.keys import path_of
from ingest.uploads.multipart import MOST_FILES, UploadSession
from ingest.uploads.precheck import HEAD, PrecheckResult, SelectedFile
from ingest.uploads.unfinished import Unfinished

_LONGEST_PATH, _LONGEST_MARK = 4_096, 80
_SHOWN_COLUMNS = 200
_SKIPPED = 20
"""Lines above the header that are shown."""
_PINS = {"preamble": (str, int), "has_header": (str, bool)}
"""The types of a pin, where it isn't always a text."""


def chosen(told: dict[str, Any]) -> list[SelectedFile]:
    """The files that the script tells of. Raises Unreadable."""
    too_many = f"At most {MOST_FILES} files can be sent at once. Reload the page."
    return asked.listed(told, "files", _chosen, most=MOST_FILES, too_many=too_many)


def _chosen(value: object) -> SelectedFile:
    file = asked.fields(value)
    path = asked.text(file, "path")
    if len(path) > _LONGEST_PATH:
        raise asked.Unreadable("The name of a file is too long.")
    return SelectedFile(
        path=path,
        size=asked.number(file, "size"),
        modified=asked.number(file, "modified", least=-asked.LARGEST),
        fingerprint=asked.mark(file, "fingerprint", most=_LONGEST_MARK),
        head=asked.octets(file, "head", most=HEAD),
        pins=_pins(asked.fields(file.get("pins", {}))),
    )


def _pins(told: dict[str, Any]) -> dict[str, Any]:
    """How a file is to be read: texts, as they are typed, and whether there is a header. Raises Unreadable."""
    for name, value in told.items():
        if value is not None and type(value) not in _PINS.get(name, (str,)):  # a boolean is an int, too
            raise asked.Unreadable(asked.NOT_UNDERSTOOD)
    return told


def as_told(judged: PrecheckResult, *, may_add: bool) -> dict[str, Any]:
    """A judgement for the script, with addresses."""
    told: dict[str, Any] = {
        "refused": shown.printable(judged.refused, 500),
        "asks": [shown.printable(text, 500) for text in judged.asks],
        "says": [shown.printable(text, 500) for text in judged.says],
        "dataset": judged.dataset,
        "columns": [shown.printable(name, 80) for name in judged.columns[:_SHOWN_COLUMNS]],
        "more": max(0, len(judged.columns) - _SHOWN_COLUMNS),
        "new": [shown.printable(name, 80) for name in judged.new[:_SHOWN_COLUMNS]],
        "gone": [shown.printable(name, 80) for name in judged.gone[:_SHOWN_COLUMNS]],
        "can_pin": judged.can_pin,
    }
    if judged.read:
        told["read"] = _read_as_told(judged.read)
    if judged.dataset_id is not None:
        told["address"] = reverse("admin:ingest_dataset_change", args=[judged.dataset_id])
    if judged.same is not None:
        told["same"] = {"run": judged.same, "address": reverse("admin:ingest_run_change", args=[judged.same])}
    if judged.pattern and may_add:
        about = {"name": table_name(judged.pattern).strip("_"), "patterns": judged.pattern}
        told["gather"] = f"{reverse('admin:ingest_dataset_add')}?{urlencode(about)}"
    return told


def _read_as_told(read: ReadingSummary) -> dict[str, Any]:
    """How a file is read, for its row."""
    return {
        "summary": shown.printable(read.summary, 200),
        "parts": [[part.label, shown.printable(part.shown, 80), part.basis] for part in read.parts],
        "skipped": [shown.printable(line, 200) for line in read.skipped[:_SKIPPED]],
        "margin": read.margin_shown,
    }


def answered(answer: UploadSession | Upload | list[int] | IngestError) -> dict[str, Any]:
    """What start or finish gave for one file, for the script."""
    if isinstance(answer, UploadSession):
        upload = answer.upload
        about = {"id": upload.pk, "part_size": upload.part_size, "there": answer.there, "links": answer.links}
        return {**about, "begun": upload.who, "started": upload.started.isoformat()}
    if isinstance(answer, Upload):
        return {"id": answer.pk, "done": True}
    if isinstance(answer, list):
        return {"missing": answer}
    return {"error": shown.printable(str(answer), 1_000), "again": isinstance(answer, RunInterrupted)}


def run_as_told(run: Run) -> dict[str, Any]:
    """A run for its row."""
    told: dict[str, Any] = {
        "run": run.pk,
        "status": run.status,
        "label": run.label,
        "look": run.look,
        "kind": run.kind,
        "dataset": run.dataset.name if run.dataset else "",
        "address": reverse("admin:ingest_run_change", args=[run.pk]),
        "reason": shown.printable(run.reason, 500),
        "decided": shown.printable(run.decided, 200),
        "question": run.is_question,
    }
    summary = RunSummary.of(run)
    if summary.is_known:
        is_previewed = run.kind == Run.Kind.PREVIEW and run.status in (*Run.COMMITTED, Run.Status.DISCARDED)
        told["records"] = summary.records.value
        told["counts"] = {figure.name: figure.value for figure in summary.row_counts if figure.value}
        told["figures"] = summary.sentence("would be " if is_previewed else "")
    if run.status == Run.Status.RUNNING:
        progress = run.progress
        told |= {"stage": status_sentence(progress.stage), "done": progress.bytes_done, "total": progress.bytes_total}
    return told


def unfinished_as_told(begun: Unfinished, who: str) -> dict[str, Any]:
    """An unfinished upload for its row in the page of ``who``."""
    upload = begun.upload
    return {
        "pk": upload.pk,
        "name": shown.printable(path_of(upload.key), 120),
        "bytes": upload.size,
        "size": shown.size(upload.size),
        "came": begun.came,
        "came_size": "" if begun.came is None else shown.size(begun.came),
        "gone": begun.gone,
        "started": upload.started,
        "expires": begun.expires,
        "who": upload.who,
        "is_mine": upload.who == who,
    }
