"""The function may do what it does, and nothing else: every right of every role in the templates is listed here."""

from typing import Any

from tests.infra.template import Stacks, Template, statements


def rights(template: Template, role: str) -> dict[str, tuple[str, ...]]:
    """What each action that ``role`` is allowed may be done to."""
    found: dict[str, tuple[str, ...]] = {}
    for policy in template.all("AWS::IAM::Policy").values():
        if any(each.startswith(f"<{role}") for each in policy["Roles"]):
            for each in statements(policy["PolicyDocument"]):
                for action in each["Action"] if each["Effect"] == "Allow" else ():
                    found[action] = tuple(sorted({*found.get(action, ()), *map(str, each["Resource"])}))
    return found


def id_of(template: Template, kind: str, name: str) -> str:
    """The logical id of a resource."""
    (found,) = [each for each in template.all(kind) if each.startswith(name)]
    return found


def test_the_function_may_do_these_things_alone(by_default: Stacks) -> None:
    app = by_default["app"]
    bucket = f"<{id_of(app, 'AWS::S3::Bucket', 'StorageBucket')}.Arn>"
    queue = f"<{id_of(app, 'AWS::SQS::Queue', 'StorageFiles')}.Arn>"
    dead = f"<{id_of(app, 'AWS::SQS::Queue', 'StorageDeadLetters')}.Arn>"
    topic = f"<{id_of(app, 'AWS::SNS::Topic', 'Storage')}>"
    files = (f"{bucket}/_exports/*", f"{bucket}/_rejects/*", f"{bucket}/data/*")
    arn = "arn:<AWS::Partition>:{}:<AWS::Region>:<AWS::AccountId>:{}"
    log = arn.format("logs", "log-group:/aws/lambda/ingest-plain:*")
    allowed = rights(app, "AccessFunction")
    secrets = allowed.pop("secretsmanager:GetSecretValue")
    assert allowed == {
        "s3:GetObject": files,
        "s3:GetObjectVersion": files,
        "s3:PutObject": files,
        "s3:AbortMultipartUpload": files,
        "s3:ListMultipartUploadParts": files,
        "s3:DeleteObject": (f"{bucket}/_rejects/*", f"{bucket}/data/_preview/*"),
        "s3:DeleteObjectVersion": (f"{bucket}/data/_preview/*",),
        "s3:ListBucket": (bucket,),
        "s3:ListBucketVersions": (bucket,),
        "s3:ListBucketMultipartUploads": (bucket,),
        "sqs:ReceiveMessage": (queue,),
        "sqs:DeleteMessage": (queue,),
        "sqs:GetQueueAttributes": tuple(sorted((queue, dead))),
        "sns:Publish": (topic,),
        "logs:CreateLogStream": (log,),
        "logs:PutLogEvents": (log,),
        "lambda:InvokeFunction": (arn.format("lambda", "function:ingest-plain"),),
        **dict.fromkeys(INTERFACES, ("*",)),
    }
    assert len(secrets) == 2
    assert "<DatabaseLoginArn>" in secrets
    assert any(each.startswith("<StorageSite") for each in secrets)


def test_the_function_may_read_further_secrets_if_the_stage_names_them(full: Stacks) -> None:
    allowed = rights(full["app"], "AccessFunction")["secretsmanager:GetSecretValue"]
    assert len(allowed) == 3
    assert "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mail/password-AbCdEf" in allowed


INTERFACES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}


def test_what_lambda_needs_on_everything_is_denied_to_the_function_s_code(stage: Stacks) -> None:
    policy = stage["app"].one("AWS::IAM::Policy", "AccessFunction")["PolicyDocument"]
    (deny,) = [each for each in statements(policy) if each["Effect"] == "Deny"]
    assert set(deny["Action"]) == INTERFACES
    assert deny["Resource"] == ["*"]
    function = f"arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:function:ingest-{stage.stage}"
    assert deny["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": function}}


def test_only_lambda_and_api_gateway_take_the_function_s_role(stage: Stacks) -> None:
    trust = stage["app"].one("AWS::IAM::Role", "AccessFunction")["AssumeRolePolicyDocument"]
    (let,) = trust["Statement"]
    assert let["Principal"] == {"Service": ["apigateway.amazonaws.com", "lambda.amazonaws.com"]}


def test_no_role_is_allowed_a_star(stage: Stacks) -> None:
    for template in stage:
        for name, policy in template.all("AWS::IAM::Policy").items():
            for each in statements(policy["PolicyDocument"]):
                assert not any("*" in action for action in each["Action"]), name
                if "*" in each["Resource"]:
                    assert name.startswith(("AccessFunction", "BastionRole", "SiteApiLogs")), name


def test_no_policy_of_aws_s_own_is_attached_and_no_key_is_made(stage: Stacks) -> None:
    for template in stage:
        assert not template.kinds() & {"AWS::IAM::User", "AWS::IAM::AccessKey", "AWS::IAM::ManagedPolicy"}
        for role in template.all("AWS::IAM::Role").values():
            assert "ManagedPolicyArns" not in role


def test_api_gateway_writes_logs_and_nothing_else(stage: Stacks) -> None:
    assert {action.partition(":")[0] for action in rights(stage["app"], "SiteApiLogs")} == {"logs"}
    trust = stage["app"].one("AWS::IAM::Role", "SiteApiLogs")["AssumeRolePolicyDocument"]
    (let,) = trust["Statement"]
    assert let["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert let["Condition"] == {"StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"}}


def test_the_function_may_use_the_stage_s_own_key_and_no_other(full: Stacks, by_default: Stacks) -> None:
    key = ("arn:aws:kms:eu-west-1:123456789012:key/5f6a7b8c-1b2c-3d4e-5f60-718293a4b5c6",)
    allowed = rights(full["app"], "AccessFunction")
    assert {action: on for action, on in allowed.items() if action.startswith("kms:")} == {
        "kms:Decrypt": key,
        "kms:GenerateDataKey": key,
    }
    assert not [action for action in rights(by_default["app"], "AccessFunction") if action.startswith("kms:")]


def test_the_bastion_may_be_a_bastion(full: Stacks) -> None:
    allowed = rights(full["data"], "BastionRole")
    assert {action.partition(":")[0] for action in allowed} == {"ssm", "ssmmessages"}
    assert [action for action in allowed if action.startswith("ssm:")] == ["ssm:UpdateInstanceInformation"]


def test_no_policy_lets_everybody_in(stage: Stacks) -> None:
    kinds = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
    policies: list[Any] = [each for kind in kinds for each in stage["app"].all(kind).values()]
    assert len(policies) == 6
    for policy in policies:
        for each in statements(policy["PolicyDocument"]):
            if each["Effect"] == "Allow":
                assert set(each["Principal"]) == {"Service"}
                assert "aws:SourceAccount" in each["Condition"]["StringEquals"]
