"""`python -m tests.bench.browse`: the pages of a table of 10 million rows, in turns with that of one row."""

import argparse
import hashlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench import report
from tests.bench.server import running

TABLE = """
create table datasets.people (id bigint, name text, email text, country text, amount numeric, joined timestamptz,
  processed_at timestamptz, run_id bigint);
insert into datasets.people select i, 'Person ' || md5(i::text), 'p' || i || '@example.com',
  (array['DE', 'FR', 'IT', 'ES', 'PL', null])[1 + i % 6], (i::bigint * 7919 % 1000000) / 100.0,
  '2024-01-01Z'::timestamptz + (i % 700000) * interval '1 minute', now(), i / 1000000
  from generate_series(1, {rows}) i;
alter table datasets.people add primary key (id);
alter table datasets.people add unique (email);
vacuum analyze datasets.people;
create table datasets.one as select * from datasets.people limit 1
"""


def queries(rows: int) -> dict[str, str]:
    """What is asked, by the words that the report has for it."""
    some = rows * 9 // 10
    name = f"Person {hashlib.md5(str(some).encode()).hexdigest()}"
    return {
        "first page": "",
        "sorted by the key, the other way": "?desc=id",
        "sorted by an indexed column": "?sort=email",
        "sorted by a column without an index": "?sort=amount",
        "filtered by an indexed column": f"?from.id={some}&to.id={some + 5000}",
        "filtered by a facet": "?is.country=DE",
        "filtered by a value that one row has, without an index": f"?is.name={name}",
        "searched, found by index": f"?q=p{some}@example.com",
        "searched, through the text columns": "?q=0a0a0",
        "page 100": "?page=100",
        "page 101, from page 100": "next of ?page=100",
        "page 10,000, by its number": "?page=10000",
        "page 10,001, from page 10,000": "next of ?page=10000",
        "a row": f"row/?key.id={some}",
    }


def main(arguments: list[str] | None = None) -> int:
    """Make the table, ask for each page, print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.browse", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the table (default 10,000,000)")
    parser.add_argument("--repeat", type=int, default=5, help="how often each page is asked for (default 5)")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-browse-") as folder, running(Path(folder)) as databases:
        print(report.machine(databases.version))
        with databases.fresh("empty") as address:
            _prepare(address, asked.rows)
            for words, query in queries(asked.rows).items():
                seconds, base, told = _measured(query, asked.repeat)
                here, one = (statistics.median(each) * 1000 for each in (seconds, base))
                print(f"{here:7,.0f} ms  {one:7,.0f} ms one row  {words}: {told}", flush=True)
            _close()
    return 0


def _prepare(address: str, rows: int) -> None:
    os.environ |= {"DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import setup_test_environment

    from pipeline_site.settings import database

    os.environ["DATABASE_URL"] = address
    settings.DATABASES["default"] |= database("DATABASE_URL")
    setup_test_environment()
    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    with connection.cursor() as cursor:
        for statement in TABLE.format(rows=rows).split(";"):
            cursor.execute(statement)
    print(f"{rows:,} rows made in {time.perf_counter() - began:,.0f} s")


def _close() -> None:
    from django.db import connections

    connections.close_all()


def _measured(query: str, repeat: int) -> tuple[list[float], list[float], str]:
    """Seconds of each answer, those of a table of one row in turns with them, and what the page said."""
    from django.contrib.auth.models import User
    from django.test import Client

    from ingest.models import Dataset

    keys = {"defaults": {"identities": [["id"], ["email"]]}}
    many, one = (Dataset.objects.get_or_create(name=name, **keys)[0] for name in ("people", "one"))
    user, _ = User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)

    def ask(dataset: Dataset, what: str) -> tuple[float, Any]:
        began = time.perf_counter()
        response = client.get(f"/admin/ingest/dataset/{dataset.pk}/browse/{what}")
        seconds = time.perf_counter() - began
        assert response.status_code == 200
        return seconds, response.context

    if query.startswith("next of "):
        query = ask(many, query.removeprefix("next of "))[1]["next"]
    answers = [(ask(many, query), ask(one, "")) for _ in range(repeat)]
    return [here[0] for here, _ in answers], [base[0] for _, base in answers], _told(answers[-1][0][1])


def _told(context: Any) -> str:
    if "refused" in context:
        return str(context["refused"])
    if "shown" not in context:
        return "shown"
    shown = context["shown"]
    return f"{len(shown.rows)} rows, {shown.total.sentence} {shown.searched}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
