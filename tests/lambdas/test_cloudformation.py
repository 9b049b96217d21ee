"""A stage with `cdk_function` has its function from a stack, and moves there from zappa and back, never with both."""

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline_site.deploy import DeployError, cloudformation, hooks, zappa
from pipeline_site.deploy.account import AwsAccount
from pipeline_site.deploy.stacks import Stacks
from pipeline_site.deploy.steps import Deployment
from pipeline_site.deploy.templates import synthesize_function
from pipeline_site.local.aws import REGION, LocalAws
from tests.infra.completed import TOLD
from tests.infra.test_deployed import zipped

TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
TOPIC = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
"""In place of what calls the function."""


@pytest.fixture
def deployment(aws_server: LocalAws) -> Iterator[Deployment]:
    """A stage of its own, of which nothing is deployed yet; two packages are in its code bucket."""
    stage = f"t{uuid.uuid4().hex[:8]}"
    s3 = aws_server.client("s3")
    s3.create_bucket(Bucket=f"code-{stage}")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    role = aws_server.client("iam").create_role(RoleName=stage, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for name in ("old", "new"):
        s3.put_object(Bucket=f"code-{stage}", Key=f"{name}.zip", Body=zipped({"name.py": f"name = '{name}'"}))
    found = Deployment(
        stage=stage,
        settings=zappa.stage_settings("dev", runtime=zappa.HERE),
        account=AwsAccount(number="123456789012", region=REGION),
        stacks=Stacks(aws_server.client("cloudformation"), pause=0.05),
        templates={},
        say=lambda text: None,
        outputs=TOLD | {"CodeBucketName": f"code-{stage}", "RoleArn": role},
    )
    yield found
    found.remove_function()


@pytest.fixture(autouse=True)
def template(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, deployment: Deployment) -> None:
    """A small stack in place of the CDK's, which tests/infra holds against zappa's settings."""
    code = {"S3Bucket": deployment.outputs["CodeBucketName"], "S3Key": {"Ref": "CodeKey"}}
    function = {
        "FunctionName": deployment.name,
        "Runtime": "python3.11",
        "Handler": "name.f",
        "Role": deployment.outputs["RoleArn"],
        "Code": code,
    }
    resources = {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": deployment.name, "ProtocolType": "HTTP"}},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
    }
    file = tmp_path / "function.json"
    file.write_text(json.dumps({"Parameters": {"CodeKey": {"Type": "String"}}, "Resources": resources}))
    monkeypatch.setattr(cloudformation, "synthesize_function", lambda stage, settings, folder: file)
    monkeypatch.setattr("pipeline_site.deploy.steps.BUILD", tmp_path)


def put(deployment: Deployment, name: str) -> str:
    """Deploy one of the packages; the digest of the function's code."""
    cloudformation.put(deployment, f"s3://{deployment.outputs['CodeBucketName']}/{name}.zip")
    told = deployment.account.client("lambda").get_function_configuration(FunctionName=deployment.name)
    return str(told["CodeSha256"])


def zappas(deployment: Deployment) -> None:
    """What zappa makes: the function, and a stack with its API; and the stack that calls the function."""
    code = {"S3Bucket": deployment.outputs["CodeBucketName"], "S3Key": "old.zip"}
    made: dict[str, Any] = {
        "Runtime": "python3.11",
        "Handler": "name.f",
        "Role": deployment.outputs["RoleArn"],
        "Code": code,
    }
    deployment.account.client("lambda").create_function(FunctionName=deployment.name, **made)
    api = {"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": deployment.name}}}
    for name, body in {deployment.name: {"Resources": api}, f"{deployment.name}-trigger": TOPIC}.items():
        client = deployment.account.client("cloudformation")
        client.create_stack(StackName=name, TemplateBody=json.dumps(body))
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_it_is_made_and_brought_up_to_date(deployment: Deployment) -> None:
    assert not cloudformation.is_deployed(deployment)
    old = put(deployment, "old")
    assert cloudformation.is_deployed(deployment)
    assert deployment.site().endswith(f".execute-api.{REGION}.amazonaws.com/{deployment.stage}/")
    site = deployment.site()
    assert put(deployment, "new") != old
    assert deployment.site() == site, "an update keeps the address"


def test_the_limits_of_a_site_are_set_by_its_own_api(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """API Gateway knows an HTTP API under another service, and would say that there is no such API."""
    protected: list[str] = []
    monkeypatch.setattr("pipeline_site.deploy.api.protect", lambda account, api, *more: protected.append(api))
    put(deployment, "old")
    deployment.protect_site()
    assert protected == []
    deployment.remove_function()
    zappas(deployment)
    deployment.protect_site()
    assert protected == [deployment._api()]


def test_zappas_function_goes_first_and_what_calls_it(deployment: Deployment) -> None:
    zappas(deployment)
    before = deployment.site()
    said: list[str] = []
    put(replace(deployment, say=said.append), "new")
    assert said == ["removing the function that zappa made; files that arrive meanwhile wait in the queue"]
    assert cloudformation.is_deployed(deployment)
    assert not deployment.stacks.stands(f"{deployment.name}-trigger")
    told = json.loads((deployment.folder / "zappa_settings.json").read_text())[deployment.stage]
    assert told["aws_environment_variables"]["SITE_URL"] == "", "the old address would be a dead link"
    assert before != deployment.site()


def test_zappa_gets_a_stage_back_without_the_stack(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """`zappa update` would change the stack into its own, and the function would go with what it was."""
    put(deployment, "old")
    assert deployment.state() == "incomplete", "so that `update` is refused, and `deploy` removes it first"
    deployment.remove_function()
    assert deployment.state() == "absent"
    monkeypatch.setattr(cloudformation, "is_wanted", lambda stage: True)
    put(deployment, "new")
    assert deployment.state() == "deployed"


def test_deploy_and_update_go_by_the_stack_where_the_stage_wants_it(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """zappa's own part of the command never begins."""
    bucket = deployment.outputs["CodeBucketName"]
    monkeypatch.setattr(cloudformation, "is_wanted", lambda stage: True)
    monkeypatch.setattr(hooks, "_deployment", lambda cli: deployment)
    monkeypatch.setattr(hooks, "synthesize", lambda stage, folder, say: {})
    monkeypatch.setattr(Deployment, "prepare", lambda self, own, image: f"s3://{bucket}/new.zip")
    monkeypatch.setattr(Deployment, "finish", Deployment.site)
    for command in ("deploy", "update"):
        typed = SimpleNamespace(command=command, api_stage=deployment.stage, vargs={})
        with pytest.raises(SystemExit) as ended:
            hooks._deploy(typed)  # type: ignore[arg-type]
        assert ended.value.code == 0
        assert capsys.readouterr().out.endswith(f"Site: {deployment.site()}admin/\n")
    typed.vargs["no_upload"] = True
    with pytest.raises(DeployError, match="takes our package only"):
        hooks._deploy(typed)  # type: ignore[arg-type]


# -- the choice ---------------------------------------------------------------------------------------------------


def test_a_stage_says_whether_it_wants_it(tmp_path: Path) -> None:
    file = tmp_path / "stages.toml"
    file.write_text("[dev]\n[out]\ncdk_function = true\n")
    assert [cloudformation.is_wanted(stage, file=file) for stage in ("dev", "out", "none")] == [False, True, False]
    file.write_text("[dev]\ncdk_function = 1\n")
    with pytest.raises(DeployError, match=r"^cdk_function of the stage 'dev' is 1: write true or false\.$"):
        cloudformation.is_wanted("dev", file=file)


def test_no_stage_of_ours_has_it_yet() -> None:
    assert not any(cloudformation.is_wanted(stage) for stage in ("dev", "production"))


@pytest.mark.skipif(os.environ.get("INFRA") == "0", reason="INFRA=0")
def test_a_stack_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        DeployError, match=r"can't be written: The stage 'dev' gets its function from zappa: write cdk_f"
    ):
        synthesize_function("dev", tmp_path / "zappa_settings.json", tmp_path)
