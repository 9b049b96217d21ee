"""Names the stacks of a stage and wires them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, BootstraplessSynthesizer, CfnOutput, CfnParameter, Fn, Stack, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra.access import Access
from infra.alarms import Alarms
from infra.bastion import Bastion
from infra.database import NAME, Database
from infra.function import Function
from infra.kept import kept_log
from infra.network import Network
from infra.site import Site
from infra.stage import PROJECT, Stage
from infra.storage import Storage, bucket_arn
from infra.trigger import Trigger

_FLAGS = {
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,  # access logs without ACLs, which buckets no longer take
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/core:validateAgainstDefaultRules": True,  # what CloudFormation would refuse is refused here
}


def stacks(stage: Stage, folder: Path) -> App:
    """The three stacks of ``stage``, in the order in which they are deployed; synthesized into ``folder``.

    They hold no assets and are bound to no account and region: CloudFormation takes the templates as they are.
    """
    app = _begun(stage, folder)
    _data(app, stage)
    _trigger(app, stage, _app(app, stage))
    return app


def function_stack(stage: Stage, settings: Mapping[str, Any], folder: Path) -> App:
    """The stack with the function and its API, for a stage that doesn't have them from zappa.

    ``settings`` are zappa's, complete (see ``infra.function_settings``). It has the name of zappa's own stack.
    """
    app = _begun(stage, folder)
    stack = Stack(
        app,
        stage.title,
        description="The function and its HTTP API",
        synthesizer=BootstraplessSynthesizer(),
    )
    made = Function(stack, "Function", stage=stage, settings=settings)
    site = f"https://{made.domain}/" if made.domain else made.site
    _put_out(stack, {"SiteAddress": site} | ({"DomainTarget": made.target} if made.domain else {}))
    return app


def _begun(stage: Stage, folder: Path) -> App:
    app = App(outdir=str(folder), analytics_reporting=False, context=_FLAGS)
    Tags.of(app).add("project", PROJECT)
    Tags.of(app).add("stage", stage.name)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


def _stack(app: App, stage: Stage, name: str, description: str) -> Stack:
    return Stack(app, f"{stage.title}-{name}", description=description, synthesizer=BootstraplessSynthesizer())


def _data(app: App, stage: Stage) -> None:
    stack = _stack(app, stage, "data", "Network and database")
    network = Network(stack, "Network", stage=stage, buckets=[bucket_arn(stage)])
    database = Database(stack, "Database", stage=stage, network=network)
    outputs = {
        "FunctionSubnets": Fn.join(",", [subnet.subnet_id for subnet in network.function_subnets]),
        "FunctionSecurityGroup": network.function.security_group_id,
        "FunctionIpv6": str(stage.is_ipv6).lower(),
        "DatabaseSecretArn": database.secret_arn,
        "DatabaseHost": database.instance.db_instance_endpoint_address,
        "DatabasePort": database.instance.db_instance_endpoint_port,
        "DatabaseName": NAME,
        "DatabaseInstance": database.instance.instance_identifier,
    }
    if stage.bastion:
        outputs["BastionId"] = Bastion(stack, "Bastion", network=network).host.instance_id
    _put_out(stack, outputs)


def _app(app: App, stage: Stage) -> Storage:
    stack = _stack(app, stage, "app", "Bucket, queue, topic, role and alarms")
    storage = Storage(stack, "Storage", stage=stage)
    access = Access(stack, "Access", stage=stage, storage=storage, database_secret=_database_secret(stack))
    kept_log(stack, f"/aws/lambda/{stage.title}", stage.log_days)
    Alarms(stack, "Alarms", stage=stage, storage=storage)
    site = Site(stack, "Site", stage=stage)
    _put_out(
        stack,
        {
            "BucketName": storage.bucket.bucket_name,
            "Prefix": stage.prefix,
            "QueueUrl": storage.queue.queue_url,
            "DeadLetterQueueUrl": storage.dead.queue_url,
            "TopicArn": storage.topic.topic_arn,
            "RoleArn": access.role.role_arn,
            "SiteSecretArn": storage.site_secret.secret_arn,
            "CodeBucketName": storage.code.bucket_name,
            "FunctionName": stage.title,
            "ScratchMib": str(stage.scratch_mib),
            "Writers": str(stage.writers),
            "RequestsPerSecond": str(stage.requests_per_second),
            "RequestsBurst": str(stage.requests_burst),
            "AllowedCidrs": ",".join(stage.allowed_cidrs) or "0.0.0.0/0",
            "AccessLog": site.log,
            "ApiLogsRoleArn": site.logs_role.role_arn,
            "Protected": str(stage.protect).lower(),
        },
    )
    return storage


def _database_secret(stack: Stack) -> str:
    """Return the ARN of the database's secret, which the data stack tells.

    A parameter: CloudFormation lets no stack change a value that another one imports, and another network, or a
    restored database, has another secret.
    """
    arn = CfnParameter(
        stack,
        "DatabaseLoginArn",
        allowed_pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+$",
        constraint_description="the output DatabaseSecretArn of the data stack",
        description="Whose login the function has",
    )
    return arn.value_as_string


def _trigger(app: App, stage: Stage, storage: Storage) -> None:
    stack = _stack(app, stage, "trigger", "What calls the function: needs the function")
    trigger = Trigger(stack, "Trigger", stage=stage, storage=storage)
    _put_out(
        stack,
        {"MappingId": trigger.mapping.event_source_mapping_id, "ClockRule": trigger.clock.rule_name},
    )


def _put_out(stack: Stack, values: dict[str, str]) -> None:
    for name, value in values.items():
        CfnOutput(stack, name, value=value)
