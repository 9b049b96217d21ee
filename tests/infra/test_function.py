"""The function without zappa: off by default, the same settings as zappa's, and none of them dropped."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.function_settings import read
from infra.stage import Stage, StageError
from pipeline_site.deploy import zappa
from tests.infra.completed import TOLD, completed
from tests.infra.template import Stacks, Template

STAGE = Stage(name="full", cdk_function=True)


def test_it_is_off_unless_the_stage_wants_it(stage: Stacks) -> None:
    assert Stage(name="dev").cdk_function is False
    assert not any("AWS::Lambda::Function" in template.kinds() for template in stage)


def test_the_function_is_the_one_that_zappa_would_make(function: Template) -> None:
    settings = completed("full")
    made = function.one("AWS::Lambda::Function")
    assert made.pop("Tags")
    variables = made.pop("Environment")["Variables"]
    assert made == {
        "FunctionName": "ingest-full",
        "Description": settings["lambda_description"],
        "Code": {"S3Bucket": TOLD["CodeBucketName"], "S3Key": "<CodeKey>"},
        "Runtime": settings["runtime"],
        "Architectures": [settings["architecture"]],
        "Handler": settings["lambda_handler"],
        "Role": TOLD["RoleArn"],
        "MemorySize": settings["memory_size"],
        "Timeout": settings["timeout_seconds"],
        "EphemeralStorage": settings["ephemeral_storage"],
        "VpcConfig": settings["vpc_config"],
    }
    site = variables.pop("SITE_URL")
    assert site == "https://<Api>.execute-api.<AWS::Region>.<AWS::URLSuffix>/full/"
    assert variables | {"SITE_URL": ""} == settings["aws_environment_variables"]
    assert function.outputs["SiteAddress"] == site


def test_every_request_goes_to_the_function_and_is_logged(function: Template) -> None:
    assert function.one("AWS::ApiGatewayV2::Api")["ProtocolType"] == "HTTP"
    assert function.one("AWS::ApiGatewayV2::Route")["RouteKey"] == "$default"
    integration = function.one("AWS::ApiGatewayV2::Integration")
    assert integration["IntegrationUri"] == "<Function.Arn>"
    assert (integration["IntegrationType"], integration["PayloadFormatVersion"]) == ("AWS_PROXY", "2.0")
    stage = function.one("AWS::ApiGatewayV2::Stage")
    assert (stage["StageName"], stage["AutoDeploy"]) == ("full", True), "the address has the form of zappa's"
    assert json.loads(stage["AccessLogSettings"]["Format"])["status"] == "$context.status"
    assert function.one("AWS::Logs::LogGroup")["RetentionInDays"] == Stage(name="full").log_days


def test_nobody_but_this_api_may_call_the_function(function: Template) -> None:
    let = function.one("AWS::Lambda::Permission")
    assert (let["FunctionName"], let["Principal"]) == ("<Function>", "apigateway.amazonaws.com")
    assert let["SourceArn"] == "arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<Api>/*"


def test_a_domain_leads_to_the_api(with_domain: Template) -> None:
    domain = with_domain.one("AWS::ApiGatewayV2::DomainName")
    assert domain["DomainName"] == "files.example.com"
    assert domain["DomainNameConfigurations"][0]["SecurityPolicy"] == "TLS_1_2"
    mapping = with_domain.one("AWS::ApiGatewayV2::ApiMapping")
    assert mapping["ApiId"] == "<Api>"
    assert mapping["Stage"].startswith("<FunctionStage")
    assert with_domain.outputs["SiteAddress"] == "https://files.example.com/"
    assert with_domain.outputs["DomainTarget"].endswith(".RegionalDomainName>")
    variables = with_domain.one("AWS::Lambda::Function")["Environment"]["Variables"]
    assert (variables["SITE_URL"], variables["ALLOWED_HOSTS"]) == ("https://files.example.com/", "files.example.com")


# -- settings -----------------------------------------------------------------------------------------------------


def file_with(folder: Path, **changed: Any) -> Path:
    """The complete settings with something changed; a value of None takes it out."""
    settings = completed("full") | changed
    zappa.write(folder, "full", {name: value for name, value in settings.items() if value is not None})
    return folder / "zappa_settings.json"


def test_what_a_stage_may_have_beside_is_taken(tmp_path: Path) -> None:
    beside = {"lambda_concurrency": 5, "xray_tracing": True, "layers": ["arn:aws:lambda:eu-west-1:1:layer:x:1"]}
    assert beside.items() <= read(file_with(tmp_path, **beside), STAGE).items()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"snap_start": "PublishedVersions"},
            r"^The stage 'full' sets snap_start, which .* remove it from zappa_settings",
        ),
        ({"domain": "a.example", "base_path": "x"}, r"sets base_path, which a function by CloudFormation can't have"),
        ({"domain": "a.example"}, r"has a domain: write the certificate_arn of its certificate, too\.$"),
        (
            {"keep_warm": True},
            r"^keep_warm of the stage 'full' is True: a function by CloudFormation only has false\.$",
        ),
        ({"events": [{"function": "a"}]}, r"only has \[\]\.$"),
        ({"role_arn": None}, r"lacks role_arn: give the file that `make deploy` completes\.$"),
    ],
)
def test_a_setting_that_would_be_lost_is_refused(tmp_path: Path, changed: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(StageError, match=sentence):
        read(file_with(tmp_path, **changed), STAGE)


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ({}, True),
        ({"IpAddress": {"aws:SourceIp": ["0.0.0.0/0"]}}, True),
        ({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}, False),
    ],
)
def test_a_limit_on_addresses_is_not_lifted_in_silence(tmp_path: Path, condition: Any, passes: bool) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"Statement": [{"Effect": "Allow", "Condition": condition}]}))
    file = file_with(tmp_path, apigateway_policy=str(policy))
    if passes:
        assert read(file, STAGE)
        return
    with pytest.raises(StageError, match="limits who may reach its site, which an HTTP API can't"):
        read(file, STAGE)


@pytest.mark.parametrize("text", ["{", "[]", '{"dev": {}}'])
def test_a_file_without_the_stage_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(StageError, match=r"settings\.json has no settings of the stage 'full'"):
        read(tmp_path / "settings.json", STAGE)
