"""The settings of a stage as zappa gets them, with what its stacks would tell."""

from typing import Any

from pipeline_site.deploy import zappa
from pipeline_site.deploy.account import AwsAccount
from pipeline_site.deploy.stacks import Stacks
from pipeline_site.deploy.steps import Deployment

TOLD = {
    "DatabaseHost": "db.example",
    "DatabasePort": "5432",
    "DatabaseName": "ingest",
    "DatabaseSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf",
    "SiteSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:site-AbCdEf",
    "BucketName": "files-of-a-stage",
    "Prefix": "in/",
    "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
    "TopicArn": "arn:aws:sns:eu-west-1:123456789012:topic",
    "CodeBucketName": "code-of-a-stage",
    "RoleArn": "arn:aws:iam::123456789012:role/function",
    "FunctionSubnets": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "FunctionSecurityGroup": "sg-0123456789abcdef0",
}
"""The outputs of the stacks."""


class _NoStacks(Stacks):
    """Those of an account where zappa has made nothing yet."""

    def stands(self, name: str) -> bool:
        return False


def completed(stage: str, **chosen: Any) -> dict[str, Any]:
    """The complete settings of ``stage``, which has ``chosen`` too, before its site has an address."""
    return Deployment(
        stage=stage,
        settings=zappa.stage_settings("dev", runtime=zappa.HERE) | chosen,
        account=AwsAccount(number="123456789012", region="eu-west-1"),
        stacks=_NoStacks(None),
        templates={},
        say=print,
        outputs=dict(TOLD),
    ).complete()
