"""What the demo prints: aligned, and nothing in a table that would steer the terminal."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from pipeline_site.local.terminal import shown, table


def test_numbers_stand_right_and_text_left() -> None:
    assert table(["name", "n"], [["a", 5], ["long name", 12]]) == "  name        n\n  a           5\n  long name  12"


def test_a_table_without_rows_has_its_head() -> None:
    assert table(["a", "b"], []) == "  a  b"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (Decimal("120.50"), "120.50"),
        (datetime(2024, 3, 1, 8, 12, 45), "2024-03-01 08:12:45"),
        (datetime(2024, 3, 1, 8, 12, 45, tzinfo=timezone(timedelta(hours=2))), "2024-03-01 06:12:45Z"),
        (datetime(2024, 3, 1, tzinfo=UTC), "2024-03-01 00:00:00Z"),
        ("\x1b[2Jgone\r\n", "·[2Jgone··"),
    ],
)
def test_a_cell_is_shown(value: object, text: str) -> None:
    assert shown(value) == text


def test_what_a_narrow_terminal_has_no_room_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "14")
    monkeypatch.setenv("NO_COLOR", "1")
    assert table(["one", "two", "three"], [["a", "b", "c"]]) == "  one  two\n  a    b\n  (no room for: three)"
    assert "three" in table(["one", "two", "three"], [["a", "b", "c"]], whole=True).splitlines()[0]
