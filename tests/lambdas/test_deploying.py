"""A stage is put on a local AWS by zappa's own commands, typed as the README has them, and taken away again.

What this AWS can't be asked: it has no rotation of secrets and no security groups, so that a stack with the outputs
alone stands for the network and the database; where CloudFormation gives a secret's ARN by `Ref` it gives a name, so
that the template is told in other words; its API Gateway has no address of its own.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg2
import pytest

from pipeline_site.deploy import package
from pipeline_site.deploy.templates import INFRA_PYTHON, synthesize
from pipeline_site.local.children import HOST
from pipeline_site.local.postgres import USER, Postgres
from tests.docs.page import blocks
from tests.guarded import AUTHORITY, authority, guarded_postgres
from tests.infra.tls import TlsAws
from tests.lambdas.project import COMMAND, copy_project, environment
from tests.lambdas.sandbox import wait_for

PASSWORD = "a-password-that-no-log-may-hold"
README = [
    line.removeprefix("$ ")
    for block in blocks(Path(__file__).resolve().parents[2] / "README.md")
    for line in block.text.splitlines()
    if line.startswith("$ zappa ")
]
"""The commands that the README types."""
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
        written[name] = folder / f"{name}.template.json"
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


@dataclass(kw_only=True)
class Person:
    """Somebody at a terminal in the project's folder."""

    folder: Path
    variables: dict[str, str]
    typed: list[str] = field(default_factory=list)

    def types(self, line: str, *, answer: str = "", fails: bool = False, **variables: str) -> str:
        """Type a command, and ``answer`` to what it asks; what it prints. ``fails`` is whether it must."""
        self.typed.append(line)
        command, *words = shlex.split(line)
        done = subprocess.run(
            [COMMAND if command == "zappa" else command, *words],
            cwd=self.folder,
            env=environment(self.folder, **self.variables, **variables),
            input=answer,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, (line, done.stdout[-6000:])
        assert "Oh no!" not in done.stdout, "zappa's own traceback, which the function's log is none of"
        return done.stdout

    def is_refused(self, line: str, **variables: str) -> str:
        """Type a command that can't be executed; the one sentence that says why."""
        return self.types(line, fails=True, **variables).splitlines()[-1].removeprefix("Error: ")

    def is_killed_after(self, line: str, step: str) -> None:
        """Type a command whose process is killed once it has said that ``step`` is done."""
        process = subprocess.Popen(
            [COMMAND, *line.split()[1:]],
            cwd=self.folder,
            env=environment(self.folder, **self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        with process:
            said = []
            for told in process.stdout or ():
                said.append(told)
                if told.strip().startswith(f"{step}: ok"):
                    os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL, said


KILLED = """
import os, signal
from zappa.core import Zappa
Zappa.update_stack = lambda *words, **named: os.kill(os.getpid(), signal.SIGKILL)
"""
"""Python reads this at its start: zappa is killed where it has made the function, and not yet its API."""


@pytest.fixture(scope="module")
def person(
    tmp_path_factory: pytest.TempPathFactory, aws: TlsAws, templates: dict[str, Path], packed: package.Package
) -> Person:
    """Somebody in a copy of the project, where nothing is deployed yet; what ``infra`` writes is ``templates``."""
    folder = copy_project(tmp_path_factory.mktemp("deploying") / "project")
    infra = folder / ".venv-infra" / "bin" / "python"
    infra.parent.mkdir(parents=True)
    infra.write_text("#!/bin/sh\n" + "".join(f"echo {shlex.quote(str(path))}\n" for path in templates.values()))
    infra.chmod(0o755)
    (folder / "killed").mkdir()
    (folder / "killed" / "sitecustomize.py").write_text(KILLED)
    names = {
        "DATABASE_CA": str(folder / ".build" / "tests" / AUTHORITY.name),
        "REQUESTS_CA_BUNDLE": str(aws.authority),
    }
    return Person(folder=folder, variables=aws.environment | names)


def rows(postgres: Postgres, query: str) -> list[tuple[Any, ...]]:
    """What the database answers."""
    connection = psycopg2.connect(postgres.url("ingest", "postgres"))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        connection.close()


def test_a_stage_comes_up_however_often_it_was_killed_and_is_used_and_goes(
    person: Person, aws: TlsAws, postgres: Postgres
) -> None:
    is_killed_and_comes_up(person)
    loads(aws, postgres)
    is_used(person)
    goes(person, aws, postgres)
    assert set(README) <= set(person.typed), "each command of the README is typed here"


def is_killed_and_comes_up(person: Person) -> None:
    """`zappa deploy`, killed before, in and after zappa's own part and typed again; `zappa update` completes it."""
    person.is_killed_after("zappa deploy dev", "upload")
    person.types("zappa deploy dev", fails=True, PYTHONPATH=str(person.folder / "killed"))
    assert person.is_refused("zappa update dev") == "The stage 'dev' is only half deployed: run `zappa deploy dev`."

    person.is_killed_after("zappa deploy dev", "migrations")
    said = person.types("zappa update dev")
    assert said.count("shown only this once") == 1, said
    assert "ok      probe: a file came through" in said
    assert re.search(r"^Site: https://\w+\.execute-api\.us-east-1\.amazonaws\.com/dev/admin/$", said, re.MULTILINE)
    assert "left incomplete" not in said


def loads(aws: TlsAws, postgres: Postgres) -> None:
    """A file in the bucket becomes a table; and the function knows its site's address."""
    told = aws.client("lambda").get_function_configuration(FunctionName="ingest-dev")
    variables = told["Environment"]["Variables"]
    assert re.fullmatch(r"https://\w+\.execute-api\.us-east-1\.amazonaws\.com/dev/", variables["SITE_URL"])
    body = b"id,name\n1,Ann\n2,Bob\n"
    aws.client("s3").put_object(Bucket=variables["BUCKET"], Key="data/people.csv", Body=body)
    found = "SELECT 1 FROM information_schema.tables WHERE table_name = 'people'"
    wait_for(lambda: rows(postgres, found))
    wait_for(lambda: rows(postgres, "SELECT count(*) FROM datasets.people") == [(2,)])


def is_used(person: Person) -> None:
    """The other commands, on a stage that is deployed."""
    assert "ingest-dev" in person.types("zappa status dev")
    person.types('zappa manage dev "runs --limit 5"')
    person.types("zappa invoke dev ingest.runs.examine")
    person.types("zappa tail dev --disable-keep-open")
    assert "error occurred while invoking" in person.is_refused("zappa invoke dev os.system")
    assert "ingest-dev has the code of version " in person.types("zappa rollback dev")
    person.types("zappa manage dev check")
    person.typed.append("zappa tail dev")  # which would go on for ever


def goes(person: Person, aws: TlsAws, postgres: Postgres) -> None:
    """`zappa undeploy` takes the function away, and not the data; `make destroy` both, where it is told twice."""
    person.types("zappa undeploy dev", answer="y\n")
    assert rows(postgres, "SELECT count(*) FROM datasets.people") == [(2,)]
    make = f"{shlex.quote(sys.executable)} -m pipeline_site.deploy"
    assert "has no function here: run `zappa deploy dev`" in person.types(f"{make} doctor dev", fails=True)
    person.types(f"{make} down dev --data dev")
    stacks = aws.client("cloudformation").list_stacks()["StackSummaries"]
    assert {each["StackStatus"] for each in stacks} <= {"DELETE_COMPLETE"}, stacks
