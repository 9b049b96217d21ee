"""What goes to Lambda is what was locked, and what must not go there is refused in one sentence."""

import json
import re
import struct
import zipfile
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.validation.json import JsonStrictValidator

from pipeline_site.deploy import DeployError, locks, package, sbom, zappa
from pipeline_site.deploy.checks import check
from pipeline_site.deploy.zappa import ROOT

SETTINGS: Mapping[str, Any] = {"runtime": "python3.13", "architecture": "x86_64"}
CODE = struct.pack("<4sI", MAGIC_NUMBER, 1) + b"x" * 16
X86, ARM = (b"\x7fELF" + b"\0" * 14 + struct.pack("<H", machine) for machine in (62, 183))
GOOD = {"ingest/a.py": b"a = 1", cache_from_source("ingest/a.py"): CODE, "six.py": b"", "handler.py": b""}


def pins(name: str) -> set[str]:
    """The requirements of a locked file, with their markers."""
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    return {line.rstrip(" \\") for line in lines if re.match(r"[a-z]", line)}


def test_the_package_holds_all_that_the_product_needs_in_the_same_versions() -> None:
    assert pins("app.txt") <= pins("lambda.txt"), "run `make lock`, or its line for lambda.txt"


def test_the_package_holds_a_valid_bill_of_all_that_is_in_it(packed: package.Package) -> None:
    text = packed.sbom.read_text()
    assert JsonStrictValidator(sbom.SCHEMA).validate_str(text) is None
    told = json.loads(text)
    with zipfile.ZipFile(packed.path) as files:
        assert files.read(sbom.FILE).decode() == text
        names = files.namelist()
    installed = {re.match(r"([\w.]+)-([\w.]+)\.dist-info/METADATA$", name) for name in names} - {None}
    packages = {(found[1].lower().replace("_", "-"), found[2]) for found in installed if found}
    assert {(each["name"], each["version"]) for each in told["components"]} == packages
    locked = {(pin.name, pin.version) for pin in locks.read(locks.DEPLOYED)}
    assert packages <= locked
    for each in told["components"]:
        assert each["licenses"], each["name"]
        assert each["externalReferences"][0]["hashes"], each["name"]
    bundled = {inside["name"] for each in told["components"] for inside in each.get("components", ())}
    assert bundled >= {name for name in names if re.match(r"\w+\.libs/.", name)}
    assert any("/libssl" in name for name in bundled)


# -- settings -----------------------------------------------------------------------------------------------------


def told(tmp_path: Path, **changed: Any) -> Path:
    """Our settings with something changed."""
    content = json.loads(zappa.SETTINGS.read_text())
    content["base"] |= changed
    file = tmp_path / "zappa_settings.json"
    file.write_text(json.dumps(content))
    return file


def test_both_stages_are_complete(tmp_path: Path) -> None:
    for stage in ("dev", "production"):
        settings = zappa.stage_settings(stage, file=told(tmp_path), runtime=zappa.HERE)
        assert (settings["timeout_seconds"], settings["manage_roles"], settings["debug"]) == (900, False, False)
        assert "extends" not in settings


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("debug", True, r"debug of the stage 'dev' is True in zappa_settings\.json: it must be false here\.$"),
        ("log_level", "DEBUG", r"it must be \"INFO\" here\.$"),
        ("manage_roles", True, r"it must be false here\.$"),
        ("events", [{"function": "a.b"}], r"it must be \[\] here\.$"),
        ("runtime", "python3.11", r"^runtime of 'dev' is 'python3\.11': write one of python3\.12"),
        ("runtime", None, r"^runtime of 'dev' is None: write one of"),
        ("aws_region", "", r"^The stage 'dev' has no aws_region in zappa_settings\.json: write one there"),
    ],
)
def test_a_setting_that_would_undo_the_safety_of_it_is_refused(
    tmp_path: Path, name: str, value: Any, sentence: str
) -> None:
    with pytest.raises(DeployError, match=sentence):
        zappa.stage_settings("dev", file=told(tmp_path, **{name: value}))


def test_another_python_than_the_runtime_is_refused_with_what_to_do(tmp_path: Path) -> None:
    other = next(runtime for runtime in zappa.RUNTIMES if runtime != zappa.HERE)
    settings = zappa.stage_settings("dev", file=told(tmp_path, runtime=other))
    with pytest.raises(DeployError, match=rf"^This is for {other}, .*: run `make clean env PYTHON={other}`"):
        zappa.check_python(settings)
    zappa.check_python(settings | {"runtime": zappa.HERE})


def test_a_runtime_that_aws_has_not_is_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(DeployError, match=r"^AWS can't run this with python3\.11: unset RUNTIME, or choose one of"):
        zappa.check_runtime({"runtime": "python3.11"})
    zappa.check_runtime({"runtime": zappa.RUNTIMES[0]})
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    zappa.check_runtime({"runtime": "python3.11"})


@pytest.mark.parametrize("text", ["{", "[]", '"dev"', '{"dev": 1}'])
def test_a_settings_file_that_is_none_is_told_in_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "zappa_settings.json"
    file.write_text(text)
    with pytest.raises(DeployError, match=r"zappa_settings\.json can't be read: "):
        zappa.stage_settings("dev", file=file)


@pytest.mark.parametrize("stage", ["base", "prod", ""])
def test_a_stage_that_is_not_there_is_refused(stage: str) -> None:
    with pytest.raises(DeployError, match=r"there is dev, production; say which with STAGE=…$"):
        zappa.stage_settings(stage)


# -- the zip --------------------------------------------------------------------------------------------------------


def zipped(tmp_path: Path, files: Mapping[str, bytes]) -> Path:
    """A zip of these files."""
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


def test_a_good_one_passes(tmp_path: Path) -> None:
    size = check(zipped(tmp_path, GOOD), SETTINGS | {"runtime": zappa.HERE}, expected={"six.py"})
    assert size == sum(map(len, GOOD.values()))


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"six.py": bytes(251 << 20)}, r"has 251 MiB unpacked, and Lambda takes 250: the largest are six\.py 251 MiB"),
        ({"notes.txt": b""}, r"holds notes\.txt, which neither we nor a requirement put there"),
        ({".env": b""}, r"holds \.env, which neither"),
        ({"ingest/.git/config": b""}, r"holds ingest/\.git/config, which has no place there"),
        ({"ingest/tests/test_a.py": b""}, r"ingest/tests/test_a\.py, which has no place there"),
        ({"pipeline_site/server.key": b""}, r"pipeline_site/server\.key, which has no place there"),
        ({"ingest/customers.csv": b""}, r"ingest/customers\.csv, which has no place there"),
        ({"ingest/customers.xlsx": b""}, r"ingest/customers\.xlsx, which has no place there"),
        ({"ingest/../notes.py": b""}, r"ingest/\.\./notes\.py, which has no place there"),
        ({"../notes.py": b""}, r"\.\./notes\.py, which neither"),
        ({"pipeline_site/local/demo.py": b""}, r"pipeline_site/local/demo\.py, which has no place there"),
        ({"yaml/loader.py": b""}, r"yaml/loader\.py, which neither"),
        ({"jmespath/notes.txt": b""}, r"jmespath/notes\.txt, which neither"),
        ({"ingest/b.txt": b"key = AKIA" + b"A" * 16}, r"^ingest/b\.txt holds an AWS key: take it out"),
        ({"ingest/b.txt": b"-----BEGIN RSA PRIVATE KEY-----"}, r"^ingest/b\.txt holds a private key"),
        ({"zappa_settings.py": b"'postgresql://u:pw@db/x'"}, r"holds a database's address with its password"),
        ({"ingest/b.py": b"b = 1"}, r"^ingest/b\.py has no byte code"),
        (
            {"ingest/b.py": b"b = 1", cache_from_source("ingest/b.py"): struct.pack("<4sI", MAGIC_NUMBER, 0)},
            r"^The byte code of ingest/b\.py is of another Python, or dated",
        ),
        ({"six/x.so": ARM}, r"^six/x\.so isn't made for Linux on x86_64"),
        ({"six/x.so": b"MZ"}, r"^six/x\.so isn't made for Linux on x86_64"),
        ({"six/x.cpython-39-x86_64-linux-gnu.so": X86}, r"is made for Python 3\.9, not python3\.13"),
    ],
)
def test_what_must_not_go_to_lambda_is_refused(tmp_path: Path, files: Mapping[str, bytes], sentence: str) -> None:
    with pytest.raises(DeployError, match=sentence):
        check(zipped(tmp_path, {**GOOD, **files}), SETTINGS, expected={"six.py", "six", "jmespath/lexer.py"})


def test_a_module_that_zappa_adds_to_an_installed_folder_is_no_stray_file(tmp_path: Path) -> None:
    files = {**GOOD, "jmespath/lexer.py": b"", "jmespath/__init__.py": b"", "__init__.py": b""}
    settings = SETTINGS | {"runtime": zappa.HERE}
    assert check(zipped(tmp_path, files), settings, expected={"six.py", "jmespath/lexer.py"})


def test_the_zip_holds_the_product_and_nothing_else(packed: package.Package) -> None:
    """Each name in it: a file of a locked wheel, a file of our sources, a static file, or one that zappa writes."""
    settings = zappa.stage_settings("dev", runtime=zappa.HERE)
    wheels = package._wheels(settings) / package._site_packages(settings)
    with zipfile.ZipFile(packed.path) as made:
        names = {entry.filename for entry in made.infolist() if not entry.is_dir()}
    installed = {path.relative_to(wheels).as_posix() for path in wheels.rglob("*") if path.is_file()}
    sources = {path.relative_to(ROOT).as_posix() for top in ("ingest", "pipeline_site") for path in _files(ROOT / top)}
    sources |= {"manage.py"}
    static = {name for name in names if name.startswith("static-root/")}
    rest = names - installed - sources - static - {cache_from_source(name) for name in sources if name.endswith(".py")}
    added = {name for name in rest if name.endswith("/__init__.py")}  # by zappa, and empty
    assert all(any(other.startswith(name.removesuffix("__init__.py")) for other in names - added) for name in added)
    zappas = {"handler.py", "django_zappa_app.py", "zappa_settings.py", "zappa_settings.json", "package_info.json"}
    assert rest - added == zappas | {"rds-ca.pem", sbom.FILE, "__init__.py"}
    assert sources <= names
    known = {path.name for top in (ROOT / "ingest", wheels) for path in top.rglob("static/**/*")}
    assert {name for name in static if _source_of(name) not in known} == {"static-root/staticfiles.json"}


def _files(folder: Path) -> list[Path]:
    """Those of the product's source: without what runs on a laptop only."""
    left_out = {"__pycache__", "local", "deploy"}
    return [path for path in folder.rglob("*") if path.is_file() and not left_out & set(path.relative_to(ROOT).parts)]


def _source_of(name: str) -> str:
    """The name of the file that a static file was made of, without the hash and the compression."""
    return re.sub(r"\.[0-9a-f]{12}(?=\.|$)", "", Path(name).name.removesuffix(".gz"))


# -- the container --------------------------------------------------------------------------------------------------


def test_the_dockerfile_takes_what_there_is_from_the_same_pins_and_python() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    runtime = json.loads(zappa.SETTINGS.read_text())["base"]["runtime"]
    (base,) = re.findall(r"^FROM (.*)$", text, re.M)
    image, _, digest = base.partition("@")
    assert image == f"public.ecr.aws/lambda/python:{runtime.removeprefix('python')}"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest), "a tag can be moved to another image"
    sources = [line.split()[1] for line in text.splitlines() if line.startswith("COPY") and "$" not in line.split()[1]]
    assert sources == ["requirements/lambda.txt", "manage.py", "ingest", "pipeline_site"]
    assert all((ROOT / source).exists() for source in sources)
    assert "--require-hashes --requirement /tmp/lambda.txt" in text
    handler = json.loads(zappa.SETTINGS.read_text())["base"]["lambda_handler"]
    assert f'CMD ["{handler}"]' in text
