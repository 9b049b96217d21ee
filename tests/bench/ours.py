"""Our side, one fresh process a load: `python -m tests.bench.ours URL FILE RUN_ID` prints what it did as JSON."""

import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

TABLE = "people"
FIRST_RUN = 1
COUNTS = ("records", "inserted", "updated", "unchanged", "duplicate", "rejected")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the process said of itself."""

    seconds: float
    """From the first byte read to the commit: what a warm worker takes."""
    peak: int
    """Bytes of memory at its highest, the interpreter and its libraries included."""
    counts: dict[str, int]


def load(url: str, file: Path, run_id: int) -> Told:
    """Load ``file`` in a process of its own. Raises RuntimeError with what it said."""
    command = [sys.executable, "-m", "tests.bench.ours", url, str(file), str(run_id)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    if done.returncode:
        raise RuntimeError(f"our loader: {done.stderr.strip()[-2000:]}")
    return Told(**json.loads(done.stdout))


def _load(url: str, file: Path, run_id: int) -> Told:
    import psycopg2

    from ingest.loader.load import load as load_file
    from ingest.loader.outcome.target import Target
    from ingest.loader.source.dialect import dialect
    from ingest.loader.source.local_file import LocalFile
    from tests.bench.files import COLUMNS

    started = perf_counter()
    known = {} if run_id == FIRST_RUN else {"identities": (("id",), ("email",)), "headers": {n: n for n in COLUMNS}}
    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        with file.open("rb") as opened:
            proposed = dialect.propose(opened.read(dialect.HEAD))
        connection = psycopg2.connect(url)
        outcome = load_file(
            connection,
            LocalFile(path=file, dialect=proposed, scratch=Path(scratch)),
            Target(table=TABLE, run_id=run_id, **known),
        )
        connection.commit()
        connection.close()
    seconds = perf_counter() - started
    return Told(seconds=seconds, peak=peak(), counts={name: getattr(outcome, name) for name in COUNTS})


def peak() -> int:
    """The process's own highest memory, and that of a child if it had one."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        own = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
    except OSError:  # not Linux: bytes on macOS
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return own + (resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10)


if __name__ == "__main__":
    print(json.dumps(vars(_load(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))))
