"""The whole way, from event to commit, by a warm worker: `python -m tests.bench.whole load FILE` or `small RUNS`.

The environment names database and bucket, as it does for the product.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from unittest.mock import patch

from pipeline_site.local.aws import LocalAws
from tests.bench.files import File
from tests.bench.ours import COUNTS, TABLE, Told, peak

_ROOT = Path(__file__).parents[2]
_BUCKET = "bench"
_SMALL_ROWS, _WARMING = 100, 4
BEGIN, END = "bench begins", "bench ends"
"""What is told the server around each small file, so that its statements can be counted in the log."""


@contextmanager
def bucket(folder: Path) -> Iterator[None]:
    """A local AWS with a bucket; every process finds it by the environment."""
    aws = LocalAws(folder=folder, port=0, access_key="bench", secret_key=secrets.token_hex(20))
    folder.mkdir(parents=True, exist_ok=True)
    aws.start()
    try:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=_BUCKET)
        s3.put_bucket_versioning(Bucket=_BUCKET, VersioningConfiguration={"Status": "Enabled"})
        named = {"BUCKET": _BUCKET, "PREFIX": "data/", "SECRET_KEY": "bench " * 10, "SCRATCH_DIR": str(folder)}
        named["DJANGO_SETTINGS_MODULE"] = "pipeline_site.settings"
        with patch.dict(os.environ, aws.environment | named):
            yield
    finally:
        aws.stop()


def migrate(url: str, _: Path) -> None:
    """Make our own tables."""
    _run([sys.executable, "manage.py", "migrate", "--verbosity=0"], url)


def load(url: str, file: Path) -> Told:
    """Load ``file`` from the bucket. Its way into the bucket isn't timed."""
    return Told(**json.loads(_run([sys.executable, "-m", "tests.bench.whole", "load", str(file)], url)))


def small(url: str, runs: int) -> float:
    """The median seconds of a file of 100 rows, 10 of them changed, from event to commit, over so many ``runs``."""
    return float(json.loads(_run([sys.executable, "-m", "tests.bench.whole", "small", str(runs)], url)))


def statements(log: str) -> int:
    """How many statements the last small file took, by a log of all of them."""
    begin, end = (log.rindex(f"SELECT '{mark}'") for mark in (BEGIN, END))
    return log[begin:end].count("LOG:  statement: ") - 1  # the end's own


def _run(command: list[str], url: str) -> str:
    done = subprocess.run(
        command, env=os.environ | {"DATABASE_URL": url}, capture_output=True, text=True, check=False, cwd=_ROOT
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])}: {done.stderr.strip()[-2000:]}")
    return done.stdout


# -- in the process of its own ----------------------------------------------------------------------------------------


def _event_of(file: Path) -> dict[str, object]:
    """Put ``file`` in the bucket: the event that S3 sends then."""
    from ingest.aws import objects
    from ingest.models import Run

    source = objects.put(file, _BUCKET, f"data/{TABLE}.csv")
    described = {"key": source.key, "size": source.size, "etag": source.etag, "version-id": source.version_id}
    described["sequencer"] = f"{Run.objects.count():08x}"
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": _BUCKET}, "object": described},
    }


def _hand_over(event: dict[str, object]) -> float:
    from ingest.handlers import on_event

    started = perf_counter()
    on_event(event)
    return perf_counter() - started


def _counts() -> dict[str, int]:
    from ingest.models import Run

    run = Run.objects.latest("pk")
    if run.status != Run.Status.SUCCEEDED:
        raise RuntimeError(f"the run {run.status}: {run.reason}")
    return {name: getattr(run, name) for name in COUNTS}


def _load(file: Path) -> Told:
    seconds = _hand_over(_event_of(file))
    return Told(seconds=seconds, peak=peak(), counts=_counts())


def _small(runs: int) -> float:
    rows = File(kind="plain", rows=_SMALL_ROWS)
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        lines = rows.made(Path(folder)).read_text().splitlines()
        file = Path(folder, "small.csv")
        for turn in range(_WARMING + runs):
            tenth = [f"{line},{turn if at % 10 == 3 else 0}" for at, line in enumerate(lines[1:])]
            file.write_text("\n".join([f"{lines[0]},turn", *tenth, ""]))
            event = _event_of(file)
            _mark(BEGIN)
            taken.append(_hand_over(event))
            _mark(END)
            if turn and _counts()["updated"] != _SMALL_ROWS // 10:
                raise RuntimeError(f"the small file's run told {_counts()}")
    return median(taken[_WARMING:])  # the first ones make the table and fill caches


def _mark(text: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [text])


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(_small(int(sys.argv[2])) if sys.argv[1] == "small" else vars(_load(Path(sys.argv[2])))))
