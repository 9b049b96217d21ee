"""The peers, in the order in which they are shown."""

import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.bench.files import COLUMNS
from tests.bench.ours import FIRST_RUN
from tests.bench.peers.environments import Debian, Environment, Python
from tests.bench.peers.peer import Order, Peer, Words


def _ours(_: Path, order: Order) -> list[str]:
    run = FIRST_RUN + (order.before != "nothing")
    return [sys.executable, "-m", "tests.bench.ours", order.url, str(order.file), str(run)]


def _script(name: str) -> Callable[[Path, Order], list[str]]:
    def command(programs: Path, order: Order) -> list[str]:
        when = "again" if order.again else "first"
        return [str(programs / "python"), "-m", f"tests.bench.peers.loads.{name}", order.url, str(order.file), when]

    return command


def _csvsql(programs: Path, order: Order) -> list[str]:
    url = order.url.replace("postgresql://", "postgresql+psycopg2://")
    said = ["--tables", "people", "--db-schema", "datasets", "--unique-constraint", "id", "--chunk-size", "1000"]
    again = ["--overwrite"] if order.again else ["--create-if-not-exists"]
    return [str(programs / "csvsql"), "--db", url, "--insert", *said, *again, "--snifflimit", "0", str(order.file)]


def _pgloader(programs: Path, order: Order) -> list[str]:
    parts = urlsplit(order.url)
    target = f"postgresql://{parts.username}@unix:{parse_qs(parts.query)['host'][0]}:5432{parts.path}"
    names = ", ".join(COLUMNS)
    how = ["drop indexes", "skip header = 1", "fields optionally enclosed by '\"'", "fields escaped by double-quote"]
    how += ["fields terminated by ','", *(["truncate"] if order.again else [])]
    script = order.scratch / "people.load"
    script.write_text(
        f"LOAD CSV FROM '{order.file}' WITH ENCODING utf-8 HAVING FIELDS ({names})\n"
        f"INTO {target} TARGET TABLE datasets.people TARGET COLUMNS ({names})\n"
        f"WITH {', '.join(how)};\n"
    )
    return [str(programs / "pgloader"), "--root-dir", str(order.scratch / "pgloader"), str(script)]


OURS = Peer(
    name="ours",
    environment=Environment(),
    command=_ours,
    makes_table=True,
    words=Words(
        again="Updates by id or e-mail; rows that are equal aren't written.",
        says="Yes: inserted, updated, unchanged, duplicate and rejected, and they add up to the file.",
        bad=(
            "Kept with line, column, reason and the raw record, in a form that loads again once mended; the others go"
            " in. In the file that makes the table one word makes the column text, and the run names it with its line."
        ),
        undo="Yes, by run, from before-images.",
    ),
)
"""What the others are held against."""

ROW_BY_ROW = Peer(
    name="row by row",
    environment=Environment(),
    command=_script("row_by_row"),
    most_rows=200_000,
    words=Words(
        again="Updates by id: every row that is there is written anew, equal or not.",
        says="No.",
        bad="Not kept: the first one ends it with an error of PostgreSQL's, and nothing is loaded.",
        undo="No.",
    ),
)

_PANDAS = Python(name="pandas", package="pandas")

PEERS = (
    Peer(
        name="pgloader",
        environment=Debian(program="pgloader", packages=("pgloader",)),
        command=_pgloader,
        words=Words(
            again=(
                "Doesn't update: with `truncate`, as measured here, the file takes the place of all rows. Without it"
                " each row that is there is an error of its own: 20,000 of them weren't through after two minutes (on a"
                " busy machine)."
            ),
            says="No: rows read and errors. It told 4 errors of 2 bad rows, and ended with code 0.",
            bad=(
                "Kept in a file in COPY's format, with PostgreSQL's messages in another, without the file's line; the"
                " others go in. A record that is too short isn't one: its last cells become NULL."
            ),
            undo="No.",
        ),
    ),
    Peer(
        name="dlt, merge",
        environment=Python(name="dlt", package="dlt"),
        command=_script("dlt_merge"),
        makes_table=True,
        variables={"RUNTIME__DLTHUB_TELEMETRY": "false"},
        words=Words(
            again="Updates by id, by MERGE (strategy `upsert`): every row that is there is written anew, equal or not.",
            says="No: the rows of a load package.",
            bad=(
                "Not kept. In the first file one word makes the column text; in a later one the load fails. Its schema"
                " contracts can discard rows instead, and keep none of them."
            ),
            undo="No; a column `_dlt_load_id` says which load wrote a row last.",
        ),
    ),
    Peer(
        name="csvsql",
        environment=Python(name="csvkit", package="csvkit"),
        command=_csvsql,
        most_rows=20_000,
        makes_table=True,
        words=Words(
            again=(
                "Doesn't update: with `--overwrite`, as measured here, the table is dropped and made anew; else the"
                " first row that is there ends it."
            ),
            says="No: it says nothing.",
            bad="Not kept. In the first file one word makes the column text; in a later one the load fails.",
            undo="No.",
        ),
    ),
    Peer(
        name="pandas to_sql, multi",
        environment=_PANDAS,
        command=_script("pandas_to_sql"),
        most_rows=200_000,
        words=Words(
            again=(
                "Updates only by a method that one writes (as measured here, INSERT ... ON CONFLICT), every row that is"
                " there anew; by itself it appends or takes the table's place."
            ),
            says="No: at most the number of rows.",
            bad="Not kept: the first one ends it with an error of PostgreSQL's, and nothing is loaded.",
            undo="No.",
        ),
    ),
    Peer(
        name="pandas to_sql, COPY",
        environment=_PANDAS,
        command=_script("pandas_copy"),
        words=Words(
            again=(
                "Doesn't update: with `delete_rows`, as measured here, the file takes the place of all rows; else the"
                " first row that is there ends it."
            ),
            says="No: at most the number of rows.",
            bad="Not kept: the first one ends it with an error of PostgreSQL's, and nothing is loaded.",
            undo="No.",
        ),
    ),
    Peer(
        name="django-import-export",
        environment=Python(name="import-export", package="django-import-export"),
        command=_script("import_export"),
        most_rows=20_000,
        words=Words(
            again="Updates by id; rows that are equal aren't written (`skip_unchanged`).",
            says="Yes: new, update, skip, error and invalid.",
            bad=(
                "Shown with row and error, not kept; with transactions nothing is loaded then, without them the others"
                " go in."
            ),
            undo="No; the admin logs which objects it wrote.",
        ),
    ),
    ROW_BY_ROW,
)
