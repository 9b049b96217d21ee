"""The policies in infra/deployer allow what a deployment does, and only to what is ours by its name."""

import ast
import json
from functools import cache
from typing import Any

import boto3
import pytest

from pipeline_site.deploy import zappa
from tests.infra.conftest import ROOT
from tests.infra.deployer import ACCOUNT, REGION, allows, documents, statements
from tests.infra.template import Stacks, Template
from tests.infra.zappa_calls import NEEDS_SETTING, NEVER_THERE, operations, zappa_calls

LARGEST = 6144
"""Characters of a managed policy, without white space: IAM's own limit."""

MADE_BY = {
    "AWS::ApiGatewayV2::Api": "apigateway:POST apigateway:DELETE",
    "AWS::ApiGatewayV2::ApiMapping": "apigateway:POST apigateway:DELETE",
    "AWS::ApiGatewayV2::DomainName": "apigateway:POST apigateway:DELETE",
    "AWS::ApiGatewayV2::Integration": "apigateway:POST apigateway:DELETE",
    "AWS::ApiGatewayV2::Route": "apigateway:POST apigateway:DELETE",
    "AWS::ApiGatewayV2::Stage": "apigateway:POST apigateway:DELETE apigateway:PATCH logs:CreateLogDelivery",
    "AWS::Lambda::Function": "lambda:CreateFunction lambda:UpdateFunctionCode lambda:DeleteFunction iam:PassRole",
    "AWS::CloudWatch::Alarm": "cloudwatch:PutMetricAlarm cloudwatch:DeleteAlarms",
    "AWS::EC2::EIP": "ec2:AllocateAddress ec2:ReleaseAddress",
    "AWS::EC2::EgressOnlyInternetGateway": "ec2:CreateEgressOnlyInternetGateway ec2:DeleteEgressOnlyInternetGateway",
    "AWS::EC2::FlowLog": "ec2:CreateFlowLogs ec2:DeleteFlowLogs iam:PassRole logs:CreateLogDelivery",
    "AWS::EC2::Instance": "ec2:RunInstances ec2:TerminateInstances iam:PassRole ssm:GetParameters",
    "AWS::EC2::InternetGateway": "ec2:CreateInternetGateway ec2:DeleteInternetGateway",
    "AWS::EC2::LaunchTemplate": "ec2:CreateLaunchTemplate ec2:DeleteLaunchTemplate",
    "AWS::EC2::NatGateway": "ec2:CreateNatGateway ec2:DeleteNatGateway",
    "AWS::EC2::Route": "ec2:CreateRoute ec2:DeleteRoute ec2:ReplaceRoute",
    "AWS::EC2::RouteTable": "ec2:CreateRouteTable ec2:DeleteRouteTable",
    "AWS::EC2::SecurityGroup": "ec2:CreateSecurityGroup ec2:DeleteSecurityGroup",
    "AWS::EC2::SecurityGroupEgress": "ec2:AuthorizeSecurityGroupEgress ec2:RevokeSecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress": "ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupIngress",
    "AWS::EC2::Subnet": "ec2:CreateSubnet ec2:DeleteSubnet ec2:ModifySubnetAttribute ec2:AssociateSubnetCidrBlock",
    "AWS::EC2::SubnetRouteTableAssociation": "ec2:AssociateRouteTable ec2:DisassociateRouteTable",
    "AWS::EC2::VPC": "ec2:CreateVpc ec2:DeleteVpc ec2:ModifyVpcAttribute ec2:CreateTags",
    "AWS::EC2::VPCCidrBlock": "ec2:AssociateVpcCidrBlock ec2:DisassociateVpcCidrBlock",
    "AWS::EC2::VPCEndpoint": "ec2:CreateVpcEndpoint ec2:ModifyVpcEndpoint ec2:DeleteVpcEndpoints",
    "AWS::EC2::VPCGatewayAttachment": "ec2:AttachInternetGateway ec2:DetachInternetGateway",
    "AWS::Events::Rule": "events:PutRule events:PutTargets events:RemoveTargets events:DeleteRule",
    "AWS::IAM::InstanceProfile": "iam:CreateInstanceProfile iam:AddRoleToInstanceProfile iam:DeleteInstanceProfile",
    "AWS::IAM::Policy": "iam:PutRolePolicy iam:DeleteRolePolicy",
    "AWS::IAM::Role": "iam:CreateRole iam:DeleteRole iam:TagRole",
    "AWS::Lambda::EventSourceMapping": "lambda:CreateEventSourceMapping lambda:DeleteEventSourceMapping",
    "AWS::Lambda::Permission": "lambda:AddPermission lambda:RemovePermission",
    "AWS::Logs::LogGroup": "logs:CreateLogGroup logs:PutRetentionPolicy logs:DeleteLogGroup",
    "AWS::RDS::DBInstance": "rds:CreateDBInstance rds:ModifyDBInstance rds:DeleteDBInstance rds:CreateDBSnapshot"
    " rds:StartDBInstanceAutomatedBackupsReplication iam:CreateServiceLinkedRole",
    "AWS::RDS::DBParameterGroup": "rds:CreateDBParameterGroup rds:ModifyDBParameterGroup rds:DeleteDBParameterGroup",
    "AWS::RDS::DBSubnetGroup": "rds:CreateDBSubnetGroup rds:DeleteDBSubnetGroup",
    "AWS::S3::Bucket": "s3:CreateBucket s3:DeleteBucket s3:PutBucketVersioning s3:PutBucketNotification"
    " s3:PutBucketCORS s3:PutBucketLogging s3:PutBucketPublicAccessBlock s3:PutBucketOwnershipControls"
    " s3:PutEncryptionConfiguration s3:PutLifecycleConfiguration s3:PutBucketTagging",
    "AWS::S3::BucketPolicy": "s3:PutBucketPolicy s3:DeleteBucketPolicy",
    "AWS::SNS::Subscription": "sns:Subscribe sns:Unsubscribe",
    "AWS::SNS::Topic": "sns:CreateTopic sns:DeleteTopic sns:SetTopicAttributes",
    "AWS::SNS::TopicPolicy": "sns:SetTopicAttributes",
    "AWS::SQS::Queue": "sqs:CreateQueue sqs:DeleteQueue sqs:SetQueueAttributes",
    "AWS::SQS::QueuePolicy": "sqs:SetQueueAttributes",
    "AWS::SecretsManager::ResourcePolicy": "secretsmanager:PutResourcePolicy secretsmanager:DeleteResourcePolicy",
    "AWS::SecretsManager::RotationSchedule": "secretsmanager:RotateSecret secretsmanager:CancelRotateSecret"
    " cloudformation:CreateChangeSet lambda:CreateFunction",
    "AWS::SecretsManager::Secret": "secretsmanager:CreateSecret secretsmanager:DeleteSecret"
    " secretsmanager:GetRandomPassword",
    "AWS::SecretsManager::SecretTargetAttachment": "secretsmanager:PutSecretValue secretsmanager:GetSecretValue",
}
"""What CloudFormation calls, as whoever deploys, to make and remove each kind of resource."""

ANYWHERE = {
    "WhoAmI",
    "Network",
    "LookAtDatabases",
    "MakePasswords",
    "Mappings",
    "LookForRules",
    "LookForLogs",
    "Metrics",
}
"""Statements about no resource that could be named: AWS knows no names there, or gives them itself."""

_OTHER_NAMES = {
    "Invoke": "InvokeFunction",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjectVersions": "ListBucketVersions",
    "DeleteObjects": "DeleteObjectVersion",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
}
"""Calls whose right has another name."""


def called() -> set[str]:
    """The rights to what the deployment itself calls, read from its source."""
    files = [*(ROOT / "pipeline_site" / "deploy").glob("*.py"), ROOT / "ingest" / "aws" / "wiring.py"]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    calls = [each for each in nodes if isinstance(each, ast.Call)]
    names = {each.attr for each in nodes if isinstance(each, ast.Attribute)}
    names |= {text for each in calls if _name(each) == "get_paginator" for text in _texts(each)}
    return {
        _right(service, operations(service)[method])
        for service in {text for each in calls for text in _services(each)}
        for method in names & operations(service).keys()
    }


def _right(service: str, operation: str) -> str:
    if service == "apigateway":
        verbs = {"Get": "GET", "Update": "PATCH", "Create": "POST", "Delete": "DELETE"}
        return f"apigateway:{next(verb for start, verb in verbs.items() if operation.startswith(start))}"
    return f"{service}:{_OTHER_NAMES.get(operation, operation)}"


def _services(call: ast.Call) -> list[str]:
    if _name(call) not in ("client", "_client"):
        return []
    return [text for text in _texts(call) if text in _known()]


@cache
def _known() -> frozenset[str]:
    return frozenset(boto3.session.Session().get_available_services())


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _texts(call: ast.Call) -> list[str]:
    return [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def test_each_policy_fits_into_one_of_iam_s() -> None:
    for name, text in documents().items():
        assert len(json.dumps(json.loads(text), separators=(",", ":"))) <= LARGEST, name


def test_every_kind_of_resource_can_be_made_and_removed(stage: Stacks) -> None:
    for template in stage:
        for kind in template.kinds():
            missing = [right for right in MADE_BY[kind].split() if not allows(right)]
            assert not missing, (kind, missing)


def test_the_function_s_own_stack_can_be_made_and_removed(function: Template) -> None:
    for kind in function.kinds():
        assert [right for right in MADE_BY[kind].split() if not allows(right)] == [], kind
    for path in ("/apis", "/apis/abc/stages/full", "/restapis", "/restapis/abc", "/domainnames/files.example.com"):
        assert allows("apigateway:POST", f"arn:aws:apigateway:{REGION}::{path}"), path


def test_what_zappa_calls_is_allowed() -> None:
    found = {_right(service, operation) for service, operation in zappa_calls()}
    assert {"lambda:CreateFunction", "cloudformation:DescribeStackResource", "logs:FilterLogEvents"} <= found
    assert {"cloudwatch:GetMetricStatistics", "apigateway:PATCH", "s3:PutObject", "lambda:InvokeFunction"} <= found
    assert {right for right in found if not allows(right)} == set(NEVER_THERE)


@pytest.mark.parametrize("stage", zappa.stages())
def test_what_zappa_would_call_for_other_settings_is_for_settings_that_no_stage_has(stage: str) -> None:
    settings = zappa.stage_settings(stage)
    assert [name for name in (*NEEDS_SETTING.values(), "provisioned_concurrency") if settings.get(name)] == []


def test_what_the_deployment_calls_is_allowed() -> None:
    found = called()
    assert {"cloudformation:CreateStack", "lambda:GetAccountSettings", "sns:ListSubscriptionsByTopic"} <= found
    assert {"s3:ListBucketVersions", "ec2:DescribeManagedPrefixLists", "sts:GetCallerIdentity"} <= found
    assert sorted(right for right in found if not allows(right)) == []


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:DeleteBucket", "arn:aws:s3:::others"),
        ("s3:GetObject", "arn:aws:s3:::others/secret.csv"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:others"),
        ("rds:DeleteDBInstance", f"arn:aws:rds:{REGION}:{ACCOUNT}:db:others"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:others-AbCdEf"),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/others/1"),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/eve"),
        ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/admin"),
        ("organizations:LeaveOrganization", "*"),
    ],
)
def test_what_is_others_is_out_of_reach(action: str, resource: str) -> None:
    assert not allows(action, resource)


def test_only_what_has_no_name_is_allowed_everywhere() -> None:
    def everywhere(told: dict[str, Any]) -> bool:
        return "*" in ([told["Resource"]] if isinstance(told["Resource"], str) else told["Resource"])

    assert {told["Sid"] for told in statements() if everywhere(told)} == ANYWHERE
    for told in statements():
        assert not any(action.endswith(":*") for action in told["Action"]), told["Sid"]
