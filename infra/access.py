"""What the function may do: its own files, its queue, its secrets, its topic, its log, and nothing else."""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.accepted import accept
from infra.stage import Stage
from infra.storage import EXPORTS, PREVIEWS, REJECTS, Storage

_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


class Access(Construct):
    """The role that zappa gives the function; zappa's own would be allowed all of S3, SQS and more."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        storage: Storage,
        database_secret: str,
    ) -> None:
        """``database_secret`` is an ARN."""
        super().__init__(scope, name)
        self.role = iam.Role(
            self,
            "Function",
            description=f"What the function {stage.title} may do",
            # zappa lets API Gateway, too, take this role, to call the function by it.
            assumed_by=iam.CompositePrincipal(
                iam.ServicePrincipal("lambda.amazonaws.com"), iam.ServicePrincipal("apigateway.amazonaws.com")
            ),
        )
        self._let_into_bucket(stage, storage)
        self._allow("TakeNews", ["sqs:ReceiveMessage", "sqs:DeleteMessage"], storage.queue.queue_arn)
        self._allow("CountNews", ["sqs:GetQueueAttributes"], storage.queue.queue_arn, storage.dead.queue_arn)
        self._allow("TellPeople", ["sns:Publish"], storage.topic.topic_arn)
        self._allow(
            "ReadSecrets",
            ["secretsmanager:GetSecretValue"],
            database_secret,
            storage.site_secret.secret_arn,
            *stage.secrets,
        )
        if stage.kms_key:
            self._allow("UseKey", ["kms:Decrypt", "kms:GenerateDataKey"], stage.kms_key)
        self._let_run(stage)

    def _let_into_bucket(self, stage: Stage, storage: Storage) -> None:
        """Read, write and list; delete what was only shown, and nothing else for good.

        Old lists of rejects are deleted by name: their versions go when those of all deleted files do.
        """
        bucket = storage.bucket
        folders = dict.fromkeys([f"{stage.prefix}*", f"{REJECTS}*", f"{EXPORTS}*"])
        self._allow(
            "Files",
            [
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:PutObject",
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
            ],
            *(bucket.arn_for_objects(folder) for folder in folders),
        )
        previews = f"{stage.prefix}{PREVIEWS}*"
        self._allow("OldRejects", ["s3:DeleteObject"], bucket.arn_for_objects(f"{REJECTS}*"))
        self._allow("Previews", ["s3:DeleteObject", "s3:DeleteObjectVersion"], bucket.arn_for_objects(previews))
        self._allow(
            "ListFiles",
            ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
            bucket.bucket_arn,
        )
        for folder in (*folders, previews):
            accept(
                self.role,
                f"AwsSolutions-IAM5[Resource::<{_logical_id(bucket)}.Arn>/{folder}]",
                "Files have names that nobody knows beforehand; the folder is the function's own.",
            )

    def _let_run(self, stage: Stage) -> None:
        """Write the log, join the network, and let API Gateway call the function."""
        function = _arn(self, "lambda", "function", stage.title)
        log = _arn(self, "logs", "log-group", f"/aws/lambda/{stage.title}:*")
        self._allow("WriteLog", ["logs:CreateLogStream", "logs:PutLogEvents"], log)
        self._allow("BeCalled", ["lambda:InvokeFunction"], function)
        self._allow("JoinNetwork", _INTERFACES, "*")
        self.role.add_to_policy(
            iam.PolicyStatement(
                sid="LeaveNetworkToLambda",
                effect=iam.Effect.DENY,
                actions=_INTERFACES,
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": function}},
            )
        )
        accept(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "Lambda itself joins the network by this role, and asks for these rights on everything; "
            "a Deny keeps them from the function's code.",
        )
        accept(
            self.role,
            f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:"
            f"/aws/lambda/{stage.title}:*]",
            "The streams of this one log have names that Lambda makes.",
        )

    def _allow(self, sid: str, actions: list[str], *resources: str) -> None:
        self.role.add_to_policy(iam.PolicyStatement(sid=sid, actions=actions, resources=list(resources)))


def _arn(scope: Construct, service: str, kind: str, name: str) -> str:
    return Stack.of(scope).format_arn(
        service=service, resource=kind, resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


def _logical_id(construct: Construct) -> str:
    return Stack.of(construct).resolve(construct.node.default_child.logical_id)
