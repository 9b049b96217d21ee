"""What a stage costs idle is computed from its templates, and the page tells those figures."""

import re
from collections.abc import Iterable

import pytest

from infra import cost
from infra.stage import read
from tests.infra.conftest import ROOT
from tests.infra.template import Stacks

PAGE = (ROOT / "docs" / "infrastructure.md").read_text()


def bill(stage: Stacks, *, scratch_mib: int = 10240) -> list[cost.Line]:
    """The lines of a stage's bill."""
    return cost.idle([template.file for template in stage], scratch_mib=scratch_mib)


def beside(lines: Iterable[cost.Line]) -> float:
    """What they cost but for the database, and with nothing free."""
    return sum(line.dollars for line in lines if not line.of_database)


def test_dev_costs_under_three_dollars_beside_its_database(unprotected: Stacks) -> None:
    """Even where nothing is free; the stage of the tests has dev's network and sizes."""
    dev = read(ROOT / "infra" / "stages.toml")["dev"]
    assert (dev.network, dev.bastion, dev.internet) == ("ipv6", False, False)
    assert beside(bill(unprotected)) < 3


def test_the_database_of_dev_is_within_the_free_tier() -> None:
    """750 hours of a micro in one zone, and 20 GiB."""
    dev = read(ROOT / "infra" / "stages.toml")["dev"]
    assert (dev.database_class, dev.multi_az, dev.database_storage_gib) == ("t4g.micro", False, 20)


def test_what_is_paid_by_the_hour_is_on_the_bill(by_default: Stacks, unprotected: Stacks, full: Stacks) -> None:
    hours = {"endpoints", "NAT gateway", "bastion"}
    for stage, expected in (
        (by_default, {"endpoints": 21.9}),
        (unprotected, {}),
        (full, {"endpoints": 73.0, "NAT gateway": 32.85, "bastion": 3.07}),
    ):
        found = {line.name: line.dollars for line in bill(stage) if line.name in hours}
        assert found == pytest.approx(expected, abs=0.01)


def test_a_second_instance_and_its_disk_are_on_the_bill(full: Stacks) -> None:
    database = {line.name: line.dollars for line in bill(full) if line.of_database}
    assert database == pytest.approx({"database": 2 * 730 * 0.168, "disk": 2 * 20 * 0.115})


def test_secrets_are_counted_whoever_makes_them(by_default: Stacks, unprotected: Stacks) -> None:
    for stage in (by_default, unprotected):
        (secrets,) = [line for line in bill(stage) if line.name == "secrets"]
        assert secrets.dollars == pytest.approx(0.80)


def test_the_page_tells_the_figures(by_default: Stacks, unprotected: Stacks) -> None:
    table = PAGE.partition("## What it costs")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^\n]+?) \|$", table, re.M))
    for column, stage in enumerate((unprotected, by_default)):
        for line in bill(stage):
            (told,) = [cells for name, cells in rows.items() if name.startswith(line.name)]
            assert told.split(" | ")[column] == f"{line.dollars:.2f}", line
        (told,) = [cells for name, cells in rows.items() if name.startswith("**beside the database")]
        assert told.split(" | ")[column] == f"**{beside(bill(stage)):.2f}**"
