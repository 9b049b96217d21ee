"""A corrected reject file goes in as a part of its file, and what was forgotten in it stays out.

See file-rules#corrections.
"""

from psycopg2.extensions import connection as Connection

from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import Mode, Target
from tests.loader.conftest import clear
from tests.loader.loading import load_bytes, read_table

IDENTITIES = (("id",), ("email",))


def load(connection: Connection, content: str, run_id: int, mode: Mode = Mode.UPSERT) -> Outcome:
    identities = IDENTITIES if run_id > 1 else None
    target = Target(table="t", run_id=run_id, mode=mode, identities=identities)
    outcome = load_bytes(connection, content.encode(), target)
    assert isinstance(outcome, Outcome), outcome
    return outcome


def test_a_line_that_was_forgotten_is_rejected_and_widens_nothing(shared: Connection) -> None:
    clear(shared)
    load(shared, "id,email,n\n1,a,5\n2,b,6\n", 1)
    outcome = load(
        shared,
        'id,email,n,_line,_code,_reason\n3,c,7,4,missing_columns,mended\n"4,d,""x""",,,5,bad_quote,forgotten\n',
        2,
    )
    assert (outcome.inserted, [reject.code for reject in outcome.rejects]) == (1, ["bad_value"])
    found = read_table(shared, "t")
    assert found is not None
    assert found.kinds == {"id": "bigint", "email": "text", "n": "bigint"}


def test_it_deletes_nothing_from_a_snapshot_and_its_own_columns_are_known_in_any_case(shared: Connection) -> None:
    clear(shared)
    load(shared, "id,email,n\n1,a,5\n2,b,6\n", 1, Mode.SNAPSHOT)
    outcome = load(shared, "id,email,n,_Line,_CODE, _reason\n1,a,7,2,bad_value,mended\n", 2, Mode.SNAPSHOT)
    assert (outcome.updated, outcome.deleted) == (1, 0)
    found = read_table(shared, "t")
    assert found is not None
    assert sorted(found.kinds) == ["email", "id", "n"]
