"""What goes out comes back: an export that is loaded again changes no row and no column (BEHAVIOUR 7)."""

import csv
import io
import random
from pathlib import Path
from typing import Any

import pytest

from ingest import browsing
from ingest.models import Dataset
from tests.app.conftest import Door, counts, rows
from tests.app.pages import execute
from tests.loader.conftest import WAYS, going

PEOPLE = """id,name,phone,delta,code
1,'t Hooft,+49 170 1234,-5.5,007
2,=1+1,@handle,-2.25,1e5
3,-2+3,'=x,3.5,0012
4,"=HYPERLINK(""http://example.org"")",-,0.5,-1
5,"a
b","",1.25,+1
"""

TEXTS = [
    *("", " ", "  padded  ", "'", "''", "'t Hooft", "'=x", "=1+1", "+49 170", "-2+3", "-5", "@handle", "\tx", "\rx"),
    *('a "quoted", one', "semi;colon", "pipe|tab\t", "a\nb", "a\r\nb", "a\rb", "back\\slash", "\\.", "\\N", "NULL"),
    *("Ünï 😀", "\u200bzero", "\ufeffmark", "#comment", "sep=;", "007", "1e5", "true", "2024-01-05", "x" * 3_000, "NA"),
]
VALUES: dict[str, list[str]] = {
    "boolean": ["true", "false", "TRUE", "False"],
    "bigint": ["0", "-5", "9223372036854775807", "-9223372036854775808", "-0", "12"],
    "numeric": ["0.50", "-5.5", ".5", "-.25", "3", "123456789012345678901234567890.10", "-1"],
    "date": ["2024-02-29", "0001-01-01", "9999-12-31"],
    "timestamp": ["2024-01-05 10:00:00", "2024-01-05T10:00:00.123456", "2024-01-05"],
    "timestamptz": ["2024-01-05T10:00:00Z", "2024-01-05 10:00:00.5+05:30", "1900-01-01 00:00:00-08"],
    "uuid": ["0B9C1A52-6C3F-4B4C-9E0B-0A7E5D1C2F3A", "00000000-0000-0000-0000-000000000000"],
    "text": TEXTS,
}
HEADERS = [
    *(
        "name",
        "select",
        "Order By",
        "E-Mail",
        "e_mail",
        "First Name",
        "first_name",
        "a",
        "a",
        "a_2",
        "",
        "",
        "column_3",
    ),
    *(
        "=x",
        "'y",
        "-z",
        "@at",
        "+p",
        "#hash",
        "run_id",
        "ctid",
        "processed_at",
        "true",
        "_line",
        "_code",
        "_run",
        "n;m",
    ),
    *("Größe", "x" * 80, 'quo"te', "two\nlines", " spaced ", "_export", "0001-01-01", "_reason", "_dataset"),
]


def written(*records: list[str | None]) -> str:
    """A CSV in which NULL is an empty cell and each text is quoted."""
    lines = (",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in each) for each in records)
    return "".join(f"{line}\n" for line in lines)


def exported(table: str, **state: Any) -> bytes:
    """The bytes of a CSV of the table."""
    made = browsing.export(table, list(state.items()), browsing.Format.CSV, all_columns=True)
    assert made.file is not None
    with made.file:
        return made.file.read()


def table_of(name: str) -> tuple[list[Any], list[Any]]:
    """Its columns and its rows, our own columns included."""
    columns = rows(
        f"select attname, atttypid from pg_attribute where attrelid = 'datasets.{name}'::regclass and attnum > 0"
    )
    return columns, rows(f"select t::text from datasets.{name} t order by 1")


def assert_comes_back(door: Door, name: str, content: bytes, records: int) -> None:
    before = table_of(name)
    Dataset.objects.filter(name=name).update(newest=None)  # else the same bytes wouldn't even be read
    run = door.load(f"{name}.csv", content)
    assert (run.status, counts(run)) == ("succeeded", {"records": records, "unchanged": records}), (run.reason, content)
    assert run.ddl == [], content
    assert table_of(name) == before


@pytest.mark.parametrize("safe", [{}, {"safe": "1"}], ids=["plain", "safe"])
def test_the_people_of_the_case_come_back_unchanged(door: Door, safe: dict[str, str]):
    shared = Path(__file__).resolve().parents[3] / "shared" / "cases" / "59-people.csv"
    content = shared.read_text() if shared.exists() else PEOPLE
    assert content == PEOPLE
    door.load("people.csv", content)
    assert_comes_back(door, "people", exported("people", **safe), 5)


def random_file(random: random.Random) -> tuple[str, int]:
    """A file with a key ``id``, and columns of any header, type and value."""
    headers = random.sample(HEADERS, random.randint(0, 6))
    if "_line" in headers and "_code" in headers and "_reason" in headers:
        headers.remove("_code")  # that would be a reject file
    if headers and headers[-1] == "_export":
        headers.append("last")
    kinds = [random.choice(list(VALUES)) for _ in headers]
    ids = random.choice([["1", "-2", "30", "-40"], ["=a", "'b", "c d", "-1"], VALUES["uuid"]])
    place = random.randint(0, len(headers))
    records = [[*headers[:place], "id", *headers[place:]]]
    for key in ids:
        cells = [None if random.random() < 0.2 else random.choice(VALUES[kind]) for kind in kinds]
        records.append([*cells[:place], key, *cells[place:]])
    return written(*records), len(ids)


@pytest.mark.parametrize("way", sorted(WAYS))
@pytest.mark.parametrize("seed", range(4))
def test_any_table_comes_back_unchanged(door: Door, seed: int, way: str):
    chance = random.Random(f"{seed} {way}")
    for number in range(3):
        content, records = random_file(chance)
        name = f"t_{number}"
        first = door.load(f"{name}.csv", content)
        assert first.status == "succeeded", (first.reason, content)
        with going(way):
            assert_comes_back(door, name, exported(name), records)
            assert_comes_back(door, name, exported(name, safe="1"), records)


@pytest.mark.parametrize(
    "pinned",
    [
        {"delimiter": ";"},
        {"encoding": "cp1252"},
        {"mode": "snapshot"},
        {"policy": "strict"},
        {"declared_key": ["note", "n"]},
        {"has_header": False, "declared_key": ["column_1"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("safe", [{}, {"safe": "1"}], ids=["plain", "safe"])
def test_an_export_is_read_back_whatever_is_pinned_for_its_dataset(door: Door, pinned, safe):
    Dataset.objects.create(name="t", **pinned)
    delimiter = pinned.get("delimiter", ",")
    first = door.load("t.csv", f"id{delimiter}n{delimiter}note\n1{delimiter}2{delimiter}=a b\n".encode())
    assert first.status == "succeeded", first.reason
    execute("update datasets.t set run_id = run_id")
    assert_comes_back(door, "t", exported("t", **safe), first.records)


@pytest.mark.parametrize(
    "pinned",
    [
        {"quote": "'"},
        {"escape": "\\"},
        {"quote": "'", "escape": "\\"},
        {"preamble": 2},
        {"preamble": 2, "has_header": False, "declared_key": ["column_1"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("safe", [{}, {"safe": "1"}], ids=["plain", "safe"])
def test_an_export_is_read_back_whatever_quotes_and_lines_are_pinned_for_its_dataset(door: Door, pinned, safe):
    Dataset.objects.create(name="t", **pinned)
    quote = pinned.get("quote", '"')
    escape = pinned.get("escape", quote)
    cell = text = """say 'yes', "no" or \\ on\ntwo lines"""
    for mark in dict.fromkeys((escape, quote)):
        cell = cell.replace(mark, escape + mark)
    header, column = f"id,{quote}a note{quote}\n", "a_note"
    if pinned.get("has_header") is False:
        header, column = "", "column_2"
    above = "a title\nof two lines\n" if "preamble" in pinned else ""
    first = door.load("t.csv", f"{above}{header}1,{quote}{cell}{quote}\n2,plain\n")
    assert (first.status, first.records) == ("succeeded", 2), first.reason
    assert {value for (value,) in rows(f"select {column} from datasets.t")} == {text, "plain"}
    assert_comes_back(door, "t", exported("t", **safe), 2)


def test_an_export_of_a_dataset_whose_files_have_no_quotes_has_a_form_of_its_own(door: Door):
    Dataset.objects.create(name="t", quote="none")
    door.load("t.csv", 'id,note\n1,"a\n2,b\n')
    with pytest.raises(browsing.BrowseError, match="have no quotes"):
        exported("t")
    assert_comes_back(door, "t", exported("t", safe="1"), 2)


def test_columns_of_a_file_without_header_come_back_in_another_order(door: Door):
    Dataset.objects.create(name="t", has_header=False, declared_key=["column_1"])
    door.load("t.csv", "1,a,5\n2,b,6\n")
    made = browsing.export("t", [("column", "column_3"), ("column", "column_1")], browsing.Format.CSV)
    assert_comes_back(door, "t", made.file.read(), 2)


def test_an_export_of_some_columns_and_rows_leaves_the_others_as_they_are(door: Door):
    door.load("people.csv", PEOPLE)
    content = exported("people", **{"to.id": "3"}).replace(b"=1+1", b"mended")
    run = door.load("people.csv", content)
    assert counts(run) == {"records": 3, "updated": 1, "unchanged": 2}
    made = browsing.export("people", [("column", "id"), ("column", "delta")], browsing.Format.CSV)
    assert_comes_back(door, "people", made.file.read(), 5)
    assert rows("select name, phone from people where id = 2") == [("mended", "@handle")]


def test_a_part_of_a_snapshot_leaves_only_in_the_form_that_deletes_nothing(door: Door):
    Dataset.objects.create(name="people", mode="snapshot")
    door.load("people.csv", PEOPLE)
    with pytest.raises(browsing.BrowseError, match="would delete all others"):
        exported("people", **{"to.id": "3"})
    assert_comes_back(door, "people", exported("people", safe="1", **{"to.id": "3"}), 3)
    assert rows("select count(*) from people") == [(5,)]


def test_a_spreadsheet_that_saves_an_export_again_does_no_harm(door: Door):
    door.load("people.csv", PEOPLE)
    saved = io.StringIO(newline="")
    records = list(csv.reader(io.StringIO(exported("people", safe="1").decode(), newline="")))
    csv.writer(saved, delimiter=";").writerows(records)
    run = door.load("people.csv", b"\xef\xbb\xbf" + saved.getvalue().encode())
    # The one empty text is an empty cell now: a spreadsheet knows no difference.
    assert counts(run) == {"records": 5, "updated": 1, "unchanged": 4}
    assert run.ddl == []


def test_an_export_of_a_spreadsheet_is_held_where_there_is_no_key(door: Door):
    for mode in ("upsert", "append"):
        Dataset.objects.create(name=mode, mode=mode)
        door.load(f"{mode}.csv", "note\n=a\nb\n")
        run = door.load(f"{mode}.csv", exported(mode, safe="1"))
        assert (run.status, run.brakes) == ("held", {"export": 2})
        assert f"{mode} has no key" in run.reason
        assert rows(f"select count(*) from {mode}") == [(2,)]


def test_a_plain_export_is_not_inserted_twice_in_silence_where_there_is_no_key(door: Door):
    for mode in ("upsert", "append"):
        Dataset.objects.create(name=mode, mode=mode)
        door.load(f"{mode}.csv", "note\n=a\nb\n")
        content = exported(mode)
        run = door.load(f"{mode}.csv", content)
        assert (run.status, run.brakes) == ("held", {"export": 2})
        assert rows(f"select count(*) from {mode}") == [(2,)]
        assert door.load(f"{mode}.csv", content + b"c\n").inserted == 3, "new rows, as the page says"


def test_marks_are_taken_off_before_a_null_token_is_looked_for(door: Door):
    Dataset.objects.create(name="t", null_tokens=["-"])
    door.load("t.csv", "id,n\n1,5\n2,-\n")
    run = door.load("t.csv", "id,n,_export\n1,'-7,spreadsheet-safe\n2,'-,spreadsheet-safe\n")
    assert counts(run) == {"records": 2, "updated": 1, "unchanged": 1}
    assert rows("select n from t order by id") == [(-7,), (None,)]
