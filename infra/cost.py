"""What a stage costs idle: what its templates hold, at AWS's list prices."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOURS = 730
"""Of a month, as AWS counts."""

# List prices in US dollars for us-east-1, without tax, as of November 2026; docs/infrastructure.md says where from.
INSTANCES = {
    "db.t4g.micro": 0.016,
    "db.t4g.small": 0.032,
    "db.t4g.medium": 0.065,
    "db.t4g.large": 0.129,
    "db.m7g.large": 0.168,
}
"""An hour of one instance in one zone."""
DISK = 0.115
"""A month of one GiB of gp3."""
ENDPOINT, NAT_GATEWAY, BASTION = 0.01, 0.045, 0.0042
"""An hour; of an endpoint in each zone."""
SECRET, ALARM = 0.40, 0.10
"""A month."""
REQUESTS = 0.40
"""A million requests to a queue."""
COMPUTE, SCRATCH = 0.0000166667, 0.0000000309
"""A GiB-second of a function's memory, and of its disk over 512 MiB."""

_POLLS = 5 * HOURS * 3600 / 20
"""Lambda asks a queue by five long polls of 20 seconds, however little comes."""
_TICKS = HOURS * 12
_TICK_SECONDS = 0.5
"""Assumed for one run of the schedule that finds nothing to do."""
_MEMORY = 1769 / 1024
_FREE_ALARMS, _FREE_REQUESTS, _FREE_COMPUTE = 10, 1_000_000, 400_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the bill, in dollars a month."""

    name: str
    dollars: float
    of_database: bool = False
    free: float = 0.0
    """What of it costs nothing as long as nothing else in the account uses the free amount."""


def idle(templates: Iterable[Path], *, scratch_mib: int) -> list[Line]:
    """The bill of a month in which no file comes and nobody looks, of a stage with these templates."""
    resources = [each for file in templates for each in json.loads(file.read_text())["Resources"].values()]
    return [*_database(resources), *_network(resources), *_rest(resources, scratch_mib)]


def _database(resources: list[dict[str, Any]]) -> list[Line]:
    (told,) = _of(resources, "AWS::RDS::DBInstance")
    zones = 2 if told["MultiAZ"] else 1
    found = [Line(name="disk", dollars=zones * DISK * int(told["AllocatedStorage"]), of_database=True)]
    price = INSTANCES.get(told["DBInstanceClass"])
    if price is not None:
        found.insert(0, Line(name="database", dollars=zones * HOURS * price, of_database=True))
    return found


def _network(resources: list[dict[str, Any]]) -> list[Line]:
    endpoints = [each for each in _of(resources, "AWS::EC2::VPCEndpoint") if each["VpcEndpointType"] == "Interface"]
    hours = {
        "endpoints": ENDPOINT * sum(len(each["SubnetIds"]) for each in endpoints),
        "NAT gateway": NAT_GATEWAY * len(_of(resources, "AWS::EC2::NatGateway")),
        "bastion": BASTION * len(_of(resources, "AWS::EC2::Instance")),
    }
    return [Line(name=name, dollars=HOURS * price) for name, price in hours.items() if price]


def _rest(resources: list[dict[str, Any]], scratch_mib: int) -> list[Line]:
    managed = any(each.get("ManageMasterUserPassword") for each in _of(resources, "AWS::RDS::DBInstance"))
    alarms = len(_of(resources, "AWS::CloudWatch::Alarm"))
    seconds = _TICKS * _TICK_SECONDS
    requests, compute = _POLLS / 1_000_000 * REQUESTS, seconds * _MEMORY * COMPUTE
    return [
        Line(name="secrets", dollars=SECRET * (len(_of(resources, "AWS::SecretsManager::Secret")) + managed)),
        Line(name="alarms", dollars=ALARM * alarms, free=ALARM * min(alarms, _FREE_ALARMS)),
        Line(name="queue", dollars=requests, free=requests if _POLLS <= _FREE_REQUESTS else 0),
        Line(name="schedule", dollars=compute, free=compute if seconds * _MEMORY <= _FREE_COMPUTE else 0),
        Line(name="scratch disk", dollars=seconds * max(0, scratch_mib - 512) / 1024 * SCRATCH),
    ]


def _of(resources: list[dict[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [each["Properties"] for each in resources if each["Type"] == kind]


def sentence(lines: Iterable[Line]) -> str:
    """The bill in a sentence."""
    lines = list(lines)
    database = sum(line.dollars for line in lines if line.of_database)
    beside = sum(line.dollars for line in lines if not line.of_database)
    free = sum(line.free for line in lines)
    return (
        f"Idle, at list prices: about {database:.2f} dollars a month for the database, {beside - free:.2f} beside it "
        f"({beside:.2f} in an account that has used up AWS's free amounts)."
    )
