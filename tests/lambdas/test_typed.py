"""What stands in the way of zappa's own commands is told in one sentence, before anything is packed or sent.

`test_deploying.py` types them where nothing stands in the way.
"""

import io
import json
import re
import shutil
import sys
import uuid
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

from pipeline_site.deploy import package
from pipeline_site.deploy import zappa as product
from pipeline_site.deploy.checks import refuse_secrets
from pipeline_site.deploy.zappa import ROOT
from pipeline_site.local.aws import LocalAws
from tests.guarded import AUTHORITY
from tests.lambdas.project import LEFT_BEHIND, change_settings, copy_project, typed

SITE_PACKAGES = Path("lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
PRODUCT = ("ingest", "pipeline_site", "manage.py")
IN_SOURCES = (
    *("ingest/key.pem", "ingest/aws/server.key", "ingest/people.csv", "pipeline_site/local/notes.log"),
    *("ingest/tests/test_a.py", "ingest/admin/.env", "pipeline_site/a.py.orig", ".build/packages-of-old/old.zip"),
)
"""What may be in the folders of the product itself."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, in somebody's folder; its function has a name that no other test's has."""
    name = f"typed{uuid.uuid4().hex[:8]}"
    return copy_project(tmp_path_factory.mktemp("typed") / "project", project_name=name)


@pytest.fixture
def changed(project: Path) -> Iterator[Any]:
    """Change the settings of the project's stages for one test."""
    before = (project / "zappa_settings.json").read_text()
    yield lambda **changes: change_settings(project, **changes)
    (project / "zappa_settings.json").write_text(before)


def function_name(project: Path) -> str:
    """The name of the stage's function, and of zappa's stack."""
    return str(json.loads((project / "zappa_settings.json").read_text())["base"]["project_name"]) + "-dev"


def refused(*words: str, project: Path, aws: LocalAws | None = None, **variables: str) -> str:
    """Type a command that is refused; the one sentence that it says. Nothing was packed, sent or made by then."""
    files = {path for path in project.rglob("*") if "__pycache__" not in path.parts}
    before = _there(aws) if aws else None
    done = typed(*words, folder=project, **((aws.environment if aws else {}) | variables))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    (sentence,) = done.stderr.splitlines()
    assert {path for path in project.rglob("*") if "__pycache__" not in path.parts} == files, "nothing was packed"
    assert (_there(aws) if aws else None) == before, "nothing was sent"
    return sentence.removeprefix("Error: ")


def _there(aws: LocalAws) -> tuple[list[str], list[str], list[str]]:
    buckets = [each["Name"] for each in aws.client("s3").list_buckets()["Buckets"]]
    stacks = [each["StackName"] for each in aws.client("cloudformation").list_stacks()["StackSummaries"]]
    functions = [each["FunctionName"] for each in aws.client("lambda").list_functions()["Functions"]]
    return sorted(buckets), sorted(stacks), sorted(functions)


# -- whose account, where, by which Python --------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["deploy", "update", "undeploy", "status"])
def test_no_credentials(project: Path, command: str) -> None:
    said = refused(command, "dev", project=project)
    assert said.startswith("There are no AWS credentials: run `aws configure` or `aws sso login`, or name a profile")


def test_the_stage_says_its_region_and_no_environment_says_another(project: Path, aws_server: LocalAws) -> None:
    assert product.stage_settings("dev")["aws_region"], "without one zappa ends in a traceback before it asks us"
    said = refused("deploy", "dev", project=project, aws=aws_server, AWS_DEFAULT_REGION="eu-west-3")
    assert said.startswith("zappa_settings.json says aws_region us-east-1, and your environment says eu-west-3: set")


def test_no_region(project: Path, aws_server: LocalAws, changed: Any) -> None:
    changed(aws_region=None)
    said = refused("deploy", "dev", project=project, aws=aws_server)
    assert said == "The stage 'dev' has no aws_region in zappa_settings.json: write one there, such as eu-central-1."


@pytest.mark.parametrize("command", ["deploy", "package"])
def test_another_python_than_the_functions(project: Path, aws_server: LocalAws, command: str) -> None:
    other = next(runtime for runtime in product.RUNTIMES if runtime != product.HERE)
    said = refused(command, "dev", project=project, aws=aws_server, RUNTIME=other)
    assert said.startswith(f"This is for {other}, and what makes it is {product.HERE}: run `make clean env PYTHON=")


def test_a_network_that_is_not_there(project: Path, aws_server: LocalAws) -> None:
    nowhere = aws_server.environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    assert refused("update", "dev", project=project, **nowhere).startswith("AWS can't be reached from here (")


# -- what is there already ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["update", "status", "tail", "rollback", "manage"])
def test_a_stage_that_is_not_deployed(project: Path, aws_server: LocalAws, command: str) -> None:
    words = [command, "dev", *(["check"] if command == "manage" else [])]
    said = refused(*words, project=project, aws=aws_server)
    assert re.fullmatch(r"The stage 'dev' is not deployed.*: run `zappa deploy dev`\.", said)


@pytest.fixture
def function(project: Path, aws_server: LocalAws) -> Iterator[str]:
    """The function of the stage, of which zappa has made nothing else."""
    client, name = aws_server.client("lambda"), function_name(project)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as made:
        made.writestr("a.py", "")
    role = "arn:aws:iam::000000000000:role/any"
    client.create_function(
        FunctionName=name, Runtime="python3.12", Role=role, Handler="a.b", Code={"ZipFile": code.getvalue()}
    )
    yield name
    client.delete_function(FunctionName=name)


@pytest.mark.usefixtures("function")
@pytest.mark.parametrize("command", ["update", "status"])
def test_a_stage_that_is_half_there(project: Path, aws_server: LocalAws, command: str) -> None:
    said = refused(command, "dev", project=project, aws=aws_server)
    assert re.fullmatch(r"The stage 'dev' is only half deployed.*: run `zappa deploy dev`\.", said)


def test_a_stage_that_is_deployed_is_not_deployed_again(project: Path, aws_server: LocalAws, function: str) -> None:
    cloud = aws_server.client("cloudformation")
    api = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": function}}
    cloud.create_stack(StackName=function, TemplateBody=json.dumps({"Resources": {"Api": api}}))
    try:
        said = refused("deploy", "dev", project=project, aws=aws_server)
        assert said == "The stage 'dev' is already deployed: run `zappa update dev`."
        said = refused("rollback", "dev", "--num-rollback", "0", project=project, aws=aws_server)
        assert "tell no DatabaseHost" in said, "it has no stacks of ours"
    finally:
        cloud.delete_stack(StackName=function)


# -- what may not be asked for --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["manage", "dev", "dumpdata auth"], r"`dumpdata`; in the function it executes only acknowledge, "),
        (["manage", "dev", "migrate", "ingest", "zero"], r"^`migrate` may not have these arguments in the function"),
        (["invoke", "dev", "print(1)", "--raw"], r"^--raw would execute any text, so the function refuses it"),
        (["undeploy", "dev", "--yes", "--remove-logs"], r"leave out --remove-logs\.$"),
        (["unschedule", "dev"], r"would remove it: change it in infra/, then run `zappa update dev`\.$"),
        (["deploy", "base"], r"has no stage 'base': there is dev, production"),
        (["deploy", "dev", "--zip", "s3://bucket/a.zip"], r"^s3://bucket/a\.zip can't be checked from here"),
        (["deploy", "dev", "--zip", "missing.zip"], r"missing\.zip is not a readable zip file"),
    ],
)
def test_what_may_not_be_asked_for(project: Path, aws_server: LocalAws, words: list[str], sentence: str) -> None:
    variables = {"DATABASE_CA": str(AUTHORITY)}
    assert re.search(sentence, refused(*words, project=project, aws=aws_server, **variables))


def test_undeploy_asks_first(project: Path, aws_server: LocalAws) -> None:
    for answer, said in (("", "add --yes."), ("n\n", "Nothing was removed."), ("no\n", "Nothing was removed.")):
        done = typed("undeploy", "dev", folder=project, answer=answer, **aws_server.environment)
        assert (done.returncode, done.stderr.strip()[-len(said) :]) == (1, said)


def test_all_stages_are_those_and_not_what_they_extend(project: Path, aws_server: LocalAws) -> None:
    said = refused("status", "--all", project=project, aws=aws_server)
    assert said.startswith("The stage 'dev' is not deployed in account 000000000000, region us-east-1: run")


# -- what is packed -------------------------------------------------------------------------------------------------


def test_package_gives_the_package_that_is_deployed_and_checked(
    packed: package.Package, tmp_path: Path, aws_server: LocalAws
) -> None:
    """Without an account, and whatever the demo has left in the folder."""
    folder = copy_project(tmp_path / "project")
    authority = folder / ".build" / "tests" / AUTHORITY.name
    out = tmp_path / "made.zip"
    done = typed("package", "dev", "--output", str(out), folder=folder, DATABASE_CA=str(authority))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{out} (" in done.stdout
    assert out.read_bytes() == packed.path.read_bytes()
    assert not list(folder.glob("ingest-dev-*-template-*")), "nothing else was left"


def test_a_zip_of_somebodys_own_is_looked_at_before_anything_is_made(
    project: Path, aws_server: LocalAws, tmp_path: Path
) -> None:
    own = tmp_path / "own.zip"
    with zipfile.ZipFile(own, "w") as made:
        made.writestr("six/.local/env", "a secret")
    said = refused("deploy", "dev", "--zip", str(own), project=project, aws=aws_server)
    assert said.startswith("The package contains six/.local/env, which holds secrets: ")


@pytest.fixture(scope="module")
def empty_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages that go to Lambda, as an environment; their files are empty, since zappa looks at names alone."""
    folder = tmp_path_factory.mktemp("environment") / "packages"
    for name in locked_files():
        file = folder / SITE_PACKAGES / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return folder


def locked_files() -> set[str]:
    """The files of the packages in lambda.txt, as far as they are for this machine."""
    names = re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / "lambda.txt").read_text(), re.MULTILINE)
    files = set()
    for name in names:
        try:
            files |= {str(file) for file in distribution(name).files or ()}
        except PackageNotFoundError:  # of another platform
            continue
    assert len(files) > 5_000
    return {file for file in files if not file.startswith("..") and not file.endswith(".pyc")}


def test_without_the_callbacks_zappa_packs_the_product_alone(
    empty_environment: Path, tmp_path: Path, aws_server: LocalAws
) -> None:
    folder = copy_project(tmp_path / "project", callbacks=None)
    for name in IN_SOURCES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a secret")
    shutil.rmtree(folder / ".build", ignore_errors=True)
    variables = aws_server.environment | {"VIRTUAL_ENV": str(empty_environment)}
    done = typed("package", "dev", "--output", "made.zip", folder=folder, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(folder / "made.zip") as made:
        names = set(made.namelist())
    files = locked_files()
    assert {
        name for name in names if Path(name).name in {Path(left).name for left in LEFT_BEHIND + IN_SOURCES}
    } <= files
    tops = {name.split("/")[0] for name in files}
    zappas = {"handler.py", "django_zappa_app.py", "zappa_settings.py", "package_info.json", "__init__.py"}
    assert {name.split("/")[0] for name in names} <= {*tops, *zappas, *PRODUCT}
    assert not [name for name in names if re.match(r"(ingest|pipeline_site)/(.*/)?(tests?|local|deploy)/.+", name)]
    # zappa leaves these out by itself; and numpy's tests have settings of their own.
    skipped = re.compile(r"(^|/)(pip|docutils[^/]*|[^/]*\.(zip|tar\.gz|exe|DS_Store))(/|$)|^numpy/f2py/tests/")
    assert {name for name in files - names if not skipped.search(name)} == set(), "the packages are whole"
    ours = {str(file.relative_to(ROOT)) for name in PRODUCT[:2] for file in (ROOT / name).rglob("*.py")}
    assert {name for name in ours - names if not re.match(r"pipeline_site/(local|deploy)/", name)} == set()
    refuse_secrets(folder / "made.zip")
