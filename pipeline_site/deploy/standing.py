"""What only the operator's credentials can see of a stage: the account's limits, and who is told of alarms."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from ingest.aws.wiring import Finding
from pipeline_site.deploy.account import AwsAccount

_WANTED = 1000
"""What AWS gives an account that has been in use for a while."""
_QUOTA = "L-B99A9384"
_BESIDE = 2
"""The schedule, and the rotation of the password."""


def look(account: AwsAccount, told: Mapping[str, str]) -> list[Finding]:
    """Look at the account's concurrency and at the subscriptions of the topic; ``told`` are the stacks' outputs."""
    checks: dict[str, Callable[[AwsAccount, Mapping[str, str]], Finding]] = {
        "concurrency": _concurrency,
        "alarms": _subscriptions,
    }
    return [_looked(subject, check, account, told) for subject, check in checks.items()]


def _looked(subject: str, check: Any, account: AwsAccount, told: Mapping[str, str]) -> Finding:
    try:
        return check(account, told)  # type: ignore[no-any-return]
    except ClientError as error:
        code, call = error.response.get("Error", {}).get("Code", "an error"), error.operation_name
        return Finding(
            subject=subject, good=True, caution=True, told=f"not checked: AWS answered {call} with {code} to you."
        )


def _concurrency(account: AwsAccount, told: Mapping[str, str]) -> Finding:
    """Whether loads leave room for pages, within what the account may run at once."""
    limits = account.client("lambda").get_account_settings()["AccountLimit"]
    most, free = int(limits["ConcurrentExecutions"]), int(limits["UnreservedConcurrentExecutions"])
    writers = int(told.get("Writers") or 0)
    burst = int(told.get("RequestsBurst") or 0)
    wanted = writers + burst + _BESIDE
    ask = (
        f"`aws service-quotas request-service-quota-increase --service-code lambda --quota-code {_QUOTA} "
        f"--desired-value {max(_WANTED, wanted)} --region {account.region}`"
    )
    young = " Reserved concurrency is refused below 110." if most < 110 else ""
    if free < writers + _BESIDE + 1:
        return Finding(
            subject="concurrency",
            good=False,
            told=f"the account runs {free} functions at once, and {writers} loads leave none for pages: write "
            f"writers = {max(2, free - _BESIDE - 1)} in infra/stages.toml, or ask for more: {ask}.{young}",
        )
    if free < wanted:
        return Finding(
            subject="concurrency",
            good=True,
            caution=True,
            told=f"the account runs {free} functions at once, and this stage can use {wanted} ({writers} loads, "
            f"{burst} pages, {_BESIDE} more): pages are refused while all are busy. Ask for more: {ask}.{young}",
        )
    return Finding(subject="concurrency", good=True, told=f"{free} of {most} are free, and {wanted} is the most in use")


def _subscriptions(account: AwsAccount, told: Mapping[str, str]) -> Finding:
    """Whether an alarm reaches anybody."""
    topic = told.get("TopicArn")
    pages = account.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [each["SubscriptionArn"] for page in pages for each in page["Subscriptions"]]
    confirmed = sum(arn.startswith("arn:") for arn in found)
    if confirmed:
        return Finding(subject="alarms", good=True, told=f"{confirmed} subscribed to the topic")
    protected = told.get("Protected") != "false"
    what = (
        "an address hasn't answered AWS's request for its consent: look for it, also among the spam"
        if found
        else "nobody is subscribed to the topic: write alarm_email in infra/stages.toml, and deploy the stage again"
    )
    return Finding(subject="alarms", good=not protected, caution=not protected, told=f"{what}.")
