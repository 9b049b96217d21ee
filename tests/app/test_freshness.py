"""By when a file is expected: the pure rule, and what a dataset makes of it."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from ingest.freshness import Rule, Unit, due
from ingest.models import Dataset, Run
from tests.app.pages import staff

DAILY = Rule(every=1, unit=Unit.DAY, by=time(9))
NIGHTLY = Rule(every=1, unit=Unit.DAY, by=time(0, 30))


def at(text: str) -> datetime:
    """A moment of 2026 in UTC: month-day hour:minute."""
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "last", "expected"),
    [
        (DAILY, "03-02 08:30", "03-03 09:00"),
        (DAILY, "03-02 09:00", "03-03 09:00"),
        (DAILY, "03-02 09:30", "03-03 09:00"),
        (DAILY, "03-02 20:59", "03-03 09:00"),
        (DAILY, "03-02 21:00", "03-04 09:00"),
        (DAILY, "03-01 21:00", "03-03 09:00"),
        (NIGHTLY, "03-02 23:50", "03-04 00:30"),
        (NIGHTLY, "03-03 00:10", "03-04 00:30"),
        (NIGHTLY, "03-03 00:40", "03-04 00:30"),
        (Rule(every=2, unit=Unit.DAY, by=time(9)), "03-02 08:30", "03-04 09:00"),
        (Rule(every=1, unit=Unit.WEEK, by=time(9)), "03-02 08:30", "03-09 09:00"),
        (Rule(every=2, unit=Unit.WEEK, by=time(9)), "03-02 10:00", "03-16 09:00"),
        (Rule(every=1, unit=Unit.HOUR), "03-02 08:30", "03-02 09:30"),
        (Rule(every=36, unit=Unit.HOUR), "03-02 08:30", "03-03 20:30"),
        (Rule(every=1, unit=Unit.DAY, by=time(9), grace=timedelta(minutes=90)), "03-02 08:30", "03-03 10:30"),
        (DAILY, "03-28 08:30", "03-29 09:00"),  # the clocks of half the world change in that night; UTC doesn't
        (DAILY, "12-31 08:30", "2027-01-01 09:00"),
    ],
)
def test_the_next_file_is_due(rule, last, expected):
    whole = expected if expected.startswith("2027") else f"2026-{expected}"
    assert f"{due(rule, at(last)):%Y-%m-%d %H:%M}" == whole


@given(
    every=st.integers(1, 60),
    by=st.times().map(lambda moment: moment.replace(second=0, microsecond=0)),
    first=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    second=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    unit=st.sampled_from(Unit),
)
def test_a_later_file_is_never_due_earlier_and_always_in_the_future(every, by, first, second, unit):
    rule = Rule(every=every, unit=unit, by=by)
    first, second = sorted(moment.replace(tzinfo=UTC) for moment in (first, second))
    assert due(rule, first) <= due(rule, second)
    assert due(rule, first) > first
    assert unit is Unit.HOUR or due(rule, first).time() == by


@given(by=st.times(), minutes=st.lists(st.integers(-719, 0), min_size=2, max_size=20))
def test_a_file_that_comes_before_each_deadline_is_never_late(by, minutes):
    by = by.replace(second=0, microsecond=0)
    rule, first = Rule(every=1, unit=Unit.DAY, by=by), datetime.combine(datetime(2026, 1, 1), by, UTC)
    loads = [first + timedelta(days=day, minutes=early) for day, early in enumerate(minutes)]
    for last, following in pairwise(loads):
        assert following <= due(rule, last)


def test_a_rule_is_said_in_words():
    assert str(DAILY) == "every day by 09:00 UTC"
    grace = timedelta(minutes=30)
    assert str(Rule(every=2, unit=Unit.WEEK, by=time(9), grace=grace)) == (
        "every 2 weeks by 09:00 UTC, or 30 minutes later"
    )
    assert str(Rule(every=6, unit=Unit.HOUR)) == "every 6 hours"


# -- datasets ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_dataset_without_a_rule_is_never_late():
    dataset = Dataset.objects.create(name="a", last_loaded=at("01-01 00:00"))
    assert (dataset.due, list(Dataset.objects.late())) == (None, [])


@pytest.mark.django_db
def test_a_dataset_that_never_got_a_file_is_late_in_time():
    fresh = Dataset.objects.create(name="fresh", expected_every=1, expected_unit="hour")
    Dataset.objects.filter(pk=fresh.pk).update(created=timezone.now() - timedelta(hours=2))
    fresh.refresh_from_db()
    assert not Dataset.objects.late()
    fresh.save(update_fields=["expected_every"])
    assert list(Dataset.objects.late()) == [fresh]


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("expected_by", {"expected_every": 1}),
        ("expected_by", {"expected_every": 1, "expected_unit": "week"}),
        ("expected_every", {"expected_by": time(9)}),
        ("expected_every", {"expected_every": 0, "expected_by": time(9)}),
        ("expected_every", {"expected_every": 1_001, "expected_by": time(9)}),
        ("grace_minutes", {"expected_every": 1, "expected_by": time(9), "grace_minutes": 10_081}),
    ],
)
@pytest.mark.django_db
def test_half_a_rule_is_refused_at_its_field(field, fields):
    with pytest.raises(ValidationError) as refused:
        Dataset(name="a", **fields).full_clean()
    assert list(refused.value.message_dict) == [field]


def test_a_load_makes_a_dataset_wait_for_the_next_and_a_rule_set_meanwhile_counts(door, monkeypatch):
    run = door.load("items.csv", "id,n\n1,1\n")
    assert run.dataset.last_loaded
    late = timezone.now() - timedelta(days=3)
    Dataset.objects.update(expected_every=1, expected_unit="hour", last_loaded=late, due=late)
    again = door.load("items.csv", "id,n\n1,2\n")
    assert again.dataset.due - timezone.now() > timedelta(minutes=50)
    Dataset.objects.update(last_loaded=late, due=late)
    same = door.load("items.csv", "id,n\n1,2\n")
    assert (same.unchanged, Dataset.objects.late().exists()) == (1, False)
    Dataset.objects.update(last_loaded=late, due=late)
    assert door.load("_preview/items.csv", "id,n\n1,3\n").kind == Run.Kind.PREVIEW
    assert door.load("items.csv", "").status == "failed"
    assert Dataset.objects.late().exists()


@pytest.mark.django_db
def test_the_page_takes_a_rule_and_says_when_it_is_late(client):
    staff(client, superuser=True)
    dataset = Dataset.objects.create(name="items", last_loaded=at("03-02 08:30"))
    page = client.get(f"/admin/ingest/dataset/{dataset.pk}/change/")
    sent = {name: value for name, value in page.context["adminform"].form.initial.items() if value is not None}
    sent |= {"declared_key": "", "null_tokens": "", "patterns": "", "expected_every": "1", "_save": "Save"}
    refused = client.post(f"/admin/ingest/dataset/{dataset.pk}/change/", sent)
    assert b"Enter the time of day (UTC) by which a file is expected." in refused.content
    client.post(f"/admin/ingest/dataset/{dataset.pk}/change/", sent | {"expected_by": "09:00"})
    dataset.refresh_from_db()
    assert (str(dataset.rule), dataset.due) == ("every day by 09:00 UTC", at("03-03 09:00"))
