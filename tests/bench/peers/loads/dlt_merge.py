"""dlt: Arrow tables read from the file, merged by id with its upsert strategy (MERGE) through CSV and COPY."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dlt
import pyarrow
from pyarrow import csv


@dlt.resource(name="people", write_disposition={"disposition": "merge", "strategy": "upsert"}, primary_key="id")
def people(file: str) -> Iterator[pyarrow.Table]:
    """The file's records, a block at a time, with the types that pyarrow finds in the first one."""
    for batch in csv.open_csv(file, read_options=csv.ReadOptions(block_size=16 << 20)):
        yield pyarrow.Table.from_batches([batch])


def load(url: str, file: Path) -> None:
    """Merge ``file`` into datasets.people, which dlt makes; its state comes back from the database each time."""
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        pipeline = dlt.pipeline(
            pipeline_name="peers",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(credentials=url.replace("@/", ":unused@localhost/")),
            dataset_name="datasets",
        )
        print(pipeline.run(people(str(file)), loader_file_format="csv"))
        print(pipeline.last_trace.last_normalize_info)


if __name__ == "__main__":
    load(sys.argv[1], Path(sys.argv[2]))
