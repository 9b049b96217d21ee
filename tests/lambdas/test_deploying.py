"""A stage is put on a local AWS by the steps of `make deploy`, with CloudFormation and zappa, and taken away again.

What this AWS can't be asked: it has no rotation of secrets and no security groups, so that a stack with the outputs
alone stands for the network and the database; where CloudFormation gives a secret's ARN by `Ref` it gives a name, so
that the template is told in other words; its API Gateway has no address of its own.
"""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any
from unittest import mock

import psycopg2
import pytest

from pipeline_site.deploy import DeployError, account, package, zappa
from pipeline_site.deploy.function import Function
from pipeline_site.deploy.stacks import Stacks
from pipeline_site.deploy.steps import INFRA_PYTHON, Deployment, synthesize
from pipeline_site.local.children import HOST
from pipeline_site.local.postgres import USER, Postgres
from tests.guarded import AUTHORITY, authority, guarded_postgres
from tests.infra.tls import TlsAws
from tests.lambdas.sandbox import wait_for
from tests.local.processes import all_pids, end_at_once, of_process, parent_of

PASSWORD = "a-password-that-no-log-may-hold"
_OURS = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "SECRET_KEY", "BUCKET", "QUEUE_URL", "HTTPS", "ALLOWED_HOSTS")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """In RDS's place."""
    server = guarded_postgres(tmp_path_factory.mktemp("rds") / "postgres", password=PASSWORD)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsAws]:
    """An AWS for these tests alone, to which everything here leads."""
    folder = tmp_path_factory.mktemp("aws")
    server = TlsAws(folder=folder, port=0, access_key="AKIADEPLOY", secret_key="of these tests")
    with mock.patch.dict(os.environ):
        for name in _OURS:  # or its functions would find the tests' settings in place of their own
            os.environ.pop(name, None)
        server.start()
    authority()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (server.environment | {"DATABASE_CA": str(AUTHORITY)}).items():
            environment.setenv(name, value)
        yield server
    if server.child:
        os.kill(server.child.pid, signal.SIGKILL)  # told to stop, it first waits for the polls of queues
    server.stop()


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> dict[str, Path]:
    """The stacks of the stage dev, told as this AWS understands them."""
    if os.environ.get("INFRA") == "0" or not INFRA_PYTHON.exists():
        pytest.skip("INFRA=0, or the CDK isn't installed: run `make .venv-infra/.ready`.")
    folder = tmp_path_factory.mktemp("templates")
    written = synthesize("dev", folder)
    login = json.dumps({"username": USER, "password": PASSWORD})
    told = {"Host": HOST, "Port": str(postgres.port), "Name": "ingest", "SecretArn": {"Ref": "Secret"}}
    outputs: dict[str, Any] = {f"Database{name}": {"Value": value} for name, value in told.items()}
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": login}}
    data = {"Resources": {"Secret": secret}, "Outputs": outputs}
    for name, body in {"data": data, "app": json.loads(written["app"].read_text())}.items():
        written[name] = folder / f"{name}.json"
        written[name].write_text(json.dumps(_by_arn(body, body["Resources"])))
    return written


def _by_arn(told: Any, resources: dict[str, Any]) -> Any:
    """``Ref`` of a secret is its ARN on AWS, and its name here."""
    if isinstance(told, dict):
        name = told.get("Ref")
        if name in resources and resources[name]["Type"] == "AWS::SecretsManager::Secret":
            return {"Fn::GetAtt": [name, "Id"]}
        return {key: _by_arn(value, resources) for key, value in told.items()}
    return [_by_arn(each, resources) for each in told] if isinstance(told, list) else told


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What the person at the terminal was told."""
    return []


@pytest.fixture(scope="module")
def deployment(aws: TlsAws, templates: dict[str, Path], packed: package.Package, said: list[str]) -> Deployment:
    """The stage, not there yet; its package is."""
    settings = zappa.stage_settings("dev", runtime=zappa.HERE)
    found = account.find(settings)
    stacks = Stacks(found.client("cloudformation"), pause=0.2)
    return Deployment(
        stage="dev", settings=settings, account=found, stacks=stacks, templates=templates, say=said.append
    )


def rows(postgres: Postgres, query: str) -> list[tuple[Any, ...]]:
    """What the database answers."""
    connection = psycopg2.connect(postgres.url("ingest", "postgres"))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        connection.close()


class Killed(BaseException):
    """What a process that is killed does at that point: nothing more."""


def killed_after(deployment: Deployment, step: str) -> None:
    """Let ``up`` begin anew, in a process that knows nothing of earlier ones, and end when ``step`` has been told."""

    def say(text: str) -> None:
        deployment.say(text)
        if text.startswith(f"{step}: "):
            raise Killed

    with pytest.raises(Killed):
        replace(deployment, say=say, outputs={}).up()


def kill_zappa_once_there_is(function: Function) -> None:
    """End the zappa that this process has started, as soon as it has made the function, and nothing after it."""
    wait_for(function.stands)
    (zappa_itself,) = wait_for(lambda: [pid for pid in all_pids() if parent_of(pid) == os.getpid() and deploys(pid)])
    end_at_once(zappa_itself)


def deploys(pid: int) -> bool:
    """Whether a process is `zappa deploy`; one that has ended isn't."""
    return b"zappa\0deploy\0" in of_process(pid, "cmdline")


def test_a_stage_comes_up_however_often_it_was_killed_and_loads_and_goes(
    deployment: Deployment, postgres: Postgres, said: list[str]
) -> None:
    for step in ("data stack", "app stack", "package"):
        killed_after(deployment, step)

    killer = Thread(target=kill_zappa_once_there_is, args=[deployment.function])
    killer.start()
    with pytest.raises(DeployError, match=r"`zappa deploy dev .*` failed"):
        replace(deployment, outputs={}).up()
    killer.join()
    assert (deployment.function.stands(), deployment.stacks.stands("ingest-dev")) == (True, False)

    killed_after(deployment, "admin user")
    assert sum("half done" in line for line in said) == 1, said
    assert sum("shown only this once" in line for line in said) == 1, said

    said.clear()
    site = deployment.up()
    assert site.endswith(".execute-api.us-east-1.amazonaws.com/dev/")
    assert not [line for line in said if "half done" in line]
    assert sum("shown only this once" in line for line in said) == 1, "nobody has logged in by the first"
    assert any(line.startswith("ok      probe: a file came through") for line in said), said
    told = deployment.account.client("lambda").get_function_configuration(FunctionName="ingest-dev")
    assert told["Environment"]["Variables"]["SITE_URL"] == site

    bucket = deployment.outputs["BucketName"]
    deployment.account.client("s3").put_object(Bucket=bucket, Key="data/people.csv", Body=b"id,name\n1,Ann\n2,Bob\n")
    found = "SELECT 1 FROM information_schema.tables WHERE table_name = 'people'"
    wait_for(lambda: rows(postgres, found))
    wait_for(lambda: rows(postgres, "SELECT count(*) FROM datasets.people") == [(2,)])

    assert "ingest-dev" in zappa.run(deployment.folder, ["status", "dev"])
    zappa.run(deployment.folder, ["manage", "dev", "check"])
    for words in (["manage", "dev", "shell -c print(1)"], ["invoke", "dev", "print(1)", "--raw"]):
        with pytest.raises(DeployError, match=r"^`zappa .* failed: .*Refused"):
            zappa.run(deployment.folder, words)

    deployment.down(data=False)
    assert not deployment.function.stands()
    assert deployment.stacks.stands("ingest-dev-app")
    assert rows(postgres, "SELECT count(*) FROM datasets.people") == [(2,)]
    with pytest.raises(DeployError, match="has no function here: run `make deploy STAGE=dev`"):
        deployment.doctor()

    deployment.down(data=True)
    assert not any(deployment.stacks.stands(f"ingest-dev-{part}") for part in ("trigger", "app", "data"))
