"""Random files into one dataset, one behind the other: the loader must do what the plain oracle does.

EXAMPLES=5000 tries thousands, and `make test-repeat` other ones; with PG=17 on the older version.
"""

import os
from dataclasses import dataclass

from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.target import Mode, Target
from ingest.loader.planning.safeguards import EVERYTHING
from ingest.loader.source.dialect.dialect import Dialect
from tests.loader import oracle
from tests.loader.conftest import WAYS, clear, going
from tests.loader.loading import load_bytes, read_table
from tests.loader.oracle_comparing import assert_table, assert_told
from tests.loader.oracle_identities import Identities

EXAMPLES = int(os.environ.get("EXAMPLES", 300))
TABLE = "t"

WORDS = ("a", "b", "A", "ß", "a b", " a", 'q"q', "a,b", "two\nlines", "two\r\nlines", "NA", " NA ", "x;y", "é")
EMPTY = ("", '""', " ", '"  "')
CLEAN = {
    "bigint": ("1", "2", "3", "-7", "0", " 4", "9223372036854775807"),
    "numeric": ("1.5", "1.50", "-0.25", "2", "10.0", "9223372036854775808"),
    "boolean": ("true", "false", "TRUE", "False"),
    "date": ("2024-02-29", "2023-01-01", "1999-12-31", "0001-01-01"),
    "timestamp": ("2024-02-29 12:30:00", "2024-02-29T12:30:00", "2023-01-01 00:00:00.5", "2023-01-01"),
    "timestamptz": ("2024-02-29 12:30:00Z", "2024-02-29T14:30:00+02:00", "2023-01-01T00:00:00.000001-05:00"),
    "uuid": ("6f1e2c3a-0b1d-4e5f-8a9b-0c1d2e3f4a5b", "6F1E2C3A-0B1D-4E5F-8A9B-0C1D2E3F4A5B"),
    "text": WORDS,
}
TYPOS = ("x", "00601", "+5", "1e5", "01/02/2023", "now", "infinity", "NaN", "1,5", "2023-02-30", "12:30", "-", "O")
IDS = ("1", "2", "3", "4", "5", " 2", "03", "1.0", "x", "7777777777777777777777")
EMAILS = ("a@x", "b@x", "c@x", "d@x", "A@x", "a@x ", "\tB@X", "ä@x", "Ä@x", "5")
EMAIL_HEADERS = ("email", "email", "E-mail", "Email Address", "e-mail address")
BROKEN = (
    '"open',
    'x"y',
    '"a"b,1',
    "1",
    "1,2,3,4,5,6,7,8,9",
    "nul\0,1",
    "",
    " ",
    '"',
    '""',
    "\udcff,1",
    '"two\nlines",',
)
LINE_ENDS = ("\n", "\r\n", "\r")


@dataclass(frozen=True)
class File:
    """A file as it was made up; its bytes are all that the loader and the oracle see."""

    content: bytes
    delimiter: str = ","


@st.composite
def cells(draw: st.DrawFn, pool: tuple[str, ...], rows: int, delimiter: str) -> list[str]:
    """One column as it is written: mostly of ``pool``, with some cells empty, mistyped or of another type."""
    column = draw(st.lists(st.sampled_from(pool), min_size=rows, max_size=rows))
    odd = draw(st.integers(0, 3)) if rows else 0
    others = (*EMPTY, *TYPOS) if draw(st.booleans()) else CLEAN[draw(st.sampled_from(sorted(CLEAN)))]
    for _ in range(odd):
        column[draw(st.integers(0, rows - 1))] = draw(st.sampled_from(others))
    writings = draw(st.lists(st.sampled_from(("{}", "{}", '"{}"', ' "{}"  ')), min_size=rows, max_size=rows))
    must = {delimiter, '"', "\n", "\r"}
    return [
        text if text in EMPTY else _write(text, '"{}"' if must & set(text) else writing)
        for text, writing in zip(column, writings, strict=True)
    ]


def _write(text: str, writing: str) -> str:
    return writing.format(text.replace('"', '""') if '"' in writing else text)


@st.composite
def columns(draw: st.DrawFn, families: dict[str, str]) -> list[str]:
    """Some of the columns, in any order."""
    names = sorted(name for name in families if not name.endswith(" header"))
    wanted = draw(st.lists(st.sampled_from(names), min_size=1, max_size=len(names), unique=True))
    return list(dict.fromkeys(["id", "email", *wanted])) if draw(st.booleans()) else wanted


@st.composite
def files(draw: st.DrawFn, families: dict[str, str], wanted: list[str]) -> File:
    """A file of the columns ``wanted``, with some lines broken."""
    rows = draw(st.integers(0, 6)) if draw(st.integers(0, 3)) < 3 else draw(st.integers(10, 24))
    delimiter = draw(st.sampled_from(",,,;\t|"))
    columns = [draw(cells(pool_of(name, families), rows, delimiter)) for name in wanted]
    names = [families.get(f"{name} header", name) for name in wanted]
    names = [draw(st.sampled_from((name,) * 9 + (name.upper(), f" {name.title()}"))) for name in names]
    if draw(st.integers(0, 9)) == 9:
        names += oracle.MARKS
        columns += [["7"] * rows, ["bad_value"] * rows, ["why"] * rows]
    lines = [delimiter.join(line) for line in zip(*columns, strict=True)]
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        broken = draw(st.sampled_from(BROKEN)).replace(",", delimiter)
        lines.insert(draw(st.integers(0, len(lines))), broken)
    line_end = draw(st.sampled_from(LINE_ENDS))
    mixed = draw(st.booleans())
    ends = [draw(st.sampled_from(LINE_ENDS)) if mixed else line_end for _ in lines]
    text = delimiter.join(names) + line_end + "".join(line + end for line, end in zip(lines, ends, strict=True))
    if draw(st.integers(0, 3)) == 3:
        text = text.removesuffix("\n").removesuffix("\r")
    bom = b"\xef\xbb\xbf" if draw(st.integers(0, 7)) == 7 else b""
    return File(bom + text.encode("utf-8", "surrogateescape"), delimiter)


def pool_of(name: str, families: dict[str, str]) -> tuple[str, ...]:
    """The values from which a column is mostly made."""
    if name == "id":
        return IDS[: 5 if families[name] == "bigint" else None]
    if name != "email":
        return CLEAN[families[name]]
    if families[name] == "bigint":
        return EMAILS[:4]
    return EMAILS[: None if families["email header"] == "email" else 9]


@st.composite
def people(draw: st.DrawFn) -> list[File]:
    """Files of ids and emails that meet again and again: the first lets both be identities, mostly."""
    ids, emails = draw(st.permutations("12345")), draw(st.permutations([*EMAILS[:4], ""]))
    first = draw(st.integers(1, 5))
    header = draw(st.sampled_from(EMAIL_HEADERS))
    rows = [[*pair, "p"] for pair in zip(ids[:first], emails[:first], strict=True)]
    contents = [_written(["id", header, "a"], rows)]
    each = (st.sampled_from([*"1234567", ""]), st.sampled_from([*EMAILS[:8], "", " "]), st.sampled_from("pq"))
    for _ in range(draw(st.integers(1, 2))):
        rows = [list(row) for row in draw(st.lists(st.tuples(*each), min_size=1, max_size=6))]
        lacking = draw(st.sampled_from(("", "", "id", "email")))
        names = [name for name in ("id", "email", "a") if name != lacking]
        rows = [[row[("id", "email", "a").index(name)] for name in names] for row in rows]
        contents.append(_written([header if name == "email" else name for name in names], rows))
    return contents


def _written(names: list[str], rows: list[list[str]]) -> File:
    return File("".join(",".join(cells) + "\n" for cells in [names, *rows]).encode())


@st.composite
def histories(draw: st.DrawFn) -> tuple[oracle.Policy, list[File]]:
    """A policy and one to three files for one dataset."""
    if draw(st.booleans()):
        policy = oracle.Policy(
            mode=draw(st.sampled_from(("upsert", "upsert", "snapshot"))),
            reject_count=draw(st.sampled_from((10, 10, 1))),
            ignore_email_case=draw(st.booleans()),
        )
        return policy, draw(people())
    return draw(policies()), draw(tables())


@st.composite
def tables(draw: st.DrawFn) -> list[File]:
    """One to three files of columns that mostly keep to one type each."""
    kinds = st.sampled_from(sorted(CLEAN))
    families = [
        {name: draw(kinds) for name in ("a", "B c", "n")}
        | {name: draw(st.sampled_from(("bigint", "text"))) for name in ("id", "email")}
        | {"email header": draw(st.sampled_from(EMAIL_HEADERS))}
    ]
    for _ in range(draw(st.integers(0, 2))):
        families.append(dict(families[-1]) | ({"a": draw(kinds)} if draw(st.booleans()) else {}))
    same = draw(columns(families[0])) if draw(st.booleans()) else None
    return [draw(files(one, same or draw(columns(one)))) for one in families]


@st.composite
def policies(draw: st.DrawFn) -> oracle.Policy:
    """What an operator may have set."""
    return oracle.Policy(
        mode=draw(st.sampled_from(("upsert", "upsert", "upsert", "append", "snapshot", "snapshot"))),
        approves=draw(st.booleans()),
        strict=draw(st.sampled_from((False, False, False, True))),
        declared_key=draw(st.sampled_from(((), (), (), ("a",), ("a", "id"), ("b_c",)))),
        null_tokens=draw(st.sampled_from(((), (), ("NA", "-")))),
        reject_count=draw(st.sampled_from((10, 10, 1))),
        ignore_email_case=draw(st.booleans()),
    )


@settings(
    max_examples=EXAMPLES,
    phases=(Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
)
@given(history=histories(), way=st.sampled_from(sorted(WAYS)))
def test_files_that_follow_one_another_do_what_the_oracle_does(
    newest: Connection, history: tuple[oracle.Policy, list[File]], way: str
) -> None:
    clear(newest)
    with going(way):
        _follow(newest, *history)


def _follow(connection: Connection, policy: oracle.Policy, files: list[File]) -> None:
    """Load the files one behind the other, and hold each step against the oracle's."""
    dataset = oracle.Dataset(policy=policy)
    headers: dict[str, str] = {}
    identities = None
    for run_id, file in enumerate(files, 1):
        before = read_table(connection, TABLE)
        previous = dataset.previous if policy.mode == "snapshot" else None
        dataset, account = oracle.load(dataset, file.content, run_id, file.delimiter)
        note(f"run {run_id}: {file.content!r}\n  {account}\n  {dataset.kinds} {dataset.identities}")
        target = target_of(policy, run_id, headers, identities, previous)
        told = load_bytes(connection, file.content, target, dialect=Dialect(delimiter=file.delimiter))
        assert_told(account, told)
        assert_table(dataset, read_table(connection, TABLE), before, run_id)
        if not isinstance(told, RunFailed):
            headers, identities = dict(told.headers), told.identities
            assert identities == dataset.identities


def target_of(
    policy: oracle.Policy,
    run_id: int,
    headers: dict[str, str],
    identities: Identities | None,
    previous: int | None,
) -> Target:
    """The loader's word for the policy, with what earlier runs have left behind."""
    return Target(
        table=TABLE,
        run_id=run_id,
        mode=Mode(policy.mode),
        strict=policy.strict,
        declared_key=policy.declared_key,
        identities=identities,
        ignore_email_case=policy.ignore_email_case,
        headers=headers,
        null_tokens=policy.null_tokens,
        reject_share=policy.reject_share,
        reject_count=policy.reject_count,
        approved=EVERYTHING if policy.approves else None,
        previous_records=previous,
    )
