"""The bucket for files, the queue that it tells of them, and beside them: messages, logs, code, the site's key."""

from aws_cdk import Aws, CfnCondition, CfnParameter, Duration, Fn, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.accepted import accept
from infra.stage import Stage

LONGEST = Duration.minutes(15)
"""How long the function may take: Lambda's own limit, and zappa_settings.json's."""
DELIVERIES = 5
"""A message that was handed out so often without success becomes a dead letter; AWS advises at least five."""
KEPT = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
"""Of a bucket that stays when its stack goes; but not when the stack never stood: it would be in the next try's way."""
PREVIEWS = "_preview/"
EXPORTS = "_exports/"
REJECTS = "_rejects/"


def bucket_name(stage: Stage) -> str:
    """Told by the stage: the network's door to S3 and the queue's policy name the bucket before it stands."""
    return f"{stage.title}-{Aws.ACCOUNT_ID}-{Aws.REGION}"


def bucket_arn(stage: Stage) -> str:
    """The ARN of that bucket."""
    return f"arn:{Aws.PARTITION}:s3:::{bucket_name(stage)}"


class Storage(Construct):
    """Files come into ``bucket``; ``queue`` keeps the news of each until the function takes it."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage) -> None:
        super().__init__(scope, name)
        self._key = kms.Key.from_key_arn(self, "Key", stage.kms_key) if stage.kms_key else None
        self.dead = self._queue("DeadLetters")
        self.queue = self._queue(
            "Files",
            visibility_timeout=Duration.minutes(6 * LONGEST.to_minutes()),  # AWS's advice for a queue before a function
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead, max_receive_count=DELIVERIES),
        )
        self.logs = self._side_bucket("AccessLogs", days=90, removal_policy=KEPT)
        self.code = self._side_bucket(
            "Code", days=30, server_access_logs_bucket=self.logs, removal_policy=_removal(stage)
        )
        self.bucket = self._bucket(stage)
        self._tell_queue(stage)
        self.topic = self._topic(stage)
        self.site_secret = secretsmanager.Secret(
            self,
            "Site",
            description=f"Django's SECRET_KEY of {stage.title}",
            encryption_key=self._key,
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=64, exclude_punctuation=True),
        )
        accept(
            self.site_secret,
            "AwsSolutions-SMG4",
            "Another key ends every session and makes links in sent messages void: it is changed by hand (runbook).",
        )

    def _queue(self, name: str, **more: object) -> sqs.Queue:
        return sqs.Queue(
            self,
            name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            **more,
        )

    def _side_bucket(self, name: str, *, days: int, **more: object) -> s3.Bucket:
        """One that holds nothing which couldn't be lost: it is emptied by age."""
        return s3.Bucket(
            self,
            name,
            **_LOCKED,
            **more,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(days), abort_incomplete_multipart_upload_after=Duration.days(1)
                )
            ],
        )

    def _bucket(self, stage: Stage) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Bucket",
            **(_LOCKED | self._by_own_key()),
            bucket_name=bucket_name(stage),
            versioned=True,
            server_access_logs_bucket=self.logs,
            server_access_logs_prefix="files/",
            removal_policy=_removal(stage),
            lifecycle_rules=_lifecycle(stage),
        )
        self._let_pages_send(stage, bucket)
        return bucket

    def _by_own_key(self) -> dict[str, object]:
        """How the bucket encrypts files where the stage has a key of its own; S3 asks that key once for many files."""
        if not self._key:
            return {}
        return {"encryption": s3.BucketEncryption.KMS, "encryption_key": self._key, "bucket_key_enabled": True}

    def _let_pages_send(self, stage: Stage, bucket: s3.Bucket) -> None:
        """The admin's pages may send files, and nothing else; no other page may.

        Their address is known for certain when zappa has made it: hence a parameter of the template.
        """
        origin = CfnParameter(
            self,
            "AdminOrigin",
            default=stage.admin_origin,
            allowed_pattern=r"^(https://[a-z0-9.-]+(:[0-9]+)?)?$",
            constraint_description="scheme and host alone, as in https://files.example.com, or nothing",
            description="Where the admin's pages come from; nothing: no page may send files to the bucket",
        )
        origin.override_logical_id("AdminOrigin")
        known = CfnCondition(self, "KnowsOrigin", expression=Fn.condition_not(Fn.condition_equals(origin, "")))
        rule = {
            "AllowedMethods": ["PUT"],
            "AllowedOrigins": [origin.value_as_string],
            "AllowedHeaders": ["content-type", "content-md5", "x-amz-*"],
            "MaxAge": 3000,
        }
        bucket.node.default_child.add_property_override(
            "CorsConfiguration",
            {"Fn::If": [known.logical_id, {"CorsRules": [rule]}, {"Ref": "AWS::NoValue"}]},
        )

    def _tell_queue(self, stage: Stage) -> None:
        """Tell the queue of every new object below the prefix.

        Here and not with the trigger: what comes before the function stands waits in the queue, and an update of the
        function doesn't touch the notification. S3 asks for the queue's policy, so that has to stand first.
        """
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={
                    "ArnEquals": {"aws:SourceArn": bucket_arn(stage)},
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                },
            )
        )
        prefix = s3.CfnBucket.FilterRuleProperty(name="prefix", value=stage.prefix)
        keys = s3.CfnBucket.NotificationFilterProperty(
            s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=[prefix] if stage.prefix else [])
        )
        told = s3.CfnBucket.QueueConfigurationProperty(
            event="s3:ObjectCreated:*", queue=self.queue.queue_arn, filter=keys if stage.prefix else None
        )
        bucket = self.bucket.node.default_child
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(queue_configurations=[told])
        bucket.node.add_dependency(self.queue.node.find_child("Policy"))

    def _topic(self, stage: Stage) -> sns.Topic:
        """Alarms, and what the product itself has to say."""
        topic = sns.Topic(self, "Messages", display_name=stage.title, enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        if stage.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))
        return topic


_LOCKED = {
    "encryption": s3.BucketEncryption.S3_MANAGED,
    "block_public_access": s3.BlockPublicAccess.BLOCK_ALL,
    "object_ownership": s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    "enforce_ssl": True,
    "minimum_tls_version": 1.2,
}


def _removal(stage: Stage) -> RemovalPolicy:
    """What becomes of a bucket when its stack goes; CloudFormation deletes no bucket that holds anything."""
    return KEPT if stage.protect else RemovalPolicy.DESTROY


def _lifecycle(stage: Stage) -> list[s3.LifecycleRule]:
    rules = [
        s3.LifecycleRule(
            id="unfinished uploads",
            abort_incomplete_multipart_upload_after=Duration.days(7),
        ),
        s3.LifecycleRule(
            id="old versions",
            noncurrent_version_expiration=Duration.days(stage.old_version_days),
            expired_object_delete_marker=True,
        ),
    ]
    folders = {f"{stage.prefix}{PREVIEWS}": 1, EXPORTS: 7, f"{stage.prefix}{EXPORTS}": 7}
    rules += [
        s3.LifecycleRule(
            id=f"expire {folder}",
            prefix=folder,
            expiration=Duration.days(days),
            noncurrent_version_expiration=Duration.days(1),
        )
        for folder, days in folders.items()
    ]
    return rules
