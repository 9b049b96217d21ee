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
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
from zappa.cli import ZappaCLI

from pipeline_site.deploy import hooks, package
from pipeline_site.deploy import zappa as product
from pipeline_site.deploy.checks import refuse_secrets
from pipeline_site.deploy.zappa import ROOT
from pipeline_site.local.aws import LocalAws
from tests.guarded import AUTHORITY
from tests.lambdas.project import LEFT_BEHIND, copy_project, typed
from tests.lambdas.sandbox import wait_for

SITE_PACKAGES = Path("lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
PRODUCT = ("ingest", "pipeline_site", "manage.py")
IN_SOURCES = (
    *("ingest/key.pem", "ingest/aws/server.key", "ingest/people.csv", "pipeline_site/local/notes.log"),
    *("ingest/tests/test_a.py", "ingest/admin/.env", "pipeline_site/a.py.orig", ".build/packages-of-old/old.zip"),
)
"""What may be in the folders of the product itself."""


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """Where zappa's commands are typed: in this process, up to the callback that refuses them."""

    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    aws: LocalAws
    settings: Path
    function: str
    """The name of the stage's function, and of zappa's stack."""

    def change(self, **changed: Any) -> None:
        """Write other settings for all stages; None takes one away."""
        told = json.loads(self.settings.read_text())
        told["base"] = {name: value for name, value in (told["base"] | changed).items() if value is not None}
        self.settings.write_text(json.dumps(told))

    def is_refused(self, *words: str) -> str:
        """Type a command that is refused; the one sentence. Nothing was packed, sent or made by then."""
        zips, before = set(ROOT.glob("*.zip")), self._there()
        cli = ZappaCLI()

        def dispatch(command: str, stage: str) -> None:
            """As zappa does, but for its clients of twenty services, which take a second to make."""
            cli.api_stage = stage
            hooks.settings(cli)

        cli.dispatch_command = dispatch
        with pytest.raises(SystemExit) as ended:
            cli.handle([*words, "--settings_file", str(self.settings)])
        said = self.capture.readouterr()
        assert ended.value.code == 1, said
        assert "Traceback" not in said.out + said.err
        (sentence,) = said.err.splitlines()
        assert (set(ROOT.glob("*.zip")), self._there()) == (zips, before), "nothing was packed, sent or made"
        return sentence.removeprefix("Error: ")

    def _there(self) -> tuple[list[str], bool, list[str]]:
        """What is at AWS by the names of this project, and its buckets."""
        mine = self.function.removesuffix("-dev")
        stacks = self.aws.client("cloudformation").list_stacks()["StackSummaries"]
        functions = self.aws.client("lambda").list_functions()["Functions"]
        buckets = [each["Name"] for each in self.aws.client("s3").list_buckets()["Buckets"]]
        return (
            [f"{each['StackName']} {each['StackStatus']}" for each in stacks if each["StackName"].startswith(mine)],
            any(each["FunctionName"].startswith(mine) for each in functions),
            [name for name in buckets if name.startswith((mine, "zappa-", "ingest-dev"))],
        )


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], aws_server: LocalAws, tmp_path: Path
) -> Terminal:
    """In the project's folder, with the keys of the local AWS; its function has a name that no other test's has."""
    nothing = str(tmp_path / "no-such-file")
    own = {"AWS_CONFIG_FILE": nothing, "AWS_SHARED_CREDENTIALS_FILE": nothing, "AWS_EC2_METADATA_DISABLED": "true"}
    for name, value in (aws_server.environment | own | {"RUNTIME": product.HERE}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("zappa.cli.check_new_version_available", lambda version: False)
    settings, name = tmp_path / "zappa_settings.json", f"typed{uuid.uuid4().hex[:8]}"
    shutil.copy(product.SETTINGS, settings)
    terminal = Terminal(patch=monkeypatch, capture=capsys, aws=aws_server, settings=settings, function=f"{name}-dev")
    terminal.change(project_name=name)
    return terminal


# -- whose account, where, by which Python --------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["deploy", "update", "undeploy", "status"])
def test_no_credentials(terminal: Terminal, command: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        terminal.patch.delenv(name)
    said = terminal.is_refused(command, "dev")
    assert said.startswith("There are no AWS credentials: run `aws configure` or `aws sso login`, or name a profile")


def test_the_stage_says_its_region_and_no_environment_says_another(terminal: Terminal) -> None:
    assert product.stage_settings("dev")["aws_region"], "without one zappa ends in a traceback before it asks us"
    terminal.patch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    said = terminal.is_refused("deploy", "dev")
    assert said.startswith("zappa_settings.json says aws_region us-east-1, and your environment says eu-west-3: set")


def test_no_region(terminal: Terminal) -> None:
    terminal.change(aws_region=None)
    said = terminal.is_refused("deploy", "dev")
    assert said == "The stage 'dev' has no aws_region in zappa_settings.json: write one there, such as eu-central-1."


@pytest.mark.parametrize("command", ["deploy", "package"])
def test_another_python_than_the_functions(terminal: Terminal, command: str) -> None:
    other = next(runtime for runtime in product.RUNTIMES if runtime != product.HERE)
    terminal.patch.setenv("RUNTIME", other)
    said = terminal.is_refused(command, "dev")
    assert said.startswith(f"This is for {other}, and what makes it is {product.HERE}: run `make clean env PYTHON=")


def test_a_network_that_is_not_there(terminal: Terminal) -> None:
    terminal.patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert terminal.is_refused("update", "dev").startswith("AWS can't be reached from here (")


# -- what is there already ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["update", "status", "tail", "rollback", "manage"])
def test_a_stage_that_is_not_deployed(terminal: Terminal, command: str) -> None:
    said = terminal.is_refused(command, "dev", *(["check"] if command == "manage" else []))
    assert re.fullmatch(r"The stage 'dev' is not deployed.*: run `zappa deploy dev`\.", said)


@pytest.fixture
def half(terminal: Terminal) -> Iterator[Terminal]:
    """A stage of which zappa has made the function, and not its API."""
    client, role = terminal.aws.client("lambda"), terminal.aws.client("iam")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as made:
        made.writestr("a.py", "")
    arn = role.create_role(RoleName=terminal.function, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code_of_it = {"ZipFile": code.getvalue()}
    client.create_function(
        FunctionName=terminal.function, Runtime="python3.12", Role=arn, Handler="a.b", Code=code_of_it
    )
    yield terminal
    client.delete_function(FunctionName=terminal.function)
    role.delete_role(RoleName=terminal.function)


@pytest.mark.parametrize("command", ["update", "status"])
def test_a_stage_that_is_half_there(half: Terminal, command: str) -> None:
    said = half.is_refused(command, "dev")
    assert re.fullmatch(r"The stage 'dev' is only half deployed.*: run `zappa deploy dev`\.", said)


def test_a_stage_that_is_deployed_is_not_deployed_again(half: Terminal) -> None:
    cloud = half.aws.client("cloudformation")
    api = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": half.function}}
    cloud.create_stack(StackName=half.function, TemplateBody=json.dumps({"Resources": {"Api": api}}))
    wait_for(lambda: cloud.describe_stacks(StackName=half.function)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
    try:
        assert half.is_refused("deploy", "dev") == "The stage 'dev' is already deployed: run `zappa update dev`."
        assert "tell no DatabaseHost" in half.is_refused("status", "dev"), "it has no stacks of ours"
    finally:
        cloud.delete_stack(StackName=half.function)


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
        (["status", "--all"], r"^The stage 'dev' is not deployed in account 000000000000, region us-east-1: run"),
    ],
)
def test_what_may_not_be_asked_for(terminal: Terminal, words: list[str], sentence: str) -> None:
    terminal.patch.setattr(hooks, "synthesize", lambda *words, **named: {})
    assert re.search(sentence, terminal.is_refused(*words))


def test_a_zip_of_somebodys_own_is_looked_at_before_anything_is_made(terminal: Terminal, tmp_path: Path) -> None:
    terminal.patch.setattr(hooks, "synthesize", lambda *words, **named: {})
    own = tmp_path / "own.zip"
    with zipfile.ZipFile(own, "w") as made:
        made.writestr("six/.local/env", "a secret")
    said = terminal.is_refused("deploy", "dev", "--zip", str(own))
    assert said.startswith("The package contains six/.local/env, which holds secrets: ")


@pytest.mark.parametrize(("answer", "said"), [("n", "Nothing was removed."), ("", "Nothing was removed.")])
def test_undeploy_asks_first(terminal: Terminal, answer: str, said: str) -> None:
    terminal.patch.setattr("builtins.input", lambda question: answer)
    assert terminal.is_refused("undeploy", "dev") == said


def test_typed_by_nobody_undeploy_removes_nothing_and_says_one_sentence(tmp_path: Path, aws_server: LocalAws) -> None:
    """In a process of its own, as everybody types it."""
    folder = copy_project(tmp_path / "project")
    done = typed("undeploy", "dev", folder=folder, **aws_server.environment)
    assert (done.returncode, done.stderr) == (
        1,
        "Error: Nothing was removed: nobody is there to confirm it; add --yes.\n",
    )
    assert "Remove the function and the site of 'dev'?" in done.stdout


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
