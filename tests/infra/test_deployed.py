"""The app and trigger stacks stand in a local AWS as they were written, and a file that is put there is loaded.

What this AWS can't be asked: it knows neither the rotation of secrets nor rules between security groups nor flow logs,
so of the data stack there is only the ARN that the app stack takes from it; its functions join no network; its clock is
not waited for.
"""

import io
import json
import os
import signal
import sysconfig
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError
from django.db import connection

from ingest.models import Run
from tests.conftest import MAJORS, Servers
from tests.infra.completed import TOLD, completed
from tests.infra.conftest import ROOT
from tests.infra.deployer import as_deployer
from tests.infra.template import Stacks, Template
from tests.infra.tls import TlsAws
from tests.local.processes import comes_true

SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:database-AbCdEf"
CODE = """
import django
django.setup()
from ingest.handlers import on_event, on_schedule

def called(event, context):
    scheduled = event.get("detail-type") == "Scheduled Event"
    return on_schedule(event, context) if scheduled else on_event(event, context)
"""
"""In place of the package that is deployed, which has tests of its own: the same handlers, from this checkout."""

ECHO = """
import os

def lambda_handler(event, context):
    told = f"{event['version']} {event['rawPath']} {os.environ['SITE_URL']}"
    return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": told}
"""
"""In place of the package: says how a request came."""


def zipped(files: dict[str, str]) -> bytes:
    """A package of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


class Deployed:
    """The stacks of a stage in the local AWS."""

    def __init__(self, server: TlsAws, stacks: Stacks) -> None:
        self.server, self.stacks = server, stacks
        self.cloudformation = as_deployer(server, "cloudformation")
        self.standing: list[str] = []

    def deploy(self, name: str, body: dict[str, Any], **parameters: str) -> dict[str, str]:
        """Make a stack, or bring it up to date; its outputs."""
        stack, stands = f"ingest-{self.stacks.stage}-{name}", name in self.standing
        change = self.cloudformation.update_stack if stands else self.cloudformation.create_stack
        change(
            StackName=stack,
            TemplateBody=json.dumps(body),
            Parameters=[{"ParameterKey": each, "ParameterValue": value} for each, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        self.standing += [] if stands else [name]
        waiter = self.cloudformation.get_waiter(f"stack_{'update' if stands else 'create'}_complete")
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 180})
        (told,) = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in told.get("Outputs", ())}

    def destroy(self, name: str) -> None:
        """Take a stack away."""
        stack = f"ingest-{self.stacks.stage}-{name}"
        self.cloudformation.delete_stack(StackName=stack)
        waiter = self.cloudformation.get_waiter("stack_delete_complete")
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 180})
        self.standing.remove(name)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsAws]:
    """An AWS for these tests alone."""
    folder = tmp_path_factory.mktemp("aws")
    server = TlsAws(folder=folder, port=0, access_key="AKIAINFRA", secret_key="of these tests")
    server.start()
    yield server
    if server.child:
        os.kill(server.child.pid, signal.SIGKILL)  # told to stop, it first waits for the polls of queues
    server.stop()


@pytest.fixture(scope="module")
def deployed(server: TlsAws, unprotected: Stacks) -> Deployed:
    """The stage that may be taken away whole, without its trigger."""
    return Deployed(server, unprotected)


@pytest.fixture(scope="module")
def outputs(deployed: Deployed) -> dict[str, str]:
    """What the app stack tells."""
    return deployed.deploy("app", deployed.stacks["app"].whole, DatabaseLoginArn=SECRET)


@pytest.fixture
def made(
    deployed: Deployed, outputs: dict[str, str], transactional_db: None, servers: Servers
) -> Iterator[dict[str, str]]:
    """What zappa does: the function, with the stack's role, on the test's own database."""
    packed = zipped({"code_of_tests.py": CODE})
    variables = {
        "DJANGO_SETTINGS_MODULE": "pipeline_site.settings",
        "DATABASE_URL": servers[MAJORS[0]].url(connection.settings_dict["NAME"]),
        "SECRET_KEY": "for tests only: fifty characters, and none of them a secret",
        "BUCKET": outputs["BucketName"],
        "PREFIX": outputs["Prefix"],
        "PYTHONPATH": f"{ROOT}:{sysconfig.get_paths()['purelib']}",
        "AWS_ENDPOINT_URL": deployed.server.endpoint,
        "AWS_CA_BUNDLE": str(deployed.server.authority),
    }
    functions = deployed.server.client("lambda")
    functions.create_function(
        FunctionName=outputs["FunctionName"],
        Runtime="python3.11",
        Handler="code_of_tests.called",
        Role=outputs["RoleArn"],
        Timeout=900,
        Environment={"Variables": variables},
        Code={"ZipFile": packed},
    )
    yield outputs
    functions.delete_function(FunctionName=outputs["FunctionName"])


def test_a_file_that_is_put_there_is_loaded_and_one_that_was_there_first(
    deployed: Deployed, made: dict[str, str]
) -> None:
    s3 = deployed.server.client("s3")
    s3.put_object(Bucket=made["BucketName"], Key="data/early.csv", Body=b"id,name\n1,Ada\n")
    deployed.deploy("trigger", deployed.stacks["trigger"].whole)
    s3.put_object(Bucket=made["BucketName"], Key="data/people.csv", Body=b"id,name\n1,Ada\n2,Grace\n")
    s3.put_object(Bucket=made["BucketName"], Key="elsewhere/people.csv", Body=b"id\n1\n")
    assert comes_true(lambda: Run.objects.filter(status="succeeded").count() == 2, seconds=240), "not all were loaded"
    assert dict(Run.objects.values_list("key", "inserted")) == {"data/early.csv": 1, "data/people.csv": 2}
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM datasets.people ORDER BY id")
        assert cursor.fetchall() == [("Ada",), ("Grace",)]
        cursor.execute("DROP TABLE datasets.people, datasets.early")
    deployed.destroy("trigger")


def test_the_queue_refuses_what_does_not_come_by_tls(deployed: Deployed, outputs: dict[str, str]) -> None:
    """The local server believes the header of a proxy before it, as to how a request came."""
    sqs = deployed.server.client("sqs")
    sqs.receive_message(QueueUrl=outputs["QueueUrl"])
    sqs.meta.events.register("before-send", _say_http)
    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.receive_message(QueueUrl=outputs["QueueUrl"])


def _say_http(request: Any, **_: object) -> None:
    request.headers["X-Forwarded-Proto"] = "http"


def test_the_admin_s_pages_may_send_files_once_their_address_is_told(
    deployed: Deployed, outputs: dict[str, str]
) -> None:
    s3 = deployed.server.client("s3")
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=outputs["BucketName"])
    deployed.deploy(
        "app", deployed.stacks["app"].whole, AdminOrigin="https://files.example.com", DatabaseLoginArn=SECRET
    )
    (rule,) = s3.get_bucket_cors(Bucket=outputs["BucketName"])["CORSRules"]
    assert rule["AllowedOrigins"] == ["https://files.example.com"]


def test_the_queue_gives_up_after_five_deliveries(deployed: Deployed, outputs: dict[str, str]) -> None:
    sqs = deployed.server.client("sqs")
    told = sqs.get_queue_attributes(QueueUrl=outputs["QueueUrl"], AttributeNames=["All"])["Attributes"]
    dead = sqs.get_queue_attributes(QueueUrl=outputs["DeadLetterQueueUrl"], AttributeNames=["QueueArn"])
    redrive = json.loads(told["RedrivePolicy"])
    assert redrive == {"deadLetterTargetArn": dead["Attributes"]["QueueArn"], "maxReceiveCount": 5}


def test_the_function_without_zappa_answers_requests_and_has_its_settings(
    deployed: Deployed, outputs: dict[str, str], function: Template
) -> None:
    """The stack of another stage, told of this one's bucket and role; functions join no network here."""
    files = {"pipeline_site/__init__.py": "", "pipeline_site/lambda_handler.py": ECHO}
    deployed.server.client("s3").put_object(Bucket=outputs["CodeBucketName"], Key="made.zip", Body=zipped(files))
    body = json.dumps(function.whole)
    for name in ("CodeBucketName", "RoleArn"):
        body = body.replace(TOLD[name], outputs[name])
    template = json.loads(body)
    del template["Resources"]["Function"]["Properties"]["VpcConfig"]
    told = deployed.deploy("function", template, CodeKey="made.zip")
    made = deployed.server.client("lambda").get_function_configuration(FunctionName="ingest-full")
    settings = completed("full")
    assert (made["Role"], made["Handler"]) == (outputs["RoleArn"], settings["lambda_handler"])
    assert (made["MemorySize"], made["Timeout"]) == (settings["memory_size"], settings["timeout_seconds"])
    assert made["EphemeralStorage"] == settings["ephemeral_storage"]
    assert (
        made["Environment"]["Variables"].items() >= {"SITE_URL": told["SiteAddress"], "PREFIX": TOLD["Prefix"]}.items()
    )
    (api,) = deployed.server.client("apigatewayv2").get_apis()["Items"]
    assert told["SiteAddress"].startswith(f"https://{api['ApiId']}.execute-api.")
    address = f"{deployed.server.endpoint}/_aws/execute-api/{api['ApiId']}/full/admin/"  # where this server has it
    answer = urllib3.PoolManager(ca_certs=str(deployed.server.authority)).request("GET", address, retries=False)
    version, path, site = answer.data.decode().split(" ")
    assert (version, site) == ("2.0", told["SiteAddress"])
    assert path.endswith("/admin/")
    deployed.destroy("function")
