"""What the site's API Gateway, which zappa makes, finds here: its access log, and a role to write logs by."""

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.accepted import accept
from infra.kept import kept_log
from infra.stage import Stage


class Site(Construct):
    """The log group of requests, and the role that an account's API Gateway writes its logs by."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage) -> None:
        super().__init__(scope, name)
        self.log = f"/aws/apigateway/{stage.title}"
        kept_log(self, self.log, stage.log_days)
        self.logs_role = self._role(stage)

    def _role(self, stage: Stage) -> iam.Role:
        """API Gateway has one such role for an account and region: a deployment names this one where there is none.

        It refuses a role with fewer rights than these, or with rights to some log groups only.
        """
        role = iam.Role(
            self,
            "ApiLogs",
            description="What API Gateway may do to write access logs",
            assumed_by=iam.ServicePrincipal(
                "apigateway.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(
                sid="WriteLogs",
                actions=[
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogGroups",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                    "logs:GetLogEvents",
                    "logs:FilterLogEvents",
                ],
                resources=["*"],
            )
        )
        accept(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "API Gateway writes all logs of the account's APIs by this one role, and refuses one with fewer rights.",
        )
        return role
