"""The limits and the access log of the site's API Gateway, for which zappa has no settings."""

from collections.abc import Callable, Mapping
from typing import Any

from pipeline_site.deploy.account import AwsAccount

_FORMAT = (
    '{"time":"$context.requestTime","id":"$context.requestId","address":"$context.identity.sourceIp",'
    '"method":"$context.httpMethod","path":"$context.path","status":"$context.status",'
    '"bytes":"$context.responseLength","ms":"$context.responseLatency"}'
)
"""One line a request; no query, which may hold what somebody searched for, and no header."""


def protect(account: AwsAccount, api: str, stage: str, told: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Limit the requests to the API ``api`` and log them, as the stacks' outputs ``told`` say; safe to repeat."""
    client = account.client("apigateway")
    limits = {"burstLimit": told.get("RequestsBurst"), "rateLimit": told.get("RequestsPerSecond")}
    operations = [_replace(f"/*/*/throttling/{name}", value) for name, value in limits.items() if value]
    if told.get("AccessLog") and _can_log(client, told.get("ApiLogsRoleArn", ""), say):
        log = f"arn:{_partition(account.region)}:logs:{account.region}:{account.number}:log-group:{told['AccessLog']}"
        operations += [
            _replace("/accessLogSettings/destinationArn", log),
            _replace("/accessLogSettings/format", _FORMAT),
        ]
    if operations:
        client.update_stage(restApiId=api, stageName=stage, patchOperations=operations)


def _can_log(client: Any, role: str, say: Callable[[str], None]) -> bool:
    """Give API Gateway the role to write logs by, unless the account has one: it is the same for all of its APIs."""
    if client.get_account().get("cloudwatchRoleArn"):
        return True
    if not role:
        return False
    try:
        client.update_account(patchOperations=[_replace("/cloudwatchRoleArn", role)])
    except client.exceptions.BadRequestException as error:
        # A new role isn't known everywhere at once; the site works without its access log.
        say(f"API Gateway doesn't take the role for access logs yet ({error}): deploy again to have them")
        return False
    return True


def _replace(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}


def _partition(region: str) -> str:
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
