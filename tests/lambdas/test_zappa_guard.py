"""zappa's own commands, typed in the project's folder, pack nothing; and without our refusal they'd pack no secret."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from pipeline_site.deploy import DeployError
from pipeline_site.deploy.checks import refuse_secrets
from pipeline_site.deploy.zappa import ROOT
from pipeline_site.local.aws import LocalAws

COMMAND = Path(sys.executable).with_name("zappa")
SITE_PACKAGES = Path("lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
PRODUCT = ("ingest", "pipeline_site", "manage.py")
LEFT_BEHIND = (
    *(".local/env", ".local/pgpass", ".local/secrets.json", ".local/aws/objects/demo-bucket/data/people.csv"),
    *(".env", ".env.production", "env", "prod.env", "pgpass", "secrets.json", "admin-password", "id_rsa", "server.pem"),
    *("demo/env", "demo/pgpass", "demo/secrets.json", ".aws/credentials", ".git/config", ".venv-data/x.py"),
    *("cdk.out/tree.json", ".build/packages/old.zip", "ingest-dev-1.zip", "ingest/key.pem", "ingest/aws/server.key"),
    *("people.csv", "ingest/people.csv", "pipeline_site/local/notes.log", "dump.sqlite3", "venv/lib/x.py"),
    *("ingest/tests/test_a.py", "ingest/admin/.env", "pipeline_site/a.py.orig", "node_modules/a.js"),
)
"""What may be in somebody's folder, and must not be in a zip."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, as somebody has it who ran the demo in it."""
    folder = tmp_path_factory.mktemp("project") / "project"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "cdk.out", "static-root", "*.zip")
    shutil.copytree(ROOT, folder, ignore=left_out)
    for name in LEFT_BEHIND:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a secret")
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
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


def zappa(*words: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run zappa in ``folder``, with no account of AWS but what ``variables`` name."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DJANGO", "VIRTUAL"))}
    own = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "HOME": str(folder.parent)}
    return subprocess.run(
        [COMMAND, *words],
        cwd=folder,
        env=kept | own | {"AWS_DEFAULT_REGION": "eu-west-1"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "instead"),
    [("package", "make package STAGE=dev"), ("deploy", "make deploy STAGE=dev"), ("update", "make deploy STAGE=dev")],
)
@pytest.mark.parametrize("active", [True, False])
def test_it_refuses_before_anything_is_packed_or_sent_and_names_the_command(
    tree: Path, aws_server: LocalAws, command: str, instead: str, active: bool
) -> None:
    before = set(tree.iterdir())
    buckets = aws_server.client("s3").list_buckets()["Buckets"]
    venv = {"VIRTUAL_ENV": str(Path(sys.prefix))} if active else {}
    done = zappa(command, "dev", folder=tree, **aws_server.environment, **venv)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"`zappa {command} dev` would package every file in this folder, ")
    assert f"run `{instead}`" in done.stderr
    assert "Traceback" not in done.stdout
    assert set(tree.iterdir()) - before <= {tree / "__pycache__"}, "nothing was packed"
    assert aws_server.client("s3").list_buckets()["Buckets"] == buckets, "nothing was sent"


def test_it_refuses_without_an_account_or_a_region_too(tree: Path) -> None:
    done = zappa("deploy", "production", folder=tree)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "run `make deploy STAGE=production`" in done.stderr


def test_commands_that_pack_nothing_are_not_refused(tree: Path, aws_server: LocalAws) -> None:
    done = zappa("status", "dev", folder=tree, **aws_server.environment)
    assert "would package" not in done.stdout + done.stderr


def test_a_zip_of_somebodys_own_is_looked_at_before_it_is_sent(
    tree: Path, aws_server: LocalAws, tmp_path: Path
) -> None:
    own = tmp_path / "own.zip"
    with zipfile.ZipFile(own, "w") as made:
        made.writestr("six/.local/env", "a secret")
    done = zappa("deploy", "dev", "--zip", str(own), folder=tree, **aws_server.environment)
    assert done.returncode == 1
    assert done.stderr.startswith("The package contains six/.local/env, which holds secrets: ")


def test_without_the_refusal_it_packs_the_product_alone(
    tree: Path, environment: Path, tmp_path: Path, aws_server: LocalAws
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(tree, folder)
    settings = json.loads((folder / "zappa_settings.json").read_text())
    del settings["base"]["callbacks"]
    (folder / "zappa_settings.json").write_text(json.dumps(settings))
    variables = aws_server.environment | {"VIRTUAL_ENV": str(environment)}
    done = zappa("package", "dev", "--output", "made.zip", folder=folder, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(folder / "made.zip") as made:
        names = set(made.namelist())
    files = locked_files()
    assert {name for name in names if Path(name).name in {Path(left).name for left in LEFT_BEHIND}} <= files
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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".local/pgdata/PG_VERSION", b"18"),
        ("six/.env", b"A=1"),
        ("six/prod.env", b"A=1"),
        ("six/env", b"A=1"),
        ("pgpass", b""),
        ("deep/down/.pgpass", b""),
        ("deep/secrets.json", b"{}"),
        ("deep/admin-password", b""),
        ("deep/id_ed25519", b""),
        ("deep/server.key", b""),
        (".aws/config", b""),
        ("six/a.pem", b"-----BEGIN PRIVATE KEY-----\n" + b"MIIEvQ" * 12 + b"\n-----END PRIVATE KEY-----\n"),
        ("six/a.py", b'KEY = "-----BEGIN RSA PRIVATE KEY-----\\n' + b"MIIEvQ" * 12 + b'"'),
        (
            "six/b.pem",
            b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,0\n\n" + b"MIIEvQ" * 12 + b"\n",
        ),
        ("six/a.json", b'{"id": "AKIA' + b"Z" * 16 + b'"}'),
        ("six/a.ini", b"url = postgresql://ingest:pw@db.internal/ingest"),
    ],
)
def test_a_secret_is_found_in_any_zip_wherever_it_is(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / "any.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("ingest/a.py", "a = 1")
        made.writestr(name, content)
    with pytest.raises(DeployError, match=rf"{re.escape(name)}(,| holds)"):
        refuse_secrets(path)


def test_certificates_and_examples_are_no_secrets(tmp_path: Path) -> None:
    path = tmp_path / "any.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("rds-ca.pem", "-----BEGIN CERTIFICATE-----\n" + "MIIEvQ" * 12 + "\n-----END CERTIFICATE-----\n")
        made.writestr("botocore/a.json", '"AKIAIOSFODNN7EXAMPLE"')
        made.writestr("six/keys.py", 'HEADER = "-----BEGIN RSA PRIVATE KEY-----"')
        made.writestr("django/core/management/environment.py", "")
    refuse_secrets(path)


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_what_is_no_zip_is_said_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.zip"
    path.write_bytes(content)
    with pytest.raises(
        DeployError, match=r"any\.zip is not a readable zip file: .*\. Build the package with `make package`"
    ):
        refuse_secrets(path)
    with pytest.raises(DeployError, match="is not a readable zip file"):
        refuse_secrets(tmp_path / "missing.zip")


@pytest.mark.parametrize("command", ["package", "deploy", "update"])
def test_make_zappa_refuses_them_too(command: str) -> None:
    """In the folder that it runs in there is no code: zappa would put a function there that has none."""
    told = [sys.executable, "-m", "pipeline_site.deploy", "zappa", "dev", command]
    done = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert re.search(r"run `make (package|deploy) STAGE=dev`", done.stderr)
