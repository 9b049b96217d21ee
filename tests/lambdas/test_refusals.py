"""What stands in the way of a deployment is told in one sentence, with what to do, before anything is touched."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme

from pipeline_site.deploy import DeployError, account, authority, password
from pipeline_site.deploy.function import Function
from pipeline_site.deploy.stacks import Stacks
from pipeline_site.deploy.steps import Deployment
from pipeline_site.deploy.zappa import ROOT
from pipeline_site.local.aws import LocalAws
from tests.aws.wires import answering


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, aws_server: LocalAws, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment that leads to the local AWS, and to nothing that belongs to whoever runs the tests."""
    for name, value in aws_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


# -- the account ----------------------------------------------------------------------------------------------------


def test_an_account_is_found_by_the_environment(here: pytest.MonkeyPatch) -> None:
    found = account.find({})
    assert (found.number, found.region) == ("000000000000", "us-east-1")


def test_no_credentials(here: pytest.MonkeyPatch) -> None:
    here.delenv("AWS_ACCESS_KEY_ID")
    here.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(DeployError, match=r"^There are no AWS credentials: run `aws configure` or `aws sso login`, or"):
        account.find({})


def test_credentials_that_aws_refuses(here: pytest.MonkeyPatch) -> None:
    body = b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>over</Message></Error></ErrorResponse>"
    with answering(403, body, {"Content-Type": "text/xml"}) as address:
        here.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(DeployError, match=r"^AWS refused the credentials \(ExpiredToken\): run `aws configure`"):
            account.find({})


def test_a_profile_that_is_not_there(here: pytest.MonkeyPatch) -> None:
    here.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(DeployError, match=r"nobody.*: run `aws configure`"):
        account.find({})


def test_no_region(here: pytest.MonkeyPatch) -> None:
    here.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(DeployError, match=r"^No region is chosen: write aws_region into zappa_settings\.json, or"):
        account.find({})


def test_another_region_than_the_stages(here: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeployError, match=r"says aws_region eu-west-1, and your environment says us-east-1: set"):
        account.find({"aws_region": "eu-west-1"})


def test_a_region_that_does_not_exist(here: pytest.MonkeyPatch) -> None:
    here.delenv("AWS_ENDPOINT_URL")
    here.setenv("AWS_DEFAULT_REGION", "moon-west-1")
    with pytest.raises(DeployError, match=r"^'moon-west-1' is no region of AWS"):
        account.find({})


def test_no_network(here: pytest.MonkeyPatch) -> None:
    here.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(DeployError, match=r"^AWS can't be reached from here \(EndpointConnectionError\)"):
        account.find({})


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    """The command, as make runs it."""
    command = [sys.executable, "-m", "pipeline_site.deploy", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_ends_with_the_sentence_alone(here: pytest.MonkeyPatch) -> None:
    here.setenv("AWS_DEFAULT_REGION", "")
    told = subprocess.run(
        [sys.executable, "-m", "pipeline_site.deploy", "up", "prod"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == (
        "up: zappa_settings.json has no stage 'prod': there is dev, production; say which with STAGE=…\n"
    )


def test_data_is_deleted_only_when_told_twice(here: pytest.MonkeyPatch) -> None:
    told = run("down", "dev", "--data", "production")
    assert (told.returncode, told.stderr) == (
        1,
        "down: DATA=production isn't the stage 'dev': nothing was touched.\n",
    )


# -- RDS's certificates -----------------------------------------------------------------------------------------------


def test_certificates_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_CA", raising=False)
    pem = trustme.CA().cert_pem.bytes()
    with answering(200, pem) as address:
        path = authority.certificates("eu-west-1", tmp_path, source=f"{address}/{{region}}.pem")
    assert path.read_bytes() == pem
    assert authority.certificates("eu-west-1", tmp_path, source="http://127.0.0.1:1/") == path


@pytest.mark.parametrize(("status", "body"), [(404, b""), (200, b"<html>"), (200, b"")])
def test_what_is_no_certificate_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes
) -> None:
    monkeypatch.delenv("DATABASE_CA", raising=False)
    with answering(status, body) as address, pytest.raises(DeployError, match="DATABASE_CA=…"):
        authority.certificates("eu-west-1", tmp_path, source=address)
    assert not (tmp_path / "rds-ca-eu-west-1.pem").exists()


def test_a_named_file_without_certificates_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_CA", str(tmp_path / "nothing.pem"))
    with pytest.raises(DeployError, match=r"nothing\.pem holds no certificates"):
        authority.certificates("eu-west-1", tmp_path)


# -- stacks that an earlier try left --------------------------------------------------------------------------------


@pytest.fixture
def cloud(aws_server: LocalAws) -> Any:
    """The local CloudFormation."""
    return aws_server.client("cloudformation")


@pytest.fixture
def name(cloud: Any) -> Iterator[str]:
    """A stack's, which goes with the test."""
    name = f"stack-{uuid.uuid4().hex[:8]}"
    yield name
    cloud.delete_stack(StackName=name)


def template(tmp_path: Path, **resources: Mapping[str, Any]) -> Path:
    """One with these resources."""
    file = tmp_path / "template.json"
    queue = {"Type": "AWS::SQS::Queue"}
    told = {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}
    file.write_text(json.dumps({"Resources": {"Queue": queue, **resources}, "Outputs": {"Name": told}}))
    return file


def test_a_stack_is_made_and_brought_up_to_date_and_taken_away(cloud: Any, name: str, tmp_path: Path) -> None:
    stacks = Stacks(cloud, pause=0.1)
    assert (stacks.stands(name), stacks.outputs(name)) == (False, {})
    for body in (template(tmp_path), template(tmp_path, Other={"Type": "AWS::SQS::Queue"})):
        stacks.deploy(name, body, parameters={}, capabilities=())
        assert stacks.outputs(name)["Name"]
    stacks.delete(name)
    stacks.delete(name)
    assert not stacks.stands(name)


class Scripted:
    """A CloudFormation that tells what it is told to: the local one gets into none of these states."""

    def __init__(
        self, *statuses: str, events: tuple[dict[str, str], ...] = (), outputs: Mapping[str, str] | None = None
    ) -> None:
        self.statuses, self.events, self.calls = list(statuses), list(events), []
        self.outputs = [{"OutputKey": name, "OutputValue": value} for name, value in (outputs or {}).items()]

    def describe_stacks(self, **told: str) -> Any:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"Stacks": [{"StackStatus": status, "Outputs": self.outputs}]}

    def describe_stack_events(self, **told: str) -> Any:
        return {"StackEvents": self.events}

    def __getattr__(self, name: str) -> Any:
        return lambda **told: self.calls.append(name)


def test_one_that_never_stood_is_made_anew(tmp_path: Path) -> None:
    cloud = Scripted(
        "ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "DELETE_COMPLETE", "CREATE_COMPLETE"
    )
    Stacks(cloud, pause=0).deploy("s", template(tmp_path), parameters={}, capabilities=())
    assert cloud.calls == ["delete_stack", "create_stack"]


def test_one_that_is_on_its_way_is_waited_for(tmp_path: Path) -> None:
    cloud = Scripted("CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_COMPLETE")
    Stacks(cloud, pause=0).deploy("s", template(tmp_path), parameters={}, capabilities=())
    assert cloud.calls == ["update_stack"]


def test_one_that_is_stuck_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(
        DeployError, match=r"run `aws cloudformation continue-update-rollback --stack-name s`, then this"
    ):
        Stacks(Scripted("UPDATE_ROLLBACK_FAILED"), pause=0).deploy(
            "s", template(tmp_path), parameters={}, capabilities=()
        )


def test_the_first_fault_is_told_and_not_those_that_follow_from_it(tmp_path: Path) -> None:
    def event(resource: str, status: str, reason: str = "") -> dict[str, str]:
        return {"LogicalResourceId": resource, "ResourceStatus": status, "ResourceStatusReason": reason}

    events = (
        event("s", "UPDATE_ROLLBACK_COMPLETE"),
        event("Bucket", "UPDATE_FAILED", "Resource update cancelled"),
        event("Queue", "UPDATE_FAILED", "no right to sqs:CreateQueue"),
        event("s", "UPDATE_IN_PROGRESS"),
        event("Old", "CREATE_FAILED", "of an earlier try"),
    )
    cloud = Scripted("CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", events=events)
    with pytest.raises(DeployError, match=r"\(UPDATE_ROLLBACK_COMPLETE\): Queue: no right to sqs:CreateQueue\."):
        Stacks(cloud, pause=0).deploy("s", template(tmp_path), parameters={}, capabilities=())


def test_a_bucket_s_name_that_is_taken_is_told_and_the_next_try_begins_anew(tmp_path: Path) -> None:
    events = (
        {"LogicalResourceId": "s", "ResourceStatus": "ROLLBACK_COMPLETE"},
        {
            "LogicalResourceId": "StorageBucket",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "ingest-dev-1-eu-west-1 already exists.",
        },
        {"LogicalResourceId": "s", "ResourceStatus": "CREATE_IN_PROGRESS"},
    )
    cloud = Scripted("DELETE_COMPLETE", "ROLLBACK_COMPLETE", events=events)
    with pytest.raises(
        DeployError, match=r"StorageBucket: ingest-dev-1-eu-west-1 already exists\. Mend that, then run this again\.$"
    ):
        Stacks(cloud, pause=0).deploy("s", template(tmp_path), parameters={}, capabilities=())
    assert cloud.calls == ["create_stack"]


# -- taking a stage away --------------------------------------------------------------------------------------------


def standing(cloud: Scripted) -> Deployment:
    """The stage dev, as ``cloud`` tells of it."""
    return Deployment(
        stage="dev",
        settings={"project_name": "ingest"},
        account=account.AwsAccount(number="123456789012", region="us-east-1"),
        stacks=Stacks(cloud, pause=0),
        templates={},
        say=print,
    )


def test_a_protected_stage_keeps_its_data_whoever_asks() -> None:
    cloud = Scripted("CREATE_COMPLETE", outputs={"Protected": "true"})
    with pytest.raises(DeployError, match=r"^The stage 'dev' is protected: write protect = false for it in"):
        standing(cloud).down(data=True)
    assert cloud.calls == [], "nothing was touched"


def test_buckets_that_go_with_their_stack_are_emptied_first(here: pytest.MonkeyPatch, aws_server: LocalAws) -> None:
    """CloudFormation deletes no bucket that holds anything; the local one does."""
    s3, names = aws_server.client("s3"), [f"{what}-{uuid.uuid4().hex}" for what in ("files", "code")]
    for name in names:
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"old", b"new"):
            s3.put_object(Bucket=name, Key="a", Body=body)
        s3.delete_object(Bucket=name, Key="a")
    told = dict(zip(("BucketName", "CodeBucketName"), names, strict=True))
    cloud = Scripted("CREATE_COMPLETE", outputs=told | {"Protected": "false"})
    cloud.delete_stack = lambda **told: cloud.statuses.__setitem__(0, "DELETE_COMPLETE")
    standing(cloud).down(data=True)
    for name in names:
        left = s3.list_object_versions(Bucket=name)
        assert (left.get("Versions"), left.get("DeleteMarkers")) == (None, None)


# -- a lost password --------------------------------------------------------------------------------------------------


def test_a_password_is_reset_by_the_function_alone_and_says_for_whom(
    here: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert password.main(["production", "ann"]) == 1
    assert "has no function here: run `make deploy STAGE=production`" in capsys.readouterr().err
    asked: list[dict[str, str]] = []
    here.setattr(Function, "stands", lambda self: True)
    here.setattr(Function, "call", lambda self, event: asked.append(event) or {"username": "ann", "password": "new"})
    assert password.main(["production", "ann"]) == 0
    assert capsys.readouterr().out.startswith("New password of ann: new\nIt is shown only this once.")
    (event,) = asked
    assert event.pop("by").startswith("arn:aws:")
    assert event == {"command": "pipeline_site.lost_password.reset", "username": "ann"}
