"""The way out if zappa can't deploy any more: the function and its API as a stack, for stages with ``cdk_function``.

The stack has the name of the one that zappa makes for its API, so that a stage never has both.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.stage import StageError, read
from pipeline_site.deploy import DeployError
from pipeline_site.deploy.templates import synthesize_function
from pipeline_site.deploy.zappa import ROOT

if TYPE_CHECKING:
    from pipeline_site.deploy.steps import Deployment

STAGES = ROOT / "infra" / "stages.toml"


def is_wanted(stage: str, *, file: Path = STAGES) -> bool:
    """Whether the stage says ``cdk_function = true``. Raises DeployError if its choices can't be read."""
    try:
        stages = read(file)
    except StageError as error:
        raise DeployError(str(error)) from None
    return stage in stages and stages[stage].cdk_function


def is_deployed(deployment: "Deployment") -> bool:
    """Whether the stage's function is part of a stack, and not zappa's."""
    client = deployment.account.client("cloudformation")
    try:
        told = client.describe_stack_resource(StackName=deployment.name, LogicalResourceId="Function")
    except ClientError:
        return False  # there is no such stack, or no function in it
    return not str(told["StackResourceDetail"].get("ResourceStatus", "")).startswith("DELETE_")


def put(deployment: "Deployment", address: str) -> None:
    """Create or update the function and its API, with the package at ``address`` in the code bucket.

    A function that zappa has made is removed first. Raises DeployError where it can't continue; another run then
    continues from what is there.
    """
    if deployment.function.stands() and not is_deployed(deployment):
        deployment.say("removing the function that zappa made; files that arrive meanwhile wait in the queue")
        deployment.remove_function()
    settings = deployment.write_settings()  # without the address that zappa's API had
    template = synthesize_function(deployment.stage, settings, deployment.folder / "stack")
    key = address.removeprefix(f"s3://{deployment.outputs['CodeBucketName']}/")
    deployment.stacks.deploy(deployment.name, template, parameters={"CodeKey": key}, capabilities=())
