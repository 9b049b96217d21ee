"""The files that are measured: nine columns of customers, the same bytes on every machine, each made once and kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

COLUMNS = {
    "id": "bigint",
    "first_name": "text",
    "last_name": "text",
    "email": "text",
    "city": "text",
    "note": "text",
    "created_at": "timestamp",
    "amount": "numeric",
    "active": "boolean",
}
EDITION = 1
"""Raised when the bytes change, so that files kept from before aren't taken."""

_FIRST = ("Ana", "Bo", "Chidi", "Dara", "Elif", "Grace", "João", "Léa", "Noor", "Olu", "Petra", "Sami", "Tomás")
_LAST = ("Abebe", "Brown", "Dubois", "Eriksson", "García", "Huang", "Ivanov", "Jensen", "Kowalski", "Nguyễn", "Okafor")
_CITIES = ("Accra", "Berlin", "Cusco", "Dakar", "Hanoi", "Izmir", "Jaipur", "Kyoto", "Lima", "Mérida", "Oslo", "Porto")
_NOTES = (
    '"paid, twice"',
    '"said ""yes"", left"',
    '"regular, north"',
    '"the ""blue"" one, size 4"',
    '"no notes, no orders"',
)
_DAYS = [str(date(2020, 1, 1) + timedelta(days=n)) for n in range(1_800)]
_TIMES = [f"{n // 3_600:02d}:{n // 60 % 60:02d}:{n % 60:02d}" for n in range(86_400)]
_BLOCK = 20_000  # rows a write


def _row(n: int, changed: bool) -> str:
    # Multiplying by an odd number permutes 32 bits: the e-mails are unique and come in no order.
    mixed = n * 2_654_435_761 & 0xFFFFFFFF
    first, last, city = _FIRST[mixed % 13], _LAST[mixed % 11], _CITIES[mixed % 12]
    note = '"changed, by hand"' if changed else _NOTES[mixed % 5]
    cents = mixed % 1_000_000 + changed
    created = f"{_DAYS[mixed % 1_800]} {_TIMES[mixed % 86_400]}"
    active = "true" if mixed & 64 else "false"
    return f"{n},{first},{last},user.{mixed:08x}@example.com,{city},{note},{created},{cents / 100:.2f},{active}\n"


def _plain(n: int) -> str:
    return _row(n, changed=False)


def _other(n: int) -> str:
    return _row(n, changed=True)


def _tenth_changed(n: int) -> str:
    return _row(n, changed=n % 10 == 3)


def _hundredth_bad(n: int) -> str:
    """Half of the bad rows lack a cell, half have a word where a number belongs."""
    row = _plain(n)
    if n % 200 == 50:
        return row.replace(",", ";", 1)
    if n % 200 == 150:
        cells = row.rsplit(",", 2)
        return f"{cells[0]},unknown,{cells[2]}"
    return row


KINDS: dict[str, Callable[[int], str]] = {
    "plain": _plain,
    "changed": _tenth_changed,
    "other": _other,
    "bad": _hundredth_bad,
}


@dataclass(frozen=True, kw_only=True)
class File:
    """One file to load: rows ``start`` to ``start + rows`` of one kind."""

    kind: str
    rows: int
    start: int = 1

    def made(self, folder: Path) -> Path:
        """The file, made in ``folder`` unless it stands there from an earlier time."""
        path = folder / f"{self.kind}-{self.start}-{self.rows}-v{EDITION}.csv"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            half = path.with_suffix(".half")
            with half.open("w", encoding="utf-8", newline="") as file:
                file.writelines(self._blocks())
            half.rename(path)
        return path

    def _blocks(self) -> Iterator[str]:
        yield ",".join(COLUMNS) + "\n"
        end, row = self.start + self.rows, KINDS[self.kind]
        for block in range(self.start, end, _BLOCK):
            yield "".join(map(row, range(block, min(block + _BLOCK, end))))
