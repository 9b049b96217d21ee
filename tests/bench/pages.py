"""`python -m tests.bench.pages`: how long the admin's pages take with 10,000 datasets and 1,000,000 runs."""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.server import running

DATASETS, RUNS, DAYS = 10_000, 1_000_000, 60

DATASET = {
    "id": "n",
    "name": "'dataset_' || to_char(n, 'FM00000')",
    "last_loaded": "now() - n * interval '7 minutes'",
    "expected_every": "CASE WHEN n %% 50 = 0 THEN 1 END",
    "due": "CASE WHEN n %% 50 = 0 THEN now() + (n %% 400 - 100) * interval '1 hour' END",
}
"""How each dataset differs from the first: one in fifty is expected daily, and some of those are late."""

CAME = "now() - %(days)s * interval '1 day' * (1 - n::float8 / %(number)s)"
FAILED, REJECTED = "n %% 100 = 0", "CASE WHEN n %% 10 = 1 THEN 10 ELSE 0 END"
RUN = {
    "id": "n",
    "dataset_id": "CASE WHEN n %% 5 = 0 THEN 1 + (n / 5) %% 10 ELSE 1 + (n::bigint * 7919) %% %(datasets)s END",
    "status": f"CASE WHEN {FAILED} THEN 'failed' WHEN n %% 1000 = 1 THEN 'held' ELSE 'succeeded' END",
    "key": "'data/file_' || n || '.csv'",
    "source_identity": "'v' || n",
    **dict.fromkeys(("received", "started", "finished"), CAME),
    "records": "1000",
    "inserted": "900",
    "updated": "50",
    "duplicate": "10",
    "rejected": REJECTED,
    "unchanged": f"40 - {REJECTED}",
    "undoable": f"NOT {FAILED}",
    "reason": f"CASE WHEN {FAILED} THEN 'Line 4 has 3 cells where the header has 5.' ELSE '' END",
    "answered": f"CASE WHEN {FAILED} AND n %% 500 <> 0 THEN {CAME} END",
}
"""How each run differs: a fifth belongs to ten datasets; a hundredth has failed, and most of those are answered."""

RUNS_LIKE = (
    *("", "status=attention", "status=failed", "status=active", "kind=preview", "who=-", "who=nobody", "p=200"),
    *("dataset=dataset_00005", "q=file_123456", "q=nothing_like_it", "q=csv", "q=zz", "q=file_9&status=held"),
)
PAGES = (
    *("/admin/", "/admin/ingest/dataset/", "/admin/ingest/dataset/?q=set_0123"),
    *(f"/admin/ingest/run/?{query}" for query in RUNS_LIKE),
    *("/admin/ingest/run/500000/change/", "/admin/ingest/run/500000/live/"),
)


def fill(*, datasets: int = DATASETS, runs: int = RUNS, days: int = DAYS) -> None:
    """Make so many datasets and runs, the runs evenly over the last ``days``, by the product's own first ones."""
    from django.db import connection

    from ingest.models import Dataset, Run

    Dataset.objects.create(pk=0, name="first")
    Run.objects.create(pk=0, size=100_000, dataset_id=0)
    with connection.cursor() as cursor:
        for model, different, number in ((Dataset, DATASET, datasets), (Run, RUN, runs)):
            columns = [field.column for field in model._meta.concrete_fields]
            values = ", ".join(different.get(column, f'first."{column}"') for column in columns)
            names, table = ", ".join(f'"{column}"' for column in columns), model._meta.db_table
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} first, generate_series(1, %(number)s) n",
                {"datasets": datasets, "number": number, "days": days},
            )
            cursor.execute(f"ANALYZE {table}")


def main(arguments: list[str] | None = None) -> int:
    """Measure; print one line a page."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pages", description=__doc__)
    parser.add_argument("--datasets", type=int, default=DATASETS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("pages", nargs="*", default=PAGES)
    asked = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="ingest-pages-") as folder,
        running(Path(folder) / "pg", unsafe=True) as databases,
        databases.fresh("empty") as url,
    ):
        os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.settings"}
        import django
        from django.conf import settings

        import tests.settings  # noqa: F401 - sets the environment first
        from pipeline_site.settings import database

        os.environ["PAGES_DATABASE"] = url
        settings.DATABASES["default"] = database("PAGES_DATABASE")
        django.setup()
        _measure(asked)
    return 0


def _measure(asked: argparse.Namespace) -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext, setup_test_environment

    setup_test_environment()
    call_command("migrate", verbosity=0)
    fill(datasets=asked.datasets, runs=asked.runs)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ingest_run")
    for kind in ("superuser", "viewer"):
        user = User.objects.create_user(kind, is_staff=True, is_superuser=kind == "superuser")
        if kind == "viewer":
            from django.contrib.auth.models import Group

            user.groups.add(Group.objects.get(name="viewer"))
        client = Client()
        client.force_login(user)
        for page in asked.pages:
            took, work = [], []
            for _ in range(asked.repeat):
                began, busy = time.perf_counter(), time.process_time()
                with CaptureQueriesContext(connection) as queries:
                    answer = client.get(page)
                took.append(1000 * (time.perf_counter() - began))
                work.append(1000 * (time.process_time() - busy))
                assert answer.status_code == 200, answer
            asked_for = sum(float(query["time"]) for query in queries.captured_queries) * 1000
            slow = max(queries.captured_queries, key=lambda query: float(query["time"]))
            print(
                f"{kind:10} {page:40} median {statistics.median(took):6.0f} ms, worst {max(took):6.0f} ms, "
                f"our own processor {statistics.median(work):6.0f} ms, database {asked_for:6.0f} ms, "
                f"{len(queries)} queries, {len(answer.content):,} bytes; slowest {slow['time']} s: {slow['sql'][:300]}",
                flush=True,
            )
            if os.environ.get("ALL_QUERIES"):
                for query in queries.captured_queries:
                    print("   ", query["time"], query["sql"][:200])


if __name__ == "__main__":
    sys.exit(main())
