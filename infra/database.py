"""PostgreSQL on RDS: encrypted, reached from inside by TLS alone, its password made and changed by AWS."""

from aws_cdk import Duration, RemovalPolicy, SecretValue
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.accepted import accept
from infra.kept import kept_log
from infra.network import Network
from infra.stage import Stage

NAME = "ingest"
"""The database's name."""
OWNER = "ingest"
"""The one user: owner of the database, as whom the function logs in."""
_NEVER_USED = " %+~`#$&*()|[]{}:;<>?!'/@\"\\"
"""In a password: what would need escaping in an address or a shell."""

_ACCEPTED = {
    "AwsSolutions-RDS3": "A second zone doubles the price: it is a choice (multi_az), and backups are kept.",
    "AwsSolutions-RDS10": "Off only where the stage says protect = false, so that it can be taken away whole.",
    "AwsSolutions-RDS11": "Another port hides nothing: security groups let in the function and nobody from outside.",
}


class Database(Construct):
    """The instance and its secret."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, network: Network) -> None:
        super().__init__(scope, name)
        self._key = kms.Key.from_key_arn(self, "Key", stage.kms_key) if stage.kms_key else None
        self.instance = self._instance(stage, network)
        if stage.is_ipv6:
            self._leave_password_to_rds()
        else:
            self._rotate(stage, network)
        if stage.backup_region:
            self._copy_backups(stage)

    @property
    def secret_arn(self) -> str:
        """The ARN of the secret that holds the owner's login."""
        own = self.instance.secret
        return own.secret_arn if own else self._cfn.get_att("MasterUserSecret.SecretArn").to_string()

    @property
    def _cfn(self) -> rds.CfnDBInstance:
        return self.instance.node.default_child

    def _instance(self, stage: Stage, network: Network) -> rds.DatabaseInstance:
        engine = rds.DatabaseInstanceEngine.postgres(
            version=rds.PostgresEngineVersion.of(stage.database_version, stage.database_version.split(".")[0])
        )
        instance = rds.DatabaseInstance(
            self,
            "Instance",
            instance_identifier=stage.title,  # a name: an empty instance can't silently take this one's place
            engine=engine,
            parameter_group=rds.ParameterGroup(self, "Parameters", engine=engine, parameters=_parameters(stage)),
            instance_type=ec2.InstanceType(stage.database_class),
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name="database"),
            security_groups=[network.database],
            publicly_accessible=False,
            database_name=NAME,
            credentials=self._credentials(stage),
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            storage_type=rds.StorageType.GP3,
            storage_encrypted=True,
            storage_encryption_key=self._key,
            allocated_storage=stage.database_storage_gib,
            max_allocated_storage=stage.database_storage_limit_gib,
            multi_az=stage.multi_az,
            backup_retention=Duration.days(stage.backup_days),
            delete_automated_backups=not stage.protect,
            copy_tags_to_snapshot=True,
            preferred_backup_window="02:00-03:00",
            preferred_maintenance_window="sun:03:30-sun:04:30",
            auto_minor_version_upgrade=True,
            allow_major_version_upgrade=stage.major_upgrade,
            deletion_protection=stage.protect,
            removal_policy=RemovalPolicy.SNAPSHOT if stage.protect else RemovalPolicy.DESTROY,
            enable_performance_insights=True,
            performance_insight_retention=rds.PerformanceInsightRetention.DEFAULT,
            performance_insight_encryption_key=self._key,
            cloudwatch_logs_exports=["postgresql"],
        )
        instance.node.add_dependency(kept_log(self, f"/aws/rds/instance/{stage.title}/postgresql", stage.log_days))
        for rule, reason in _ACCEPTED.items():
            accept(instance, rule, reason)
        return instance

    def _credentials(self, stage: Stage) -> rds.Credentials:
        if stage.is_ipv6:  # the password is taken out of the template again below
            return rds.Credentials.from_password(OWNER, SecretValue.unsafe_plain_text("made by RDS"))
        return rds.Credentials.from_generated_secret(OWNER, exclude_characters=_NEVER_USED, encryption_key=self._key)

    def _leave_password_to_rds(self) -> None:
        """Let RDS make the password, keep it in a secret, and change it every seven days.

        The rotation function that AWS offers for secrets of our own has no IPv6, so without an endpoint inside the
        network it can't reach Secrets Manager.
        """
        self._cfn.add_property_deletion_override("MasterUserPassword")
        self._cfn.add_property_override("ManageMasterUserPassword", True)
        if self._key:
            self._cfn.add_property_override("MasterUserSecret", {"KmsKeyId": self._key.key_arn})

    def _copy_backups(self, stage: Stage) -> None:
        """Have RDS copy backups and logs of transactions to another region as they are made."""
        self._cfn.add_property_override("AutomaticBackupReplicationRegion", stage.backup_region)
        self._cfn.add_property_override("AutomaticBackupReplicationKmsKeyId", stage.backup_region_key)
        self._cfn.add_property_override("AutomaticBackupReplicationRetentionPeriod", stage.backup_days)

    def _rotate(self, stage: Stage, network: Network) -> None:
        """Let AWS's own function change the password, at first at once, so that one that fails is seen at once."""
        function = f"{stage.title}-rotation"
        log = kept_log(self, f"/aws/lambda/{function}", stage.log_days)
        schedule = self.instance.secret.add_rotation_schedule(
            "Rotation",
            automatically_after=Duration.days(stage.rotation_days),
            hosted_rotation=secretsmanager.HostedRotation.postgre_sql_single_user(
                function_name=function,
                vpc=network.vpc,
                vpc_subnets=ec2.SubnetSelection(subnets=network.function_subnets),
                security_groups=[network.rotation],
                exclude_characters=_NEVER_USED,
            ),
        )
        schedule.node.add_dependency(log)


def _parameters(stage: Stage) -> dict[str, str]:
    """TLS or nothing; and a log that tells no cells, as messages of errors, their details and their statements do."""
    return {
        "rds.force_ssl": "1",
        "ssl_min_protocol_version": "TLSv1.2",
        "max_connections": str(stage.database_connections),
        "log_min_messages": "log",  # not ERROR, which ranks below: errors are kept by the runs that met them
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_statement": "ddl",
    }
