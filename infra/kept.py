"""Logs, kept for as long as the stage says: what AWS makes by itself it keeps for ever."""

from aws_cdk import CfnResource, RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct


def kept_log(scope: Construct, name: str, days: int) -> CfnResource:
    """The log group ``name``, made before the first line is written to it."""
    inside = "".join(word.capitalize() for word in name.replace("-", "/").split("/"))
    group = logs.CfnLogGroup(scope, inside, log_group_name=name, retention_in_days=days)
    group.apply_removal_policy(RemovalPolicy.DESTROY)
    return group
