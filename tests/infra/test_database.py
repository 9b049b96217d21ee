"""The database is encrypted, inside, backed up, and gone only when that was said; its password is nobody's to know."""

import io
from pathlib import Path

import psycopg2
import pytest

from pipeline_site.local.postgres import Postgres
from tests.conftest import MAJORS, QUICK
from tests.infra.template import Stacks


def test_it_is_a_full_version_that_has_all_of_merge(by_default: Stacks, full: Stacks) -> None:
    for stage, version in ((by_default, "18.6"), (full, "17.10")):
        instance = stage["data"].one("AWS::RDS::DBInstance")
        assert (instance["Engine"], instance["EngineVersion"]) == ("postgres", version)
        assert stage["data"].one("AWS::RDS::DBParameterGroup")["Family"] == f"postgres{version.split('.')[0]}"


def test_it_is_encrypted_and_has_no_public_address(stage: Stacks) -> None:
    instance = stage["data"].one("AWS::RDS::DBInstance")
    assert instance["StorageEncrypted"] is True
    assert instance["PubliclyAccessible"] is False


def test_it_speaks_tls_or_nothing(stage: Stacks) -> None:
    parameters = stage["data"].one("AWS::RDS::DBParameterGroup")["Parameters"]
    assert parameters["rds.force_ssl"] == "1"
    assert parameters["ssl_min_protocol_version"] == "TLSv1.2"
    group = stage["data"].one("AWS::RDS::DBInstance")["DBParameterGroupName"]
    assert group.strip("<>") in stage["data"].all("AWS::RDS::DBParameterGroup")


def test_its_log_quotes_no_cells(by_default: Stacks, server_folder: Path) -> None:
    """Tried on a PostgreSQL of our own, with the settings that are about the log."""
    parameters = by_default["data"].one("AWS::RDS::DBParameterGroup")["Parameters"]
    about_logs = {name: value for name, value in parameters.items() if name.startswith("log_")}
    server = Postgres(folder=server_folder / "logged", major=MAJORS[0], settings=QUICK | about_logs)
    server.start()
    try:
        _err(server)
        told = (server.folder / "postgres.log").read_text()
    finally:
        server.stop()
    assert "CREATE TEMP TABLE logged_here" in told
    assert "cell-" not in told


def _err(server: Postgres) -> None:
    """Write a cell, and make the mistakes whose messages, details and statements quote one."""
    connection = psycopg2.connect(server.url("postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE logged_here (id int PRIMARY KEY, name text)")
        cursor.execute("INSERT INTO logged_here VALUES (1, 'cell-in-a-statement')")
        for wrong, values in (
            ("INSERT INTO logged_here VALUES (1, %s)", ("cell-of-a-duplicate",)),
            ("SELECT %s::int", ("cell-that-is-no-number",)),
        ):
            with pytest.raises(psycopg2.Error):
                cursor.execute(wrong, values)
        with pytest.raises(psycopg2.Error):
            cursor.copy_expert("COPY logged_here FROM STDIN", io.StringIO("cell-of-a-copy\tx\n"))
    connection.close()


def test_it_is_backed_up_and_can_be_looked_into(stage: Stacks) -> None:
    instance = stage["data"].one("AWS::RDS::DBInstance")
    assert instance["BackupRetentionPeriod"] >= 7
    assert instance["EnablePerformanceInsights"] is True
    assert instance["PerformanceInsightsRetentionPeriod"] == 7  # the days that cost nothing
    assert instance["EnableCloudwatchLogsExports"] == ["postgresql"]
    assert instance["AutoMinorVersionUpgrade"] is True
    assert instance["AllowMajorVersionUpgrade"] is False


def test_a_stage_s_own_key_encrypts_database_password_and_files(full: Stacks, by_default: Stacks) -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/5f6a7b8c-1b2c-3d4e-5f60-718293a4b5c6"
    instance = full["data"].one("AWS::RDS::DBInstance")
    assert (instance["KmsKeyId"], instance["PerformanceInsightsKMSKeyId"]) == (key, key)
    for name in ("data", "app"):
        assert full[name].one("AWS::SecretsManager::Secret")["KmsKeyId"] == key
    (rule,) = full["app"].one("AWS::S3::Bucket", "StorageBucket")["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert rule["ServerSideEncryptionByDefault"] == {"KMSMasterKeyID": key, "SSEAlgorithm": "aws:kms"}
    assert rule["BucketKeyEnabled"] is True
    assert "KmsKeyId" not in by_default["data"].one("AWS::RDS::DBInstance")


def test_backups_are_copied_to_another_region_if_the_stage_names_one(full: Stacks, by_default: Stacks) -> None:
    instance = full["data"].one("AWS::RDS::DBInstance")
    assert instance["AutomaticBackupReplicationRegion"] == "eu-central-1"
    assert ":kms:eu-central-1:" in instance["AutomaticBackupReplicationKmsKeyId"]
    assert instance["AutomaticBackupReplicationRetentionPeriod"] == instance["BackupRetentionPeriod"]
    assert "AutomaticBackupReplicationRegion" not in by_default["data"].one("AWS::RDS::DBInstance")


def test_it_is_small_by_default_and_grows(by_default: Stacks) -> None:
    instance = by_default["data"].one("AWS::RDS::DBInstance")
    assert instance["DBInstanceClass"] == "db.t4g.micro"
    assert (instance["AllocatedStorage"], instance["MaxAllocatedStorage"]) == ("20", 100)
    assert instance["MultiAZ"] is False


def test_it_is_protected_unless_the_stage_says_otherwise(by_default: Stacks, unprotected: Stacks) -> None:
    kept = by_default["data"].resource("AWS::RDS::DBInstance")
    assert kept["Properties"]["DeletionProtection"] is True
    assert kept["Properties"]["DeleteAutomatedBackups"] is False
    assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    gone = unprotected["data"].resource("AWS::RDS::DBInstance")
    assert gone["Properties"]["DeletionProtection"] is False
    assert gone["DeletionPolicy"] == "Delete"


def test_no_empty_one_can_take_its_place(stage: Stacks) -> None:
    """A replacement gets the same name, which AWS refuses as long as the first one stands."""
    assert stage["data"].one("AWS::RDS::DBInstance")["DBInstanceIdentifier"] == f"ingest-{stage.stage}"


def test_the_password_is_made_by_aws_and_stands_in_no_template(by_default: Stacks) -> None:
    data = by_default["data"]
    secret = data.one("AWS::SecretsManager::Secret")["GenerateSecretString"]
    assert secret["GenerateStringKey"] == "password"
    assert secret["PasswordLength"] >= 30
    name = next(iter(data.all("AWS::SecretsManager::Secret")))
    password = data.one("AWS::RDS::DBInstance")["MasterUserPassword"]
    assert password == f"{{{{resolve:secretsmanager:<{name}>:SecretString:password::}}}}"
    attached = data.one("AWS::SecretsManager::SecretTargetAttachment")
    assert attached["TargetType"] == "AWS::RDS::DBInstance"


def test_by_ipv6_rds_itself_keeps_and_changes_the_password(unprotected: Stacks) -> None:
    """The rotation function that AWS offers has no IPv6: without an endpoint it would never reach Secrets Manager."""
    data = unprotected["data"]
    instance = data.one("AWS::RDS::DBInstance")
    assert instance["ManageMasterUserPassword"] is True
    assert "MasterUserPassword" not in instance
    assert not any(kind.startswith("AWS::SecretsManager::") for kind in data.kinds())
    assert "Transform" not in data.whole
    assert data.outputs["DatabaseSecretArn"].endswith(".MasterUserSecret.SecretArn>")
    names = {alarm["AlarmName"] for alarm in unprotected["app"].all("AWS::CloudWatch::Alarm").values()}
    assert "ingest-dev-RotationErrors" not in names


def test_the_password_is_changed_from_inside(by_default: Stacks) -> None:
    data = by_default["data"]
    rotation = data.one("AWS::SecretsManager::RotationSchedule")
    assert rotation["SecretId"].strip("<>") in data.all("AWS::SecretsManager::SecretTargetAttachment")
    assert rotation["RotationRules"] == {"ScheduleExpression": "rate(30 days)"}
    hosted = rotation["HostedRotationLambda"]
    assert hosted["RotationType"] == "PostgreSQLSingleUser"
    assert hosted["VpcSecurityGroupIds"].startswith("<NetworkRotation")
    assert hosted["VpcSubnetIds"].count("function") == 2


def test_what_aws_logs_is_not_kept_for_ever(stage: Stacks) -> None:
    logs = {
        log["LogGroupName"]: log["RetentionInDays"]
        for name in ("data", "app")
        for log in stage[name].all("AWS::Logs::LogGroup").values()
        if "LogGroupName" in log
    }
    rotation = {} if stage.stage == "dev" else {f"/aws/lambda/ingest-{stage.stage}-rotation": 90}
    assert logs == rotation | {
        f"/aws/rds/instance/ingest-{stage.stage}/postgresql": 90,
        f"/aws/lambda/ingest-{stage.stage}": 90,
        f"/aws/apigateway/ingest-{stage.stage}": 90,
    }
    every = [log for each in stage for log in each.all("AWS::Logs::LogGroup").values()]
    assert all(log["RetentionInDays"] for log in every)
