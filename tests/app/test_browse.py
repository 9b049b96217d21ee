"""Browse: any table of any shape, whatever the address says; read-only by the database, and never for long."""

import re
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qsl, urlencode

import pytest
from django.contrib.auth.models import Group
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import browsing
from ingest.browsing import reading, searching
from ingest.browsing.state import LAST_BY_COUNTING, State
from ingest.models import Dataset
from tests.app.conftest import Door, rows
from tests.app.pages import browse, execute, slow_down, staff

PEOPLE = [
    "id bigint primary key, email text unique, name text, country text, amount numeric, born date, seen timestamptz,"
    " adult boolean, told json",
    "(1, 'ann@x.de', 'Ann', 'DE', 10.50, '2000-01-02', '2024-05-01 00:00Z', true, '{\"a\": 1}')",
    "(2, 'bob@x.fr', 'Bob 100%_', 'FR', -3, null, '2024-05-01 23:59:59Z', false, null)",
    "(3, null, '', 'DE', 'NaN', '1999-12-31', '2024-05-02Z', true, '[]')",
    "(4, null, null, null, null, null, null, null, null)",
]


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
def make(clean_tables: None):
    """Tables as anybody might make them, each with its dataset."""

    def made(name: str, columns: str, *values: str, select: str = "") -> Dataset:
        quoted = quote(name)
        execute(f"create table datasets.{quoted} ({columns})")
        if values or select:
            execute(f"insert into datasets.{quoted} " + (select or "values " + ", ".join(values)))
        return Dataset.objects.create(name=name, identities=[["id"]])

    return made


@pytest.fixture
def people(make, client) -> Dataset:
    """Four people, and somebody who may look at them."""
    staff(client, "view_dataset")
    return make("people", *PEOPLE)


@pytest.fixture
def many(make, client) -> Dataset:
    """12,000 rows: three of each n, which is NULL in every seventh."""
    staff(client, "view_dataset")
    numbers = (
        "select i, nullif(i / 3, case when i % 7 = 0 then i / 3 end), 'row ' || i from generate_series(1, 12000) i"
    )
    dataset = make("many", "id bigint primary key, n bigint, name text", select=numbers)
    execute("analyze datasets.many")
    return dataset


def ids(shown: browsing.Shown) -> list[int]:
    """The first column, as numbers."""
    return [int(row.cells[0] or 0) for row in shown.rows]


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_the_rows_are_shown_in_the_order_of_their_key_and_null_unlike_the_empty_string(client, people):
    shown = browse(client, people)
    assert (ids(shown), shown.total.sentence, shown.complaints, shown.next) == ([1, 2, 3, 4], "4 rows", [], None)
    page = client.get(f"/admin/ingest/dataset/{people.pk}/browse/").content.decode()
    for cell in (
        '<td class="number">10.50</td>',
        '<td class="null">empty</td>',
        '<td class="number null">NULL</td>',
        '<td class="time">2024-05-01 23:59:59Z</td>',
        "<td>[]</td>",
    ):
        assert cell in page


FILTERS = {
    "is.country=DE": [1, 3],
    "is.country=DE&is.country=FR": [1, 2, 3],
    "is.country=DE&is.adult=true&to.born=2000-01-01": [3],
    "has.name=%25_": [2],
    "has.name=BOB": [2],
    "has.name=\\": [],
    "starts.email=ann@": [1],
    "empty.name=": [3, 4],
    "null.name=": [4],
    "filled.name=": [1, 2],
    "is.name=": [3],
    "from.amount=0&to.amount=11": [1],
    "is.amount=-3.00": [2],
    "is.amount=NaN": [3],
    "filled.born=": [1, 3],
    "from.born=2000-01-01": [1],
    "is.seen=2024-05-01": [1, 2],
    "to.seen=2024-05-01": [1, 2],
    "to.seen=2024-05-01 00:00": [1],
    "from.seen=2024-05-02": [3],
    "is.adult=f": [2],
    'has.told="a"': [1],
    "null.told=": [2, 4],
}


def test_each_filter_finds_its_rows_and_is_a_chip_that_can_be_removed(client, people):
    for query, expected in FILTERS.items():
        shown = browse(client, people, f"?{query}")
        assert (ids(shown), shown.complaints) == (expected, []), query
        assert shown.total.rows == len(expected), query
        page = client.get(f"/admin/ingest/dataset/{people.pk}/browse/?{query}").content.decode()
        chips = re.findall(r'<a href="([^"]*)" aria-label="Remove', page)
        assert len(chips) == query.count("&") + 1
        left = browse(client, people, unescape(chips[0]))
        assert len(left.state.filters) == len(chips) - 1


NONSENSE = {
    "is.amount=abc": "“abc” is not a valid numeric: the filter on amount was left out.",
    "from.born=31.12.1999": "is not a valid date",
    "is.id=1.5": "is not a valid bigint",
    "is.id=99999999999999999999": "is not a valid bigint",
    "is.absent=1": "no column “absent”",
    "has.id=1": "“id” (bigint) can&#x27;t be asked for “contains”",
    "is.told=1": "can&#x27;t be asked",
    "sort=told": "has no order",
    "desc=absent": "no column",
    "page=0": "There is no page “0”",
    "page=-1": "There is no page",
    "page=9e9": "There is no page",
    "after=AAAA": "Where the page begins",
    "after=WyJhIl0": "Where the page begins",
    "q=%00": "can&#x27;t be read",
    "is.name=%00": "can&#x27;t be read",
    "column=absent": "no column",
    "x=1": "doesn&#x27;t know what “x” is",
}


def test_what_makes_no_sense_in_the_address_is_told_and_left_out(client, people):
    for query, sentence in NONSENSE.items():
        response = client.get(f"/admin/ingest/dataset/{people.pk}/browse/?{query}")
        assert response.status_code == 200
        assert sentence in response.content.decode(), query
        assert ids(response.context["shown"]) == [1, 2, 3, 4], query


def test_a_filter_from_the_form_becomes_a_part_of_the_address(client, people):
    told = {"q": "x.de", "page": 3, "filter-column": "born", "filter-operator": "from", "filter-value": "2000-01-01"}
    response = client.get(f"/admin/ingest/dataset/{people.pk}/browse/", told)
    assert (response.status_code, response.headers["Location"]) == (302, "?q=x.de&from.born=2000-01-01")
    response = client.get(f"/admin/ingest/dataset/{people.pk}/browse/?for=born")
    assert b'<option value="from">' in response.content
    assert b'<option value="has">' not in response.content


def test_a_search_asks_the_indexes_first_and_says_where_it_looked(client, people):
    shown = browse(client, people, "?q=2")
    assert (ids(shown), shown.by_index) == ([2], True)
    assert shown.searched == "Found as a whole value of id or email, by index."
    assert ids(browse(client, people, "?q=ann@x.de")) == [1]
    shown = browse(client, people, "?q=B")
    assert (ids(shown), shown.searched) == ([2], "Searched in email, name and country.")
    assert ids(browse(client, people, "?q=2&through=1")) == []
    assert browse(client, people, "?q=B&column=id").searched == "None of the columns shown is a text to search."


def test_of_a_large_table_only_the_first_rows_are_looked_through_and_the_page_says_so(client, many, monkeypatch):
    monkeypatch.setattr(searching, "_CELLS_SEARCHED", 100)
    shown = browse(client, many, "?q=row 9")
    assert shown.searched == "Searched in name, in the order of id."
    assert ids(shown) == [9, *range(90, 100)]
    page = client.get(f"/admin/ingest/dataset/{many.pk}/browse/?q=row 9").content.decode()
    assert "11 rows found in the first 100 of about 12,000 rows" in page
    assert "Search the remaining rows</a>" in page
    shown = browse(client, many, "?q=row 9&from.id=9000&desc=n")
    assert shown.window.rows == "the first 100 rows that pass the filters"
    assert len(shown.rows) == 50
    assert shown.total.rows == 100


def followed(client, dataset: Dataset, query: str) -> list[browsing.Shown]:
    """The page, and those that its link goes on to, until there is no more."""
    pages = [browse(client, dataset, query)]
    while pages[-1].window.next and len(pages) < 50:
        pages.append(browse(client, dataset, pages[-1].window.next.query()))
    return pages


def test_a_row_beyond_the_limit_is_never_said_not_to_be_there_and_is_found_by_going_on(client, many, monkeypatch):
    monkeypatch.setattr(searching, "_CELLS_SEARCHED", 1_000)
    address = f"/admin/ingest/dataset/{many.pk}/browse/"
    page = client.get(f"{address}?q=row 11777").content.decode()
    assert "Searched the first 1,000 of about 12,000 rows; nothing found so far." in page
    assert "No matching rows" not in page
    (link,) = re.findall(r'<a href="([^"]*)" class="button primary">Search all rows</a>', page)
    shown = browse(client, many, unescape(link))
    assert (ids(shown), shown.complaints) == ([11_777], [])
    page = client.get(f"{address}{unescape(link)}").content.decode()
    assert "1 row found in rows 11,001 to 12,000 of about 12,000" in page
    assert "Nothing was found in rows 1,001 to 11,000." in page


def test_a_search_goes_on_so_many_steps_at_a_time_and_says_how_far_it_came(client, many, monkeypatch):
    monkeypatch.setattr(searching, "_CELLS_SEARCHED", 1_000)
    monkeypatch.setattr(searching, "MOST_STEPS", 4)
    pages = followed(client, many, "?q=nobody")
    assert [page.window.all_rows for page in pages] == [
        "the first 1,000 of about 12,000 rows",
        "rows 1,001 to 5,000 of about 12,000",
        "rows 5,001 to 9,000 of about 12,000",
        "the rows after the first 9,000",
    ]
    address = f"/admin/ingest/dataset/{many.pk}/browse/"
    page = client.get(f"{address}{pages[1].state.query()}").content.decode()
    assert "Searched rows 1,001 to 5,000 of about 12,000; nothing found so far." in page
    assert "Continue searching</a>" in page
    page = client.get(f"{address}{pages[-1].state.query()}").content.decode()
    assert "Searched the rows after the first 9,000, to the end; nothing found." in page
    assert "0 rows found in the rows after the first 9,000 ·" in page
    assert "No matching rows" not in page


def test_a_search_stops_in_time_and_says_how_far_it_came(client, many, monkeypatch):
    monkeypatch.setattr(searching, "_CELLS_SEARCHED", 1_000)
    monkeypatch.setattr(searching, "SECONDS", -1)
    assert [page.window.past for page in followed(client, many, "?q=nobody")] == list(range(0, 12_001, 1_000))


@pytest.mark.parametrize(
    ("most", "filters"),
    [
        (700, ""),
        (11_999, ""),
        (12_000, ""),
        (12_001, ""),
        (999, "&from.id=6001"),
        (5_000, "&desc=n"),
        (700, "&sort=name"),
    ],
)
def test_all_that_matches_is_found_once_whatever_the_steps_are(client, many, monkeypatch, most, filters):
    monkeypatch.setattr(searching, "_CELLS_SEARCHED", most)
    pages = followed(client, many, f"?q=row 1177{filters}")
    expected = rows(f"select id from many where name like '%row 1177%' and id >= {6001 if 'from' in filters else 0}")
    assert sorted(number for page in pages for number in ids(page)) == sorted(number for (number,) in expected)


@pytest.mark.parametrize(
    "columns",
    ["a text", "a text primary key", "a text, b int default 1, primary key (b, a)", "b int, a text unique not null"],
)
def test_so_is_all_of_a_table_without_a_key_or_with_one_of_several_columns(client, make, monkeypatch, columns):
    staff(client, "view_dataset")
    dataset = make("loose", columns)
    execute("insert into datasets.loose (a) select 'row ' || i from generate_series(1, 300) i")
    monkeypatch.setattr(searching, "_CELLS_SEARCHED", 40)
    pages = followed(client, dataset, "?q=ow 29")
    found = [cell for page in pages for row in page.rows for cell in row.cells if str(cell).startswith("row")]
    assert sorted(found) == sorted(["row 29", *(f"row 29{at}" for at in range(10))])


def test_pages_within_a_step_stay_within_it(client, many, monkeypatch):
    monkeypatch.setattr(searching, "_CELLS_SEARCHED", 1_000)
    begun = browse(client, many, "?q=row").window.next.query()
    second = browse(client, many, begun)
    assert ids(second) == list(range(1_001, 1_051))
    assert second.total.sentence == "1,000 rows"
    third = browse(client, many, second.next.query())
    assert ids(third) == list(range(1_051, 1_101))
    page = client.get(f"/admin/ingest/dataset/{many.pk}/browse/{begun}&page=900").content.decode()
    assert "This page has no rows." in page
    assert ids(browse(client, many, f"{begun}&desc=id"))[0] == 2_000


@pytest.mark.parametrize(
    "since", ["AAAA", "WyJhIl0", "WyJhIiwiYiJd", "W251bGxd", "WzFd", "WyIxIl0&past=x", "WyIxIl0&past=-1"]
)
def test_a_place_to_go_on_from_that_makes_no_sense_is_told(client, people, since):
    shown = browse(client, people, f"?q=B&since={since}")
    assert (ids(shown), shown.complaints) == (
        [2],
        ["The position where this search continues is invalid; these are the first rows."],
    )


def test_an_export_of_a_search_has_what_lies_beyond_the_limit(client, many, monkeypatch):
    monkeypatch.setattr(searching, "_CELLS_SEARCHED", 1_000)
    address = f"/admin/ingest/dataset/{many.pk}/browse/"
    page = client.get(f"{address}?q=row 1177").content.decode()
    assert "all rows that match, including those not searched yet" in page
    told = b"".join(client.post(f"{address}export/", {"format": "csv", "q": "row 1177"})).decode()
    assert len(told.splitlines()) == 12


def test_whole_values_are_found_by_the_indexes_first_in_any_case_where_one_holds_that(client, make, monkeypatch):
    staff(client, "view_dataset")
    monkeypatch.setattr(searching, "_CELLS_SEARCHED", 3)
    dataset = make(
        "typed",
        "id bigint primary key, u uuid unique, email text, v varchar(40), plain text",
        "(1, '00000000-0000-0000-0000-000000000001', 'a@x.org', 'V', 'p')",
        "(7, '00000000-0000-0000-0000-00000000000a', 'Ann@X.org', 'Word', 'Plain')",
    )
    execute("create index on datasets.typed (lower(email)); create index on datasets.typed (lower(v))")
    execute("create index on datasets.typed (plain)")
    for typed in (" 007 ", "00000000-0000-0000-0000-00000000000A", "ann@x.ORG", "WORD", "Plain"):
        shown = browse(client, dataset, f"?{urlencode({'q': typed})}")
        assert (ids(shown), shown.by_index) == ([7], True), typed
    assert shown.searched == "Found as a whole value of plain, email or v, by index."
    shown = browse(client, dataset, "?q=plain")
    assert (ids(shown), shown.by_index, bool(shown.window.next)) == ([], False, True), "no index holds it in any case"


def test_text_columns_that_are_not_shown_are_said_not_to_be_searched(client, people):
    page = client.get(f"/admin/ingest/dataset/{people.pk}/browse/?q=Bob&column=id&column=country").content.decode()
    assert "2 text columns that aren’t shown weren’t searched." in page
    assert "No matching rows in the columns shown." in page


def test_values_beyond_those_listed_are_told(client, make):
    staff(client, "view_dataset")
    dataset = make(
        "coded", "id bigint primary key, code text", select="select i, i % 20 from generate_series(1, 200) i"
    )
    page = client.get(f"/admin/ingest/dataset/{dataset.pk}/browse/?is.code=1&is.code=2").content.decode()
    assert "More values are not shown." not in page
    address = "&".join(f"is.code={at}" for at in range(12))
    assert (
        "More values are not shown."
        in client.get(f"/admin/ingest/dataset/{dataset.pk}/browse/?{address}").content.decode()
    )


def test_values_of_columns_with_few_are_offered_with_their_counts(client, people):
    offered = {
        column.name: [(choice.filter.value, choice.rows) for choice in choices]
        for column, choices in browse(client, people).facets.of
    }
    assert offered["adult"] == [("true", 2), ("false", 1), ("", 1)]
    assert offered["country"] == [("DE", 2), ("FR", 1), ("", 1)]
    assert not {"id", "email", "told"} & set(offered), "all differ, or have no order"
    facets = browse(client, people, "?is.country=DE").facets
    assert [(choice.chosen, choice.rows) for choice in {c.name: f for c, f in facets.of}["country"]] == [(True, 2)]


def test_of_a_large_table_counts_are_estimates_and_told_as_such(client, make):
    staff(client, "view_dataset")
    dataset = make("big", "id bigint primary key, half text", select="select i, i % 2 from generate_series(1, 20000) i")
    execute("analyze datasets.big")
    shown = browse(client, dataset)
    assert shown.total.sentence == "about 20,000 rows"
    ((column, choices),) = shown.facets.of
    assert (column.name, shown.facets.estimated) == ("half", True)
    assert sorted(choice.filter.value for choice in choices) == ["0", "1"]
    assert all(9_000 < choice.rows < 11_000 for choice in choices)
    shown = browse(client, dataset, "?from.id=2")
    assert (shown.total.sentence, shown.facets.of_first) == ("more than 10,000 rows", 10_000)
    assert browse(client, dataset, "?to.id=10000").total.sentence == "10,000 rows"


# -- order and pages ---------------------------------------------------------------------------------------------------


def walk(dataset: Dataset, query: str, *, back: bool = False) -> list[int]:
    """All rows, page by page, as the links of the pages lead."""
    found: list[int] = []
    while True:
        shown = browsing.show(dataset.name, parse_qsl(query, keep_blank_values=True))
        assert not shown.complaints
        found = ids(shown) + found if back else found + ids(shown)
        beside = shown.previous if back else shown.next
        if beside is None:
            return found
        query = beside.query()[1:]


@pytest.mark.parametrize("order", ["", "sort=n", "desc=n", "desc=id", "sort=name"])
def test_pages_one_after_the_other_show_each_row_once_in_order_there_and_back(client, many, order, monkeypatch):
    monkeypatch.setattr(reading, "LAST_BY_COUNTING", 2)
    monkeypatch.setattr(reading, "ROWS", 1_000)
    name, way = order.partition("=")[2] or "id", "desc" if order.startswith("desc") else "asc"
    expected = [number for (number,) in rows(f"select id from many order by {name} {way}, id {way}")]
    assert walk(many, order) == expected
    assert walk(many, f"{order}&page=12") == expected[11_000:]
    assert walk(many, f"{order}&page=12", back=True) == expected


def test_late_pages_are_found_by_where_the_one_before_ended(client, many):
    early, late = browse(client, many, f"?page={LAST_BY_COUNTING - 1}"), browse(client, many, "?page=100")
    assert (early.next.after, early.next.page) == ((), 100)
    assert (late.next.after, late.next.page) == (("5000",), 101)
    beyond = browse(client, many, late.next.query())
    assert ids(beyond)[:2] == [5001, 5002]
    assert beyond.previous.page == 100
    assert ids(browse(client, many, "?page=241")) == []


def test_a_table_without_a_key_is_shown_as_it_lies_and_each_row_can_be_opened(client, make):
    staff(client, "view_dataset")
    dataset = make("loose", "a text", select="select i from generate_series(1, 120) i")
    assert walk(dataset, "") == list(range(1, 121))
    assert walk(dataset, "desc=a") == sorted(range(1, 121), key=str, reverse=True)
    page = client.get(f"/admin/ingest/dataset/{dataset.pk}/browse/?page=2").content.decode()
    link = unescape(re.findall(r'href="([^"]*/row/[^"]*)"', page)[0])
    assert "51" in client.get(link).content.decode()


def test_partitions_without_a_key_are_one_table(client, make):
    staff(client, "view_dataset")
    execute("create table datasets.parts (a bigint) partition by range (a)")
    execute("create table datasets.low partition of datasets.parts for values from (0) to (100)")
    execute("create table datasets.high partition of datasets.parts for values from (100) to (200)")
    execute("insert into datasets.parts select generate_series(60, 139)")
    dataset = Dataset.objects.create(name="parts")
    assert sorted(walk(dataset, "")) == list(range(60, 140))


# -- tables of any shape -----------------------------------------------------------------------------------------------


def test_a_table_of_1600_columns_shows_its_first_ones_and_those_chosen(client, make):
    staff(client, "view_dataset")
    dataset = make("wide", ", ".join(f"c{at} text" for at in range(1, 1_601)))
    execute("insert into datasets.wide (c1, c1600) values ('first', 'last')")
    shown = browse(client, dataset)
    assert [column.name for column in shown.columns][-1] == "c30"
    shown = browse(client, dataset, "?column=c1600&column=c1&q=LAST")
    assert [row.cells for row in shown.rows] == [("last", "first")]


def test_any_number_of_columns_can_be_chosen_and_the_address_stays_short(client, make):
    staff(client, "view_dataset")
    names = [f"{'long ' * 10}{at}" for at in range(1, 1_591)]
    dataset = make("wide", ", ".join(f"{quote(name)} text" for name in names))
    address = f"/admin/ingest/dataset/{dataset.pk}/browse/"
    assert client.get(address).content.count(b'type="checkbox" name="column"') == 1_590
    answer = client.post(address, {"column": names})
    assert (answer.status_code, answer.headers["Location"]) == (302, "?columns=1-200")
    page = client.get(f"{address}{answer.headers['Location']}")
    assert "At most 200 columns are shown at a time: the first 200 of 1,590." in unescape(page.content.decode())
    assert [column.name for column in page.context["shown"].columns] == names[:200]
    answer = client.post(address, {"column": names[1::8], "q": "x", f"is.{names[3]}": "y"})
    assert len(answer.headers["Location"]) < 2_000
    shown = browse(client, dataset, answer.headers["Location"])
    assert ([column.name for column in shown.columns], shown.state.q) == (names[1::8], "x")
    assert client.post(f"{address}export/", {"format": "csv", "columns": "1-1590"}).status_code == 302, "more than 200"
    told = b"".join(client.post(f"{address}export/", {"format": "csv", "columns": "1-200", "all": "1"})).decode()
    assert told.count("long 1590") == 1
    answer = client.get(address, {"column": names})
    assert answer.context["shown"].complaints == ["At most 200 columns are shown at a time: the first 200 of 1,590."]


@pytest.mark.parametrize("told", ["", "x", "0", "1-", "5-1", "1-99999", "1,,2", "1-1600", "3", "٣"])
def test_numbers_of_columns_that_make_no_sense_are_told(client, make, told):
    staff(client, "view_dataset")
    dataset = make("few", "a text, b text, c text")
    execute("alter table datasets.few drop column c")
    shown = browse(client, dataset, f"?{urlencode({'columns': told})}")
    assert [column.name for column in shown.columns] == ["a", "b"]
    assert shown.complaints == ["Some columns that the address names aren't in the table any more: left out."]


def test_a_form_with_too_many_fields_is_a_sentence_in_the_look_of_the_site(client, people):
    address = f"/admin/ingest/dataset/{people.pk}/browse/"
    many = {"column": ["id"] * 2_600}
    for answer in (client.post(address, many), client.get(address, many), client.post("/admin/ingest/run/", many)):
        page = answer.content.decode()
        assert answer.status_code == 400
        assert "This form has more than 2,500 fields, the most that the site accepts. Select fewer at a time." in page
        assert "ingest/site.css" in page
    answer = client.post(address, {"x": "y" * 3_000_000}, content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, "more than 2.5 MiB" in answer.content.decode()) == (400, True)


ODD_NAMES = ['a"b', "it's", "😀", "עברית", "per%cent", "a.b", "=x", "is.a", "q", "%s", "{x}", "-n", "Ab C", "page"]


def test_columns_may_have_any_name(client, make):
    staff(client, "view_dataset")
    dataset = make(
        'odd "name" %s', ", ".join(["id bigint primary key", *(f"{quote(name)} text" for name in ODD_NAMES)])
    )
    execute('insert into datasets."odd ""name"" %s" values (1' + ", 'x'" * len(ODD_NAMES) + ")")
    for name in ODD_NAMES:
        shown = browse(client, dataset, f"?{urlencode({f'is.{name}': 'x', 'sort': name})}")
        assert (ids(shown), shown.complaints, shown.state.sort) == ([1], [], name)
        assert not browse(client, dataset, f"?{urlencode({f'is.{name}': 'y'})}").rows


ODD_VALUES = {
    "date": ["infinity", "0044-03-15 BC", "5874897-12-31"],
    "timestamptz": ["-infinity", "4713-01-01 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00"],
    "numeric": ["NaN", "Infinity", "1" + "0" * 2_000],
    "bytea": [r"\x00ff"],
    "int[]": ["{1,NULL}"],
    "jsonb": ['{"a": "<script>"}'],
    "interval": ["-1 years +2 mons"],
    "inet": ["10.0.0.0/8"],
    "point": ["(1,2)"],
    "money": ["-$5.00"],
    "bit(3)": ["101"],
    "varchar(3)": ["abc"],
    "char(5)": ["ab"],
    "tsvector": ["'a' 'b'"],
    "text": ["<script>alert(1)</script>", "a\u202eb\x07\r\n", "x" * 3_000_000],
}


def test_values_of_any_type_are_shown_sorted_and_filtered(client, make):
    staff(client, "view_dataset")
    for at, (kind, values) in enumerate(ODD_VALUES.items()):
        dataset = make(f"odd_{at}", f"id bigint primary key, v {kind}")
        with connection.cursor() as cursor:
            for number, value in enumerate(values):
                cursor.execute(f"insert into datasets.odd_{at} values (%s, %s)", [number, value])
        shown = browse(client, dataset)
        assert len(shown.rows) == len(values), kind
        column = shown.table.by_name["v"]
        for operator in browsing.OPERATORS[column.kind]:
            asked = urlencode({f"{operator}.v": values[0], "desc": "v"})
            if len(asked) < 1_000:
                assert browse(client, dataset, f"?{asked}").complaints == (
                    [] if column.sortable else [f"“v” ({column.type}) has no order: not sorted by it."]
                ), (kind, operator)
        page = client.get(f"/admin/ingest/dataset/{dataset.pk}/browse/").content
        assert b"<script>alert" not in page
        assert len(page) < 100_000
        assert client.get(f"/admin/ingest/dataset/{dataset.pk}/browse/row/?key.id=0").status_code == 200


def test_a_table_without_rows_or_columns_or_none_at_all_is_a_sentence(client, make):
    staff(client, "view_dataset")
    empty = client.get(f"/admin/ingest/dataset/{make('empty', 'id bigint primary key').pk}/browse/")
    assert b"The table is empty." in empty.content
    dataset = Dataset.objects.create(name="none_yet")
    address = f"/admin/ingest/dataset/{dataset.pk}/browse/"
    for statement, told in (
        ("select 1", "There is no table none_yet yet, or no longer"),
        ("create table datasets.none_yet ()", "has no columns"),
        ("drop table datasets.none_yet; create view datasets.none_yet as select 1 a", "isn&#x27;t a table"),
    ):
        execute(statement)
        for end in ("", "row/?key.id=1"):
            assert told in client.get(f"{address}{end}").content.decode()
        page = client.post(f"{address}export/", {"format": "csv"}, follow=True)
        assert told in page.content.decode()


def test_a_table_that_changes_under_the_page_is_a_sentence(client, people, monkeypatch):
    read = reading.read
    monkeypatch.setattr(reading, "read", lambda cursor, name: _elsewhere(read(cursor, name)))
    response = client.get(f"/admin/ingest/dataset/{people.pk}/browse/?sort=gone")
    assert "A column no longer exists or has changed. Reload the page." in response.content.decode()


def _elsewhere(table):
    """The table as if it had one more column when it was read."""
    extra = replace(table.columns[2], name="gone")
    return replace(table, columns=(*table.columns, extra), by_name={})


# -- nothing is written, nobody waits ----------------------------------------------------------------------------------


def test_the_database_itself_refuses_to_write(people):
    with pytest.raises(browsing.BrowseError, match="which isn't allowed here"), reading.reading("people") as cursor:
        cursor.execute("delete from datasets.people")
    assert rows("select count(*) from people") == [(4,)]
    execute("delete from datasets.people where id = 4")  # the session can write again
    assert rows("select count(*) from people") == [(3,)]


def test_what_takes_too_long_is_stopped_with_a_sentence_of_what_to_do(client, many, monkeypatch):
    monkeypatch.setattr(reading, "SECONDS", 2)
    slow_down("many", seconds=300)
    page = client.get(f"/admin/ingest/dataset/{many.pk}/browse/?sort=name").content.decode()
    assert "was stopped: filter by a column that has an index (id) or sort by it." in page


def test_counts_and_values_that_take_too_long_are_left_out(client, many, monkeypatch):
    monkeypatch.setattr(reading, "SECONDS", 120)
    slow_down("many", seconds=0.0003, each_row=True)  # 10,000 of them take 3 seconds, and a count has one
    shown = browse(client, many, "?from.id=1&sort=id")
    assert len(shown.rows) == 50
    assert (shown.total.sentence, shown.facets.of) == ("counting the rows took too long", [])
    page = client.get(f"/admin/ingest/dataset/{many.pk}/browse/?has.name=r&sort=id").content.decode()
    assert "value counts are not shown, because counting took too long" in page


def test_a_table_that_a_load_changes_just_now_is_a_sentence(client, people):
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("begin; lock table datasets.people in access exclusive mode")
        page = client.get(f"/admin/ingest/dataset/{people.pk}/browse/").content.decode()
    finally:
        other.close()
    assert "being changed by a load just now" in page


def test_a_page_takes_a_fixed_number_of_statements(client, people, many):
    counts = set()
    for dataset, query in ((people, ""), (many, "")):
        client.get(f"/admin/ingest/dataset/{dataset.pk}/browse/")
        with CaptureQueriesContext(connection) as captured:
            browse(client, dataset, query)
        counts.add(len(captured))
    assert max(counts) <= 24
    with CaptureQueriesContext(connection) as captured:
        browse(client, many, "?q=row&has.name=1&from.n=5&desc=n&page=2")
    assert len(captured) <= 26


# -- who may -----------------------------------------------------------------------------------------------------------


def test_only_who_may_see_a_dataset_browses_it(client, people):
    address = f"/admin/ingest/dataset/{people.pk}/browse/"
    staff(client, "view_run")
    for end in ("", "row/?key.id=1"):
        assert client.get(f"{address}{end}").status_code == 403
    assert client.post(f"{address}export/", {"format": "csv"}).status_code == 403
    client.logout()
    assert client.get(address).status_code == 302
    assert client.post(f"{address}export/", {"format": "csv"}).status_code == 302
    staff(client, "view_dataset")
    people.open_to.add(Group.objects.create(name="others"))
    assert client.get(address).status_code == 302
    assert client.get(f"{address}row/?key.id=1").status_code == 302
    assert client.post(f"{address}export/", {"format": "csv"}).headers["Location"] == "/admin/"
    for odd in ("999999", "9" * 30):
        assert client.get(f"/admin/ingest/dataset/{odd}/browse/", follow=True).status_code == 200


# -- whatever the address says -----------------------------------------------------------------------------------------

_TEXT = st.text(max_size=8)
_VALUES = st.one_of(_TEXT, st.sampled_from(["1", "-1", "2024-05-01", "true", "NaN", "", "\0", "WyIxIl0", "[]", "%"]))
_COLUMNS = st.sampled_from(["id", "email", "name", "amount", "born", "seen", "adult", "told", "absent", ""])
_WORDS = st.sampled_from(
    ["q", "sort", "desc", "page", "after", "before", "since", "past", "column", "columns", "through", "for", "x"]
)
_NAMES = st.one_of(
    _TEXT, _WORDS, st.builds(lambda o, c: f"{o}.{c}", st.sampled_from([*browsing.Operator, "no", ""]), _COLUMNS)
)
_QUERIES = st.lists(st.tuples(_NAMES, st.one_of(_VALUES, _COLUMNS)), max_size=6)


def test_any_address_gives_a_page(client, people):
    @settings(max_examples=40)
    @given(pairs=_QUERIES)
    def gives_a_page(pairs):
        query = urlencode(pairs, errors="replace")
        response = client.get(f"/admin/ingest/dataset/{people.pk}/browse/?{query}")
        assert response.status_code == 200
        keys = urlencode([("key.id", value) for _, value in pairs], errors="replace")
        assert client.get(f"/admin/ingest/dataset/{people.pk}/browse/row/?{keys}").status_code == 200

    gives_a_page()


def test_the_session_of_the_page_ends_as_it_began(client, people):
    browse(client, people, "?q=x")
    assert rows("select current_setting('statement_timeout'), current_setting('transaction_read_only')") == [
        ("0", "off")
    ]
    assert State().query() == "?"


def test_a_loaded_file_is_browsed(door: Door, client):
    run = door.load("people.csv", "id,name\n1,Ann\n")
    staff(client, "view_dataset")
    shown = browse(client, run.dataset)
    assert [column.name for column in shown.columns] == ["id", "name", "processed_at", "run_id"]
    assert shown.rows[0].cells[3] == str(run.pk)
