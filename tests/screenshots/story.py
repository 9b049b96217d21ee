"""A month of a small shop's files: most of them good, some with troubles as people have them. The same at every run."""

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass

DAYS = 30
_TOWNS = ("Almería", "Bergen", "Córdoba", "Dublin", "Évora", "Gdańsk", "Łódź", "Malmö", "Porto", "Zürich")
_NAMES = ("Ada", "Björn", "Chloé", "Dmitri", "Eleni", "Fatima", "Grace", "Hedy", "Ivo", "Jürgen", "Katherine", "Linus")
_GOODS = ("kettle", "lamp", "chair", "rug", "clock", "mirror", "shelf", "vase", "teapot", "stool")


@dataclass(frozen=True, kw_only=True)
class Drop:
    """One file, so many days before today."""

    days_ago: int
    name: str
    content: bytes


def story() -> Iterator[Drop]:
    """All files, the oldest first."""
    chance = random.Random(7)
    people = [_person(number, chance) for number in range(1, 1_201)]
    goods = [[number, f"{_GOODS[number % 10]} {number}", f"{chance.uniform(3, 250):.2f}", chance.randint(0, 90)]
             for number in range(1, 401)]  # fmt: skip
    for ago in range(DAYS - 1, -1, -1):
        first = len(people) + 1
        people += [_person(number, chance) for number in range(first, first + chance.randint(3, 25))]
        for person in chance.sample(people, 40):
            person[3] = chance.choice(_TOWNS)
        yield Drop(days_ago=ago, name="customers.csv", content=_customers(people, ago, chance))
        yield Drop(days_ago=ago, name="orders.csv", content=_orders(ago, chance))
        if ago % 7 == 3:
            for product in chance.sample(goods, 60):
                product[2] = f"{chance.uniform(3, 250):.2f}"
            yield Drop(days_ago=ago, name="products.csv", content=_csv(["id", "name", "price", "stock"], goods))
        if ago in (0, 9, 16):
            yield Drop(days_ago=ago, name="payroll.csv", content=_payroll(ago))
        if ago > 4:
            yield Drop(days_ago=ago, name="warehouse_sensors.csv", content=_sensors(ago, chance))


def _person(number: int, chance: random.Random) -> list[object]:
    name = chance.choice(_NAMES)
    since = f"20{chance.randint(15, 25)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    return [number, f"{name.lower()}{number}@example.com", name, chance.choice(_TOWNS), since, chance.randint(0, 900)]


def _customers(people: list[list[object]], ago: int, chance: random.Random) -> bytes:
    rows = [list(person) for person in people]
    if ago in (0, 5, 12, 21):
        for row in chance.sample(rows, 6):
            row[5] = chance.choice(("n/a", "12,50", "unknown"))
        rows.append([*rows[3][:3]])
        rows.append([rows[8][0], *rows[8][1:5], 17])
    return _csv(["id", "email", "name", "town", "since", "points"], rows)


def _orders(ago: int, chance: random.Random) -> bytes:
    rows = [
        [10_000 * (DAYS - ago) + at, chance.randint(1, 1_200), f"{chance.uniform(5, 480):.2f}", chance.randint(1, 5)]
        for at in range(chance.randint(120, 700))
    ]
    return _csv(["id", "customer", "amount", "items"], rows)


def _payroll(ago: int) -> bytes:
    if ago == 0:
        return _csv(["id", "name", "gross"], [[at, f"employee {at}"] for at in range(1, 41)])
    return _csv(["id", "name", "gross"], [[at, f"employee {at}", 2_000 + at] for at in range(1, 40)])


def _sensors(ago: int, chance: random.Random) -> bytes:
    rows = [[f"2026-05-{DAYS - ago:02}T{hour:02}:00:00Z", gate, round(chance.gauss(19, 2), 2)]
            for hour in range(24) for gate in ("north", "south", "roof")]  # fmt: skip
    return _csv(["measured", "gate", "celsius"], rows)


def _csv(header: list[str], rows: list[list[object]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()
