"""What a person would type into psql for the same file: no check of anything, no account, no way back."""

import subprocess
from pathlib import Path

from pipeline_site.local.postgres import binaries
from tests.bench.files import COLUMNS

_TABLE = "datasets.people"
_TYPED = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
_OTHERS = [name for name in COLUMNS if name != "id"]
_DIFFERS = (
    f"({', '.join(f't.{name}' for name in _OTHERS)}) is distinct from ({', '.join(f's.{name}' for name in _OTHERS)})"
)

CREATE = f"""
create table {_TABLE} ({_TYPED});
\\copy {_TABLE} from '%s' with (format csv, header true)
alter table {_TABLE} add primary key (id);
create unique index on {_TABLE} (email);
"""
"""A typed table, filled, then the indexes that the loader makes too."""

UPSERT = f"""
create temp table stage (like {_TABLE}) on commit drop;
\\copy stage from '%s' with (format csv, header true)
analyze stage;
merge into {_TABLE} t using stage s on t.id = s.id
when matched and {_DIFFERS} then update set {", ".join(f"{name} = s.{name}" for name in _OTHERS)}
when not matched then insert ({", ".join(COLUMNS)}) values ({", ".join(f"s.{name}" for name in COLUMNS)});
"""
"""A typed stage, filled, and one MERGE that writes only what differs: 3.8 s where INSERT … ON CONFLICT took 5-6 s."""


def type_in(script: str, url: str, file: Path) -> None:
    """Run one of the scripts on ``file`` in one transaction. Raises RuntimeError with what psql said."""
    command = [
        binaries(18) / "psql",
        "--no-psqlrc",
        "--quiet",
        "--single-transaction",
        "--set=ON_ERROR_STOP=1",
        "--file=-",
        url,
    ]
    done = subprocess.run(command, input=script % file, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"psql: {done.stderr.strip()}")
