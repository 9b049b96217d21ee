"""What is shown stands in the address: it reads back as it was written, and anything else is told."""

from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from ingest.browsing.state import OPERATORS, Filter, Operator, State, ordered, parse
from ingest.browsing.table import Column, Kind, Table
from ingest.models import storable

NAMES = ["id", "is.a", "q", "page", "😀", "=x", "a&b", "%s", "-n", "told", ""]
COLUMNS = tuple(
    Column(name=name, type="text", base="", kind=Kind.OTHER if name == "told" else list(Kind)[at % 5])
    for at, name in enumerate(NAMES)
    if name
)
TABLE = Table(name="odd", columns=COLUMNS, key=COLUMNS[:2])
LOOSE = Table(name="loose", columns=COLUMNS, key=COLUMNS[:1], has_key=False)

texts = st.text(max_size=12).filter(lambda text: storable(text) == text)
columns = st.sampled_from(COLUMNS)


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    column = draw(columns)
    operator = draw(st.sampled_from(OPERATORS[column.kind]))
    return Filter(operator=operator, column=column.name, value=draw(texts) if operator.takes_value else "")


@st.composite
def states(draw: st.DrawFn, table: Table = TABLE) -> State:
    sort = draw(st.sampled_from(["", *(column.name for column in COLUMNS if column.sortable)]))
    found = State(
        q=draw(texts).strip(),
        through=draw(st.booleans()),
        filters=tuple(draw(st.lists(filters(), max_size=4, unique=True))),
        sort=sort,
        descending=bool(sort) and draw(st.booleans()),
        columns=tuple(draw(st.lists(columns.map(lambda column: column.name), max_size=3, unique=True))),
        page=draw(st.integers(1, 10**9)),
    )
    length = len(ordered(found, table)) or len(table.key)
    place = (draw(st.none() | texts), *(draw(texts) for _ in range(length - 1)))
    told = {name: getattr(found, name) for name in found.__slots__}
    if found.q and draw(st.booleans()):
        told |= {"since": tuple(draw(texts) for _ in table.key), "past": draw(st.integers(0, 10**12))}
    where = draw(st.sampled_from(["after", "before", None]))
    return State(**(told | ({where: place} if where else {})))


@given(state=states())
def test_a_state_reads_back_as_it_was_written(state):
    assert parse(state.pairs(), TABLE) == (state, [])
    assert parse(parse_qsl(state.query()[1:], keep_blank_values=True), TABLE) == (state, [])


@given(state=states(LOOSE))
def test_so_does_one_of_a_table_without_a_key(state):
    assert parse(state.pairs(), LOOSE) == (state, [])


words = st.sampled_from(
    ["q", "through", "sort", "desc", "page", "after", "before", "since", "past", "column", "columns", *Operator]
)
names = st.one_of(st.text(max_size=5), words, st.builds("{}.{}".format, words, st.sampled_from(NAMES)))


@given(pairs=st.lists(st.tuples(names, st.text(max_size=12) | st.sampled_from(NAMES)), max_size=8))
def test_any_address_is_read_and_what_was_understood_stays_so(pairs):
    state, complaints = parse(pairs, TABLE)
    assert all(complaint.isprintable() and len(complaint) < 200 for complaint in complaints)
    assert parse(state.pairs(), TABLE) == (state, [])


def test_what_is_too_much_is_told():
    many = [("is.id", str(number)) for number in range(101)]
    state, complaints = parse(many, TABLE)
    assert (len(state.filters), complaints) == (100, ["At most 100 filters apply at a time: the first 100 of 101."])
    state, complaints = parse([("has.is.a", "x" * 10_001)], TABLE)
    assert (state.filters, len(complaints)) == ((), 1)


def test_changing_what_is_shown_leads_to_its_first_page():
    state = State(page=120, after=("1", "2"), filters=(Filter(operator=Operator.NULL, column="id"),))
    assert state.but(sort="id") == State(sort="id", filters=state.filters)
    assert state.without(*state.filters) == State()
