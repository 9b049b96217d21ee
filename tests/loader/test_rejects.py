"""The book of rejects: exact counts, a few in memory, the others in a file, all in the order of their lines."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from ingest.loader.outcome import rejects as module
from ingest.loader.outcome.reject_codes import Code
from ingest.loader.outcome.rejects import Reject, RejectCollector

TEXTS = st.text(st.characters(), max_size=20)
REJECTS = st.builds(
    Reject,
    line=st.integers(1, 2**62),
    code=st.sampled_from(Code),
    reason=TEXTS,
    raw=st.binary(max_size=50),
    column=TEXTS,
    value=TEXTS,
)


def by_line(rejects):
    """In the order of their lines."""
    return sorted(rejects, key=lambda reject: reject.line)


@given(causes=st.lists(st.lists(REJECTS, max_size=20), max_size=4), stored=st.integers(0, 30))
def test_every_reject_comes_back_as_it_was_in_the_order_of_lines(tmp_path_factory, causes, stored):
    book, added = RejectCollector(tmp_path_factory.mktemp("book") / "rejects"), []
    before, module.STORED = module.STORED, stored
    try:
        for cause in causes:
            for reject in by_line(cause):
                book.add(reject)
                added.append(reject)
    finally:
        module.STORED = before
    assert len(book) == len(added)
    assert len(book.kept) == min(stored, len(added))
    whole = list(book.whole())
    assert [reject.line for reject in whole] == [reject.line for reject in by_line(added)]
    assert sorted(whole, key=repr) == sorted(added, key=repr)
    assert list(book.whole()) == whole, "it can be read again"


def test_half_a_surrogate_pair_comes_back(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "STORED", 0)
    book, odd = RejectCollector(tmp_path / "rejects"), Reject(line=1, code=Code.BAD_VALUE, reason="\ud800", raw=b"\xff")
    book.add(odd)
    assert list(book.whole()) == [odd]


def test_a_collector_without_a_spill_file_counts_what_it_does_not_keep(monkeypatch):
    monkeypatch.setattr(module, "STORED", 1)
    book = RejectCollector()
    for line in (1, 2, 3):
        book.add(Reject(line=line, code=Code.BAD_VALUE, reason="", raw=b""))
    assert (len(book), [reject.line for reject in book.whole()]) == (3, [1])


def test_memory_does_not_grow_with_the_spilled_rejects(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "STORED", 100)
    book = RejectCollector(tmp_path / "rejects")
    tracemalloc.start()
    try:
        for line in range(20_000):
            book.add(Reject(line=line, code=Code.BAD_VALUE, reason="Because.", raw=b"x" * 1_000))
        assert sum(1 for _ in book.whole()) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 5 << 20
    finally:
        tracemalloc.stop()
