"""Files longer than any block or head that the loader reads at once, with troubles strewn in, against the oracle."""

import random

import pytest
from psycopg2.extensions import connection as Connection

from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import Target
from ingest.loader.planning.safeguards import EVERYTHING
from ingest.loader.source.dialect.dialect import Dialect
from tests.loader import oracle
from tests.loader.conftest import WAYS, clear, going
from tests.loader.loading import load_bytes, read_table
from tests.loader.oracle_comparing import assert_table, assert_told

RECORDS = 12_000
NAMES = ("id", "email", "n", "d", "note")
BROKEN = (b'"open', b'7,"a"b,,,', b"1,2", b"1,2,3,4,5,6", b"1,a\0@x,,,", b"1,\xff@x,,,", b"", b'9,"two\r\nlines')
LINE_ENDS = (b"\n", b"\n", b"\n", b"\r\n", b"\r")


def long_file(random_: random.Random, *, odd: float) -> bytes:
    """Records of all lengths; one in ``1 / odd`` is broken, and as many cells are of a wider type or of none."""
    records = [",".join(NAMES).encode()]
    for number in range(RECORDS):
        if random_.random() < odd:
            records.append(random_.choice(BROKEN))
        n = random_.choice(("x", "1.5", "007")) if random_.random() < odd else str(number)
        d = "2024-01-01 12:00:00" if random_.random() < odd else f"2024-01-{number % 28 + 1:02}"
        note = "é" * random_.choice((0, 1, 5, 20, 200)) + random_.choice(("", "", "\n", "\r\n", '""', ","))
        own = "" if random_.random() < odd else random_.choice((number, number, number, number // 2))
        records.append(f'{own},u{random_.randrange(RECORDS * 20)}@x,{n},{d},"{note}"'.encode())
    return b"".join(record + random_.choice(LINE_ENDS) for record in records)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_long_file_with_troubles_does_what_the_oracle_does(newest: Connection, way: str) -> None:
    clear(newest)
    random_ = random.Random(way)
    dataset = oracle.Dataset(policy=oracle.Policy(approves=True))
    told: Outcome | None = None
    for run_id, odd in enumerate((0, 0.01), 1):
        content = long_file(random_, odd=odd)
        before = read_table(newest, "t")
        dataset, account = oracle.load(dataset, content, run_id)
        known = {"headers": told.headers, "identities": told.identities} if told else {}
        with going(way):
            outcome = load_bytes(
                newest, content, Target(table="t", run_id=run_id, approved=EVERYTHING, **known), dialect=Dialect()
            )
        assert_told(account, outcome)
        assert isinstance(outcome, Outcome)
        assert_table(dataset, read_table(newest, "t"), before, run_id)
        told = outcome
    assert told is not None
    assert told.identities == dataset.identities
    assert min(told.rejected, told.inserted, told.updated, told.duplicate) > 0
