"""The readings of a file's head, weighed: which is taken, and where somebody is asked (BEHAVIOUR 3)."""

import pytest
from psycopg2.extensions import connection as Connection

from ingest.loader.outcome.errors import RunFailed, RunUnclear
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import Mode, Target
from ingest.loader.source.dialect.dialect import Pinned, examine
from ingest.loader.source.dialect.question import describe, offers
from tests.loader.conftest import clear
from tests.loader.loading import load_bytes, read_table

MANY = 5 << 20
"""Bytes of a file that is copied on a guess while it is judged."""


def readings(head: bytes, **told: object) -> tuple[str, list[tuple[str, str, int, bool]]]:
    found = examine(head, encoding="utf-8", **told)  # type: ignore[arg-type]
    return found.doubt, [(one.delimiter, one.quote, one.preamble, one.has_header) for one in found.dialects]


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [
        (b"id;Umsatz, netto;Umsatz, brutto\n1;10,50;12,50\n2;20,25;24,10\n", ";"),
        (b"id\tnet, EUR\tgross, EUR\n1\t10,50\t12,50\n2\t20,25\t24,10\n", "\t"),
        (b"id|price, net|price, gross\n1|10,50|12,50\n2|20,25|24,10\n", "|"),
        (b"id;name, first\n1;Miller, Tom\n2;Smith, Ann\n", ";"),
        (b"id|name, first\n1|Miller, Tom\n2|Smith, Ann\n", "|"),
        (b"id,tags\n1,a;b\n2,c;d\n", ","),
        (b"id,when;where\n1,a;b\n2,c;d\n", ","),
        (b"when,what\n2024-01-01,a|b\n2024-01-02,c|d\n", ","),
        (b"Date;Amount\n01.02.2024;1.204,10\n02.02.2024;-5,00\n", ";"),
    ],
)
def test_what_the_cells_are_decides_between_delimiters(head: bytes, delimiter: str) -> None:
    found = examine(head)
    assert not found.doubt
    assert found.dialect.delimiter == delimiter
    assert found.margin > 0


@pytest.mark.parametrize(("mark", "other"), [(b";", b","), (b"|", b","), (b"\t", b"|")])
@pytest.mark.parametrize(
    "head",
    [
        b"when;value\n10:00,5;1\n11:00,7;2\n12:00,3;5\n",
        b"when;value\n" + b"10:00,5;1\n11:00,7;2\n" * 20 + b"12:00\n",  # a malformed record
        b"name;city\nMiller,Tom;Oslo\nSmith,Ann;Rome\n",
        b"full name;city\nMiller,Tom;Oslo\nSmith,Ann;Rome\n",
        b"place;number\n10.5,4.2,Oslo;3\n11.5,4.2,Rome;4\n",
    ],
)
def test_a_delimiter_of_header_and_records_goes_before_one_of_the_records_alone(
    head: bytes, mark: bytes, other: bytes
) -> None:
    found = examine(head.translate(bytes.maketrans(b";,", mark + other)))
    assert (found.doubt, found.dialect.delimiter, found.dialect.preamble) == ("", mark.decode(), 0)


def test_a_delimiter_of_all_lines_may_stand_in_a_title_too() -> None:
    head = b"Sales, Norway\nregion;head, first\nNorth;Miller, Tom\nSouth;Smith, Ann\n"
    doubt, found = readings(head)
    assert TITLE in doubt
    assert [(delimiter, lines) for delimiter, _, lines, _ in found[:2]] == [(";", 1), (",", 0)]


def test_one_column_is_told_as_such() -> None:
    head = b"x\n1,5\n2,6\n"
    assert offers(head, examine(head).dialects)[0].label == "one column; header on line 1"


@pytest.mark.parametrize("head", [b"a;b,c\nx;y,z\np;q,r\n", b"a|b\tc\nx|y\tz\n", b"first;second,third\np;q,r\ns;t,u\n"])
def test_two_delimiters_that_do_equally_well_are_a_question(head: bytes) -> None:
    doubt, found = readings(head)
    assert "The delimiter may be the" in doubt
    assert len({delimiter for delimiter, *_ in found}) == 2


@pytest.mark.parametrize("mark", [b",", b";", b"\t", b"|"])
@pytest.mark.parametrize(
    "records", [b"Miller,Tom\nSmith,Ann\nJones,Bob\n", b"van Dyke,Tom\nSmith,Ann\n", b"a,b\nc,d\ne,f\n"]
)
def test_one_cell_over_records_of_two_is_a_question(mark: bytes, records: bytes) -> None:
    doubt, found = readings(b"full name\n" + records.replace(b",", mark))
    assert "a title, or a header that doesn't fit" in doubt
    assert {preamble for _, _, preamble, _ in found} == {0, 1}
    assert any(delimiter != mark.decode() for delimiter, *_ in found)  # one column


@pytest.mark.parametrize(
    ("head", "preamble"),
    [
        (b"Report;;\n;;\nid;name;amount\n1;Ada;5\n2;Bob;6\n", 2),
        (b"Report,,,\nof May,,,\n,,,\nid,name,amount,day\n1,Ada,5,2024-01-01\n2,Bob,6,2024-01-02\n", 3),
        (b",,\nid,name,amount\n1,Ada,5\n", 1),
        (b"\t\t\n\t\t\nid\tname\tamount\n1\tAda\t5\n", 2),
        (
            b'"Account:","1234"\r\n"Balance:","5"\r\n\r\nDate,Text,In,By\r\n05 Jan 2024,a,1,2\r\n06 Jan 2024,b,3,4\r\n',
            3,
        ),
        (b"Sales of 2024\nid|city|sold\n1|Oslo|5\n2|Rome|x|y\n3|Bern|6\n", 1),
    ],
)
def test_what_stands_above_a_header_that_can_be_told_is_skipped(head: bytes, preamble: int) -> None:
    found = examine(head)
    assert (found.doubt, found.dialect.preamble, found.dialect.has_header) == ("", preamble, True)


@pytest.mark.parametrize(
    "head",
    [
        b"H,2024-06-01,F,1\nid,name,x,y\n1,Ada,5,6\n2,Bob,7,8\n3,Cy,1,2\n",
        b"Format;From;Until\n7;2024-06-01;Example\nid;product;sold\n1;a;5\n2;b;6\n3;c;7\n",
        b"v|2|x\ncode|day|count\nA|2024-01-01|5\nB|2024-01-02|6\nC|2024-01-03|7\n",
    ],
)
def test_lines_as_wide_as_the_table_are_never_skipped_unasked(head: bytes) -> None:
    doubt, found = readings(head)
    assert "as wide as the table" in doubt
    assert [preamble for *_, preamble, _ in found[:2]] == [found[0][2], 0]
    assert found[0][2] > 0
    assert not examine(head, pinned=Pinned(preamble=found[0][2])).doubt


def test_a_known_header_is_the_strongest_evidence() -> None:
    known = ("full name", "city, country")
    assert readings(b"Report\nfull name;city, country\nMiller,Tom;a, b\n", known=known)[1][0][:3:2] == (";", 1)
    assert readings(b"#name;full name\nx;y\n", known=("#name", "full name"))[1][0][2] == 0
    assert readings(b"2019;2021\n5;6\n", known=("2019", "2021")) == ("", [(";", '"', 0, True)])
    doubt, found = readings(b"H,1\nid,name\n1,Ada\n", known=("id", "name"))
    assert "above the header that its dataset knows" in doubt
    assert [one[2] for one in found] == [1, 0]
    assert not examine(b"H,1\nid,name\n1,Ada\n", known=("id", "name"), above=1).doubt


@pytest.mark.parametrize("mark", [b",", b";", b"\t", b"|"])
@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"Ada\nBob\nname\nCy\n", ("name",)),
        (b"Ada,Oslo\nBob,Rome\nname,city\nCy,Bern\n", ("name", "city")),
        (b"Ada,Oslo,x\nname,city\nCy,Bern\nDi,York\n", ("name", "city")),
    ],
)
def test_records_above_a_known_header_are_never_skipped_unasked(
    head: bytes, known: tuple[str, ...], mark: bytes
) -> None:
    found = examine(head.replace(b",", mark), known=known)
    assert "above the header that its dataset knows" in found.doubt
    assert [one.preamble for one in found.dialects] == [
        head.index(b"name") and head[: head.index(b"name")].count(b"\n"),
        0,
    ]


@pytest.mark.parametrize(
    ("head", "names"),
    [
        (b"#,name,email\n1,Ada,a@x\n2,Bob,b@x\n", ("#", "name", "email")),
        (b"#;name\nA1;Ada\nB2;Bob\n", ("#", "name")),
        (b"#name,email\nAda,a@x\nBob,b@x\n", ("name", "email")),
        (b"# by hand\n#\tname\nA1\tAda\nB2\tBob\n", ("#", "name")),
    ],
)
def test_a_header_may_begin_with_a_hash(head: bytes, names: tuple[str, ...]) -> None:
    for pinned in (Pinned(), Pinned(has_header=True)):
        found = examine(head, pinned=pinned)
        offer = offers(head, found.dialects)[0]
        assert (found.doubt, offer.header) == ("", names)


def test_nothing_is_a_comment_where_no_header_is_pinned() -> None:
    found = examine(b"#1,Ada\n2,Bob\n", pinned=Pinned(has_header=False)).dialect
    assert (found.preamble, found.commented, found.has_header) == (0, False, False)


def test_a_comment_with_the_form_of_the_table_is_a_question() -> None:
    assert "may be its header" in readings(b"# Order ID,First name\nA1,Ada\nB2,Bob\n")[0]
    assert not readings(b"# made by, hand\nid,name\n1,Ada\n2,Bob\n")[0]


@pytest.mark.parametrize(
    "first", [b"sep=;", b'"sep=;"', b'"sep=;";;', b"sep=;;;", b"SEP=;", b"sep=;\r"], ids=lambda first: first.decode()
)
def test_a_line_of_excel_names_the_delimiter(first: bytes) -> None:
    found = examine(first + b"\na,b;c;d\n1,5;2;3\n")
    assert (found.doubt, found.dialect.delimiter, found.dialect.preamble) == ("", ";", 1)


TITLE = "a title, or a header that doesn't fit"


@pytest.mark.parametrize("mark", [b",", b";", b"\t", b"|"])
@pytest.mark.parametrize(
    ("head", "doubt"),
    [
        (b"score\nMiller,x\nSmith,5\n", TITLE),
        (b"score\n\nMiller,x\nSmith,5\nJones,7\n", TITLE),
        (b"full name\nMiller,Tom,x\nSmith,Ann,5\nJones,Bob,6\n", TITLE),
        (b"name,address\nAda,Main St,Oslo,x\nBob,Elm,Rome,5\nCy,Oak,Bern,7\n", TITLE),
        (b"score of the player\n" + b"Miller,x\n" + b"Smith,5\n" * 400, TITLE),
        (b"Format,v2,x,y,z\nid,name\n1,Ada\n2,Bob\n", "may stand above the table, or be its header"),
    ],
)
def test_no_line_is_skipped_above_what_only_may_be_a_header(head: bytes, doubt: str, mark: bytes) -> None:
    found = examine(head.replace(b",", mark))
    assert doubt in found.doubt
    assert 0 in {one.preamble for one in found.dialects}


@pytest.mark.parametrize(
    ("head", "preamble"),
    [
        (b"Report\nx,y\n5,6\n7,8\n", 1),
        (b"Sales per region,\n,\nRegion,Sold\nNorth,5\nSouth,6\n", 0),
        (b"Sales per region in all of Norway,\n,\nRegion,Sold\nNorth,5\nSouth,6\n", 2),
        (b"Sales of 2024,\nRegion,Sold\nNorth,5\nSouth,6\n", 1),
        (b"score,\nMiller,x\nSmith,5\nJones,7\n", 0),
        (b",score\nMiller,x\nSmith,5\nJones,7\n", 0),
        (b"Sales,,,,\nRegion,a,b,c,d\nNorth,1,x,y,z\nSouth,2,v,w,z\n", 1),
    ],
)
def test_a_title_is_skipped_where_it_names_no_column_or_all_columns_are_named(head: bytes, preamble: int) -> None:
    assert (examine(head).doubt, examine(head).dialect.preamble) == ("", preamble)


@pytest.mark.parametrize("head", [b"name,city,a,b\nAda,x\nBob,5\nCy,7\n", b"id,name,city\n1,Ada\n2,Bob\n3,Cy\n"])
def test_a_header_longer_than_every_record_stays_the_header(head: bytes) -> None:
    assert (examine(head).doubt, examine(head).dialect.preamble) == ("", 0)


ONE = b"id,name\n" + b"".join(b"%d,x%d\n" % (n, n) for n in range(20))
OTHER = b"code,day,sold\n" + b"".join(b"A%d,2024-01-0%d,%d\n" % (n, n % 9 + 1, n) for n in range(15))


@pytest.mark.parametrize("between", [b"", b"\n", b",,\n\n"])
@pytest.mark.parametrize("pinned", [Pinned(), Pinned(delimiter=",", quote='"', preamble=0, has_header=True)])
def test_a_second_table_below_the_first_is_a_question(between: bytes, pinned: Pinned) -> None:
    head = ONE + between + OTHER
    found = examine(head, pinned=pinned)
    assert "they look like two tables, one below the other" in found.doubt
    first, second = found.dialects[:2]
    below = ONE.count(b"\n") + between.count(b"\n")
    assert (first.preamble, first.end, second.preamble, second.end) == (0, below, below, 0)
    assert [offer.header for offer in offers(head, (first, second))] == [("id", "name"), ("code", "day", "sold")]
    assert f"the lines after line {below} left out" in describe(first)


@pytest.mark.parametrize(
    "head",
    [
        ONE + b"1,2,3\n" * 10,  # so few are rejected, and the run succeeds
        ONE + b"1,2,3\n4\n" * 20,
        ONE + b"x,y,z\n" * 20,  # without a header: the run fails, and its rejects are kept
        ONE + ONE.replace(b"x", b"y"),  # joined files
        b"id,name\n" + b"1,Ada\n1,Ada,x\n" * 30,
        b"Sales 2024\nper region\n" + OTHER,
    ],
)
def test_records_of_another_width_are_no_second_table(head: bytes) -> None:
    assert "tables" not in examine(head).doubt


def test_a_table_that_stands_twice_in_its_file_is_a_question() -> None:
    twice = ONE + ONE.replace(b"id,name", b'"id","name"').replace(b"x7", b"y7")
    found = examine(twice)
    assert "The header comes again on line 22, and 19 of the 20 records below it" in found.doubt
    assert [(one.end, one.preamble) for one in found.dialects[:2]] == [(21, 0), (0, 0)]
    assert not examine(ONE + ONE.replace(b",x", b",y")).doubt


@pytest.mark.parametrize(
    ("head", "asks"),
    [
        (b'ID NAME "NOTE"\n1 Ada "a b c"\n2 Bob Lee "d e"\n', True),
        (b"x y z\n1 2 3\n4 5 6\n", True),
        (b'1.2.3.4 - [x] "GET / HTTP/1.1" 200 5\n1.2.3.5 - [y] "GET /a HTTP/1.1" 404 6\n', True),
        (b"full name\nAda Lovelace\nGrace Hopper\n", False),
        (b"first last\nAda Lovelace\nGrace Hopper\n", False),
        (b"at\n2024-01-01 10:00:00 +01:00\n2024-01-02 11:00:00 +01:00\n", False),
        (b"2024-01-01 10:00:00 +01:00\n2024-01-02 11:00:00 +01:00\n", False),
        (b'"a note"\n"of two"\n', False),
        (b"n\n1 000 000\n2 000 000\n", False),
        (b'id,note\n1,a "b" c\n2,d "e" f\n', False),
    ],
)
def test_cells_between_spaces_are_a_question(head: bytes, asks: bool) -> None:
    found = examine(head)
    assert bool(found.doubt) == asks
    assert (" " in {one.delimiter for one in found.dialects}) == asks
    assert (found.dialect.delimiter == " ") == (asks and b'"' in head)  # else one column, as before
    assert not examine(head, pinned=Pinned(delimiter=",")).doubt


@pytest.mark.parametrize("mark", ["~", "^", ":"])
def test_a_rare_delimiter_is_a_question_and_never_one_column_in_silence(mark: str) -> None:
    head = b"id~name~city\n1~Ada~Oslo\n2~Bob~Rome\n".replace(b"~", mark.encode())
    found = examine(head)
    assert "as its delimiter: the first line and those below have it alike" in found.doubt
    assert [one.delimiter for one in found.dialects] == [mark, ","]
    assert not examine(head, pinned=Pinned(delimiter=mark)).doubt
    known = examine(head, known=("id", "name", "city"))
    assert (known.doubt, known.dialect.delimiter, known.has_known_header) == ("", mark, True)


@pytest.mark.parametrize(
    "head",
    [
        b"time\n10:00\n11:00\n",
        b"10:00\n11:30\n12:45\n",
        b"hh:mm\n10:00\n11:00\n",
        b"url\nhttps://a.example/b\nhttp://b.example/c\n",
        b"https://a.example/b\nhttp://b.example/c\n",
        b"00:1b:44:11:3a:b7\n00:1b:44:11:3a:b8\n",
        b"range\n5~6\n7~8\n",
        b"note: text\nseen: Ada\nheard: Bob\n",
    ],
)
def test_values_with_a_rare_delimiter_in_them_stay_one_column(head: bytes) -> None:
    assert (examine(head).doubt, examine(head).dialect.delimiter) == ("", ",")


@pytest.mark.parametrize("mark", [b",", b";", b"\t", b"|"])
def test_stray_quotes_far_apart_are_a_question(mark: bytes) -> None:
    head = b'id,note\n1,a\n2,"starts\n3,b\n4,c\n5,ends 12"\n6,d\n'.replace(b",", mark)
    doubt, found = readings(head)
    assert "opens on line 3" in doubt
    assert [quote for _, quote, *_ in found[:2]] == ['"', ""]
    assert not readings(head.replace(b"3" + mark, b"3 ").replace(b"4" + mark, b"4 "))[0]  # a text of several lines
    assert not examine(head, pinned=Pinned(quote="")).doubt


def test_a_text_of_several_lines_is_no_question() -> None:
    assert not examine(b'id,note\n1,"Dear Ada,\nthe letter, of May,\nbye"\n2,"a\nb"\n').doubt
    assert not examine(b'id,note\n1,"one, two\nthree, four"\n2,x\n').doubt


def test_cells_at_the_end_without_a_name_or_a_value_are_no_columns() -> None:
    assert examine(b"id,name,,\n1,Ada,,\n2,Bob,,\n").dialect.trailing == 2
    assert examine(b"id,name,\n1,Ada,x\n2,Bob,\n").dialect.trailing == 0
    assert examine(b"id,name,\n1,Ada,\n", known=("id", "name", "\x1f3")).dialect.trailing == 0
    assert examine(b"id;name\n" + b"1;Ada;\n" * 9 + b"2;Bob;x\n").dialect.trailing == 1


def test_each_record_one_cell_longer_than_its_header_is_a_question() -> None:
    head = b"x;y\na;1;2\nb;3;4\n"
    doubt, _ = readings(head)
    assert doubt == "The header has 2 cells, every record 3."
    found = offers(head, examine(head).dialects)
    assert [one.header for one in found[:3]] == [("", "x", "y"), ("x", "y", ""), ("x", "y")]
    assert not readings(head, known=("\x1f1", "x", "y"))[0]
    assert not readings(head, known=("x", "y", "\x1f3"))[0]


def test_a_line_end_in_quotes_at_the_end_of_each_record_is_a_cell(shared: Connection) -> None:
    content = b'x;y\n"1";"2";"\n"\n"3";"4";"\n"\n'
    assert [one.unnamed for one in examine(content).dialects[:2]] == [True, False]
    clear(shared)
    told = chosen(shared, content)
    assert isinstance(told, Outcome), told
    assert [column.name for column in told.columns] == ["x", "y", "column_3"]
    assert (told.inserted, told.rejected) == (2, 0)
    assert examine(content, known=tuple(told.headers)).dialect.unnamed
    assert not examine(content, known=tuple(told.headers)).doubt


@pytest.mark.parametrize("has_header", [None, False])
@pytest.mark.parametrize("delimiter", [None, ","])
@pytest.mark.parametrize(
    ("head", "lines"),
    [
        (b'id,"a\nnote"\n1,x\n2,y\n', 0),
        (b'a title\nid,"a\nnote"\n1,x\n2,y\n', 1),
        (b'a title\nof two lines\nid,"a\nnote"\n1,x\n', 2),
        (b"a title\nid, and\n1,x\n2,y\n", 2),
    ],
)
def test_a_known_header_is_found_among_the_lines_that_are_pinned_to_be_above_it(
    head: bytes, lines: int, delimiter: str | None, has_header: bool | None
) -> None:
    pinned = Pinned(preamble=2, delimiter=delimiter, has_header=has_header)
    found = examine(head, pinned=pinned, known=("id", "a\nnote"))
    assert (found.doubt, found.dialect.preamble) == ("", lines)
    assert found.dialect.has_header == (b"note" in head)


@pytest.mark.parametrize("head", [b'"x"y\n1\n2\n', b'"x"y,b\n1,2\n3,4\n', b'a,b"\n'])
def test_nothing_is_asked_of_a_header_that_cannot_be_read(head: bytes) -> None:
    assert not examine(head).doubt


@pytest.mark.parametrize("head", [b",,,\n,,,\n", b";;\n", b"\t\t\n\n\t\n", b" | |\n"])
def test_rows_of_nothing_but_delimiters_are_no_column_of_another_delimiter(head: bytes) -> None:
    found = examine(head)
    assert not found.doubt
    assert found.dialect.delimiter.encode() in head


def test_a_reading_is_told_in_a_few_words() -> None:
    told = describe(examine(b"Report\nid; name\n1; Ada\n2; Bob\n").dialect)
    assert told == "semicolon between the cells; header on line 2; a space after each delimiter belongs to it"


# On the table


def load(connection: Connection, content: bytes, **told: object) -> Outcome | RunFailed:
    return load_bytes(connection, content, Target(table="t", run_id=1, **told))  # type: ignore[arg-type]


def many(record: bytes, header: bytes = b"id,note\n") -> bytes:
    rows, number = [header], 0
    size = 0
    while size < MANY:
        number += 1
        rows.append(record % number)
        size += len(rows[-1])
    return b"".join(rows)


@pytest.mark.parametrize("mode", [Mode.UPSERT, Mode.SNAPSHOT])
def test_stray_quotes_deep_in_a_large_file_are_a_question(shared: Connection, mode: Mode) -> None:
    clear(shared)
    content = many(b"%d,some words of a note that make it long enough to be many bytes\n")
    assert isinstance(load(shared, content, mode=mode), Outcome)
    stray = content + b'9000001,"starts\n9000002,b\n9000003,ends 12"\n'
    told = load(shared, stray, mode=mode)
    assert isinstance(told, RunUnclear)
    assert [one["dialect"]["quote"] for one in told.question] == ['"', ""]
    assert "starts\n9000002,b" in str(told.question[0]["rows"]) or told.question[0]["rows"] == []
    found = read_table(shared, "t")
    assert found is not None
    assert len(found.rows) == content.count(b"\n") - 1


def test_what_is_no_record_of_a_large_file_is_told(shared: Connection) -> None:
    clear(shared)
    content = many(b"%d,words\n") + b",\n , \nid,note\n" + "\ufeffid,note\n".encode() + b"9000001,last\n\x1a"
    told = load(shared, content)
    assert isinstance(told, Outcome), told
    assert told.records == content.count(b"\n") - 5
    assert "2 rows of blank cells are no records." in told.notes
    assert "2 records that repeat the header are left out." in told.notes
    assert not told.rejected


def chosen(connection: Connection, content: bytes, reading: int = 0) -> Outcome | RunFailed:
    """Load ``content`` as somebody chooses."""
    dialect = examine(content, whole=True).dialects[reading]
    return load_bytes(connection, content, Target(table="t", run_id=1), dialect=dialect)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_one_of_two_tables_is_loaded_and_the_lines_of_the_other_are_told(shared: Connection, end: bytes) -> None:
    content = (ONE + b"\n" + OTHER).replace(b"\n", end)
    clear(shared)
    told = chosen(shared, content)
    assert isinstance(told, Outcome), told
    assert (told.inserted, told.rejected) == (20, 0)
    assert told.notes == ("16 lines after line 22 left out, as chosen: they belong to another table.",)
    clear(shared)
    told = chosen(shared, content, 1)
    assert isinstance(told, Outcome), told
    assert [column.name for column in told.columns] == ["code", "day", "sold"]
    assert (told.inserted, told.rejected) == (15, 0)


def test_a_value_deep_below_a_column_without_a_name_is_rejected(shared: Connection) -> None:
    clear(shared)
    content = many(b"%d,words,\n", b"id,note,\n")
    told = load(shared, content + b"9000001,last,x\n9000002,short\n")
    assert isinstance(told, Outcome), told
    assert [(reject.raw, str(reject.code)) for reject in told.rejects] == [(b"9000001,last,x", "extra_columns")]
    assert told.inserted == content.count(b"\n")


@pytest.mark.parametrize(("mode", "large"), [(Mode.UPSERT, False), (Mode.SNAPSHOT, False), (Mode.SNAPSHOT, True)])
def test_a_row_like_its_header_comes_back_from_an_export(shared: Connection, mode: Mode, large: bool) -> None:
    clear(shared)
    content = many(b"k%d,words\n") if large else b"id,note\nk1,words\n"
    first = load(shared, content)
    assert isinstance(first, Outcome), first
    with shared.cursor() as cursor:
        cursor.execute("insert into datasets.t (id, note, processed_at, run_id) values ('id', 'note', now(), 1)")
    shared.commit()
    told = load(shared, content + b"id,note\n", mode=mode, headers=first.headers, identities=first.identities)
    assert isinstance(told, Outcome), told
    assert (told.unchanged, told.records, told.deleted) == (first.records + 1, first.records + 1, 0)


def test_quotes_are_asked_about_before_a_file_is_given_up(shared: Connection) -> None:
    clear(shared)
    stray = b'1,"starts\n2,b\n3,ends 12"\n'
    good, bad = (b"".join(record % n for n in range(40_000)) for record in (b"%d,words\n", b"%d,a,b\n"))
    content = b"id,note\n" + good + stray + bad
    told = load(shared, content)
    assert isinstance(told, RunUnclear)
    assert "opens on line 40,002" in str(told)
    assert not isinstance(load(shared, content.replace(stray, b"")), RunUnclear)


def test_a_delimiter_at_the_end_of_a_large_file_is_dropped(shared: Connection) -> None:
    clear(shared)
    content = many(b"%d;words;\n", b"id;note\n") + b"9000001;last;x\n9000002;short\n"
    told = load(shared, content)
    assert isinstance(told, Outcome), told
    assert (told.inserted, told.rejected) == (content.count(b"\n") - 2, 1)
    assert [reject.raw for reject in told.rejects] == [b"9000001;last;x"]
    assert [column.name for column in told.columns] == ["id", "note"]


@pytest.mark.parametrize("between", [b"", b"\n", b",,\n"])
@pytest.mark.parametrize("records", [1, 2, 30])
def test_lines_of_one_cell_less_than_the_table_above_a_certain_header_are_skipped(between, records):
    rows = b"".join(b"%d,N%d,%d\n" % (number, number, number * 2) for number in range(records))
    found = examine(b"Account,12345\nDate,2026-05-01\n" + between + b"id,name,amount\n" + rows)
    assert (found.dialect.preamble, found.doubt) == (2 + bool(between), "")


@pytest.mark.parametrize("line", [b"Account,12345\n", b"Account,main\nOwner,Ann\n"])
def test_whether_such_lines_are_skipped_is_asked_where_they_could_be_the_header(line):
    found = examine(line + b"id,name,amount\n1,Ann,2\n2,Bob,3\n")
    assert found.doubt
    assert {offered.preamble for offered in found.dialects} == {0, line.count(b"\n")}


@pytest.mark.parametrize("line", [b"Report, May 2026\n", b"Station,Upper lake\n", b"Prepared for,The board\n"])
def test_a_line_as_wide_as_the_table_above_a_certain_header_is_asked_about(line):
    found = examine(line + b"id,amount\n" + b"".join(b"%d,%d.5\n" % (number, number) for number in range(12)))
    assert "may be the line 2 of the table" in found.doubt
    assert [offered.preamble for offered in found.dialects] == [1, 0]
