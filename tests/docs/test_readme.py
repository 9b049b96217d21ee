"""The README and the guides match the product: their commands run, and what they show is printed."""

import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from ingest.models import Dataset, Run
from pipeline_site.local.demo import QUERY
from pipeline_site.local.stack import _PORTS, BUCKET, PREFIX, Stack
from tests.app.conftest import Door
from tests.docs.links import PAGES, ROOT
from tests.docs.page import blocks
from tests.docs.playing import MANAGE
from tests.lambdas import test_deploying
from tests.local.test_demo import LOADED
from tests.screenshots import __main__ as screenshots

README = ROOT / "README.md"
TEXT = README.read_text()
GUIDES = [page for page in PAGES if page.name != "SECURITY.md" and "file-rules" not in page.name]
"""Pages whose commands are run here; tests/docs/test_examples.py plays those of the file rules."""
BLOCKS = [(page, block) for page in GUIDES for block in blocks(page) if block.kind in ("console", "sql")]
LINES = [line for _, block in BLOCKS if block.kind == "console" for line in block.text.splitlines()]
COMMANDS = list(dict.fromkeys(line for line in LINES if line.startswith("$ ")))
MADE = [line for line in COMMANDS if re.match(r"\$ (\w+=\w+ )?make\b", line)]
MANAGED = [line for line in COMMANDS if line.startswith(MANAGE)]
TYPED = [line for line in COMMANDS if line.startswith("$ zappa ")]
"""tests/lambdas/test_deploying.py types them against a local AWS."""
ACTIVATED = "$ source .venv/bin/activate"
DEMO = next(block.text for block in blocks(README) if block.text.startswith("$ make demo\n"))


def test_every_command_is_one_that_is_run_here() -> None:
    assert {*MADE, *MANAGED, *TYPED, ACTIVATED} == set(COMMANDS)
    assert [line.removeprefix("$ ") for line in TYPED] == test_deploying.README
    assert (Path(sys.prefix) / "bin" / "activate").exists()


def test_no_command_of_ours_is_left_out() -> None:
    ours = {file.stem for file in (ROOT / "ingest" / "management" / "commands").glob("[a-z]*.py")}
    assert {command.removeprefix(MANAGE).split()[0] for command in MANAGED} == ours
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {command.split("make ")[1].split()[0] for command in MADE} <= set(targets)


# -- make ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [*MADE, "$ make demo EXIT=1", "$ make help"])
def test_make_knows_what_it_is_asked_for(command: str) -> None:
    assert command in COMMANDS or f"`{command[2:]}`" in TEXT
    runs = {"test": "-m pytest ", "test-repeat": "-m tests.repeat "}
    assert runs.get(command.split()[2], "") in _would_run(command)


def test_the_demo_of_the_readme_is_the_one_that_is_tested() -> None:
    """tests/local/test_demo.py runs it, whole."""
    assert "-m pipeline_site.local demo\n" in _would_run("$ make demo")
    assert "-m pipeline_site.local demo --exit\n" in _would_run("$ make demo EXIT=1")


def _would_run(command: str) -> str:
    """What make would run, on a folder where nothing is made yet."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "PG")}
    line = command[2:].replace("make", "make --always-make --dry-run", 1)
    done = subprocess.run(["/bin/sh", "-c", line], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stderr)
    return re.sub(r" +$", "", done.stdout, flags=re.MULTILINE)


def test_what_the_demo_prints_is_shown() -> None:
    rows = re.findall(r"^  (\S+\.csv) +(\S+) +succeeded(?: · [\d,]+ rejected)? +([\d ]+?)  [\d.]+$", DEMO, re.MULTILINE)
    assert {file: tuple(map(int, counts.split())) for file, _, counts in rows} == LOADED
    assert all(Path(file).stem == dataset for file, dataset, _ in rows)
    assert f"Loading {len(LOADED)} files by s3://{BUCKET}/{PREFIX}" in DEMO
    stack = Stack(folder=Path(".local"), say=print, site_port=_PORTS["the site"])
    stack.environment = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{_PORTS['the local AWS']}"}
    for printed in (stack.upload_line, stack.psql_line, stack.site_address, str(stack.admin_password)):
        assert printed in DEMO
    source = (ROOT / "pipeline_site" / "local" / "demo.py").read_text()
    for words in ("Serving until Ctrl-C. What comes in:", "PostgreSQL, local AWS, worker and site, in ", QUERY):
        assert words in DEMO
        assert words in source


# -- manage.py ----------------------------------------------------------------------------------------------------


@pytest.fixture
def working(environment: dict[str, str]) -> Iterator[None]:
    """The demo's worker, on the test's own bucket and database."""
    command = [sys.executable, "-m", "pipeline_site.local", "worker"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    yield
    process.terminate()
    process.wait(30)


def _called(command: str, run_id: int = 0) -> str:
    """What a line of the README prints."""
    words = shlex.split(
        command.removeprefix(MANAGE).replace("RUN", str(run_id)).replace("samples/", f"{ROOT}/samples/")
    )
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def _loaded(door: Door) -> Run:
    return door.load("contacts.csv", (ROOT / "samples" / "contacts.csv").read_bytes())


def _failed(door: Door) -> Run:
    return door.load("empty.csv", b"")


def _held(door: Door) -> Run:
    Dataset.objects.get_or_create(name="careful", asks_approval=True)
    return door.load("careful.csv", b"id\n1\n")


def _unclear(door: Door) -> Run:
    return door.load("notes.csv", b'id,note\n1,a\n2,"b\n3,c\n4,d"\n5,e\n')


BEFORE: dict[str, Callable[[Door], Run]] = {
    "retry RUN": _failed,
    "acknowledge RUN": _failed,
    "retry --anyway RUN": _loaded,
    "undo RUN": _loaded,
    "approve RUN": _held,
    "approve RUN --reading 1": _unclear,
    "discard RUN": _held,
}
"""The run that a command is about."""
REJECTS = f"{MANAGE}rejects RUN > contacts.csv"


@pytest.mark.parametrize("command", [line for line in MANAGED if "RUN" in line and line != REJECTS])
def test_a_command_about_a_run_does_what_it_says(command: str, door: Door) -> None:
    run = BEFORE[command.removeprefix(MANAGE)](door)
    before = (run.status, run.answered, Run.objects.count())
    assert _called(command, run.pk).startswith("Run ")
    run.refresh_from_db()
    assert (run.status, run.answered, Run.objects.count()) != before


@pytest.mark.usefixtures("working")
def test_the_other_commands_run_one_after_the_other(door: Door) -> None:
    _loaded(door)
    User.objects.create_superuser("ann")
    for command in (line for line in MANAGED if "RUN" not in line):
        printed = _called(command)
        for page, _ in BLOCKS:
            shown = page.read_text().partition(f"{command}\n")[2].partition("```")[0].partition("$ ")[0]
            assert [_without_figures(line) for line in shown.splitlines()] in (
                [],
                [_without_figures(line) for line in printed.splitlines()],
            )
    assert list(Run.objects.values_list("kind", flat=True)) == ["preview", "load", "load"]


def test_rejects_are_written_by_the_shell_mended_and_loaded(
    door: Door, environment: dict[str, str], tmp_path: Path
) -> None:
    assert REJECTS in COMMANDS
    run = _loaded(door)
    program = shlex.join([sys.executable, str(ROOT / "manage.py")])
    line = REJECTS[2:].replace(".venv/bin/python manage.py", program).replace("RUN", str(run.pk))
    subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, env=environment, check=True)
    header, *rows = (tmp_path / "contacts.csv").read_text().splitlines()
    mended = [row.replace(",,,,", ",lena.brandt@example.com,,,") for row in rows if row.startswith("103")]
    assert len(mended) == 1
    assert door.load("contacts.csv", "\n".join([header, *mended, ""])).inserted == 1


def _without_figures(line: str) -> list[str]:
    """The words of a row, without the run's number and its seconds, which differ."""
    words = line.split()
    return words[1:-1] if words[0].isdecimal() else words


def test_every_query_gives_rows(door: Door) -> None:
    door.load("data.csv", (ROOT / "samples" / "data.csv").read_bytes())
    _loaded(door)
    queries = [query for _, block in BLOCKS if block.kind == "sql" for query in block.text.split(";")]
    with connection.cursor() as cursor:
        for query in filter(str.strip, queries):
            cursor.execute(query)
            assert cursor.fetchall(), query


def test_pictures_say_what_they_show_and_can_be_read_in_the_dark() -> None:
    pictures = {path: said for said, path in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", TEXT)}
    assert all(len(said) > 40 for said in pictures.values())
    taken = {f"docs/screenshots/{name}.png" for name in screenshots.README}
    assert {path for path in pictures if path.endswith(".png")} == taken
    for path in pictures.keys() - taken:
        root = ElementTree.parse(ROOT / path).getroot()
        assert {child.tag.rpartition("}")[2] for child in root} >= {"title", "desc", "style"}
        assert "prefers-color-scheme: dark" in (ROOT / path).read_text()
