"""The part of a stage's settings for zappa that follows from its choices in ``infra/stages.toml``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MIB = 1 << 20
COPIES = 4
"""How often the text of a file may be on the scratch disk at once, with some room to spare: the archive and the text
in it; the text and its UTF-8, which can be twice as long; the UTF-8, its canonical copy and the rejects."""
_POLICY = "site-policy.json"


def of_stage(told: Mapping[str, str], settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return zappa's settings of network, disk and access for a stage whose stacks have the outputs ``told``.

    zappa takes the policy of the API from a file, which is written to ``folder``.
    """
    return {
        "vpc_config": _network(told),
        "ephemeral_storage": {"Size": scratch_mib(told, settings)},
        "apigateway_policy": str(_policy(told, folder)),
    }


def scratch_mib(told: Mapping[str, str], settings: Mapping[str, Any]) -> int:
    """Return the size of the function's disk in MiB; 512 is Lambda's own default."""
    return int(told.get("ScratchMib") or settings.get("ephemeral_storage", {}).get("Size") or 512)


def largest_text(told: Mapping[str, str], settings: Mapping[str, Any]) -> int:
    """Return the bytes that an archive may unpack to, so that all copies of its text fit on the disk."""
    return scratch_mib(told, settings) * MIB // COPIES


def _network(told: Mapping[str, str]) -> dict[str, Any]:
    subnets = [each for each in told.get("FunctionSubnets", "").split(",") if each]
    if not subnets:
        return {}
    network = {"SubnetIds": subnets, "SecurityGroupIds": [told.get("FunctionSecurityGroup", "")]}
    # Always said: an update that leaves it out would keep what an earlier choice has set.
    return network | {"Ipv6AllowedForDualStack": told.get("FunctionIpv6") == "true"}


def _policy(told: Mapping[str, str], folder: Path) -> Path:
    """Write who may reach the site. There is always a policy: API Gateway keeps one that is merely left out later."""
    cidrs = told.get("AllowedCidrs") or "0.0.0.0/0"
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": "execute-api:/*",
        "Condition": {"IpAddress": {"aws:SourceIp": cidrs.split(",")}},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _POLICY
    path.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=4) + "\n")
    return path
