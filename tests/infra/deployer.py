"""The policies of whoever deploys, filled in, and asked what they allow."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import boto3

from tests.infra.conftest import ROOT
from tests.infra.tls import TlsAws

FOLDER = ROOT / "infra" / "deployer"
ACCOUNT, REGION = "000000000000", "us-east-1"


def documents() -> dict[str, str]:
    """The policies as they are given to IAM, by name."""
    return {
        file.stem: file.read_text().replace("ACCOUNT", ACCOUNT).replace("REGION", REGION)
        for file in sorted(FOLDER.glob("*.json"))
    }


def credentials(server: TlsAws) -> dict[str, str]:
    """The variables of somebody who may do what these policies allow, and no more: the server enforces them."""
    iam = server.client("iam")
    iam.create_user(UserName="deployer")
    for policy, text in documents().items():
        iam.put_user_policy(UserName="deployer", PolicyName=policy, PolicyDocument=text)
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def as_deployer(server: TlsAws, service: str) -> Any:
    """A client of theirs."""
    known = {name.lower(): value for name, value in credentials(server).items()}
    return boto3.client(
        service, endpoint_url=server.endpoint, verify=str(server.authority), region_name=REGION, **known
    )


def statements() -> list[dict[str, Any]]:
    """All of their statements."""
    return [each for text in documents().values() for each in json.loads(text)["Statement"]]


def allows(action: str, resource: str = "") -> bool:
    """Whether the policies allow ``action``: on ``resource``, or on anything at all."""
    return any(
        any(fnmatchcase(action, each) for each in told["Action"])
        and (not resource or any(re.fullmatch(_pattern(each), resource) for each in _listed(told["Resource"])))
        for told in statements()
    )


def _listed(told: str | list[str]) -> list[str]:
    return [told] if isinstance(told, str) else told


def _pattern(resource: str) -> str:
    return ".*".join(map(re.escape, resource.split("*")))
