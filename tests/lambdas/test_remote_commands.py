"""Only a short list of manage.py's commands may be executed in the function, with a short list of arguments each."""

import subprocess
import sys

import pytest
from django.core.management import get_commands, load_command_class

from pipeline_site.deploy.zappa import ROOT
from pipeline_site.remote_commands import MANAGE, NotAllowed, parse

ALLOWED = [
    "check",
    "check --deploy --fail-level ERROR --database default",
    "check --fail-level=ERROR",
    "migrate --noinput",
    "migrate --check no_such_app",
    "migrate ingest 0019_a_name --plan",
    "showmigrations --plan",
    "runs --limit 5 --status failed",
    "runs --dataset orders",
    "retry --anyway 7",
    "retry 7 8 9",
    "approve --reading 2 7",
    "approve 7 --reading=2",
    "undo 1",
    "reconcile --dry-run --minutes 5",
    "doctor --inside",
    "clearsessions",
]
REFUSED = [
    # Commands that print secrets, execute text or fetch an address.
    *(
        "diffsettings",
        "diffsettings --all",
        "startapp --template=https://files.example.com/x.zip evil",
        "dumpdata auth",
    ),
    *("shell -c print(1)", "dbshell", "startproject a", "loaddata https://files.example.com/x.json", "flush --noinput"),
    *("createsuperuser --noinput", "changepassword admin", "sqlflush", "inspectdb", "runserver 0.0.0.0:80", "test"),
    *(
        "rejects 7",
        "ingest /etc/passwd",
        "collectstatic --noinput",
        "sendtestemail a@example.com",
        "help",
        "makemessages",
    ),
    # Arguments that an allowed command may not have.
    *("migrate ingest zero", "migrate --fake", "migrate --run-syncdb", "migrate ingest 0001_a 0002_b", "migrate --fa"),
    *("check --pythonpath /tmp", "check --settings=evil", "check --database other", "check --deploy=1", "check --dep"),
    *("check --fail-level", "check auth", "runs --limit", "runs --limit -1", "runs --limit 5;id", "runs 7", "runs --"),
    *("undo all", "undo 1.5", "retry ../7", "retry 7 --traceback", "datasets --verbosity 3", "-c check", "--help"),
    *("CHECK", "check\0--deploy", "migrate ingest 0019_a\u2028name", "runs --dataset a/b", "undo \u0661"),
    *("", " ", None, {"a": 1}, ["check"], 7, b"check"),
]


@pytest.mark.parametrize("line", ALLOWED)
def test_a_command_on_the_list_is_taken_word_by_word(line: str) -> None:
    assert parse(f" {line}  ") == line.split()


@pytest.mark.parametrize("line", REFUSED)
def test_everything_else_is_refused(line: object) -> None:
    with pytest.raises(NotAllowed, match=r"in the function"):
        parse(line)


def test_the_refusal_names_the_commands_or_the_arguments_and_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(NotAllowed, match=r"`dumpdata`; in the function it executes only acknowledge, approve, check"):
        parse("dumpdata auth --secret")
    with pytest.raises(
        NotAllowed, match=r"^`runs` may not have these arguments in the function; it takes `runs \[--da"
    ):
        parse("runs --password hunter2hunter2")


@pytest.mark.parametrize("name", sorted(MANAGE))
def test_each_command_and_option_exists(name: str) -> None:
    app = get_commands()[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    parser = command.create_parser("manage.py", name)
    known = {option for action in parser._actions for option in action.option_strings}
    assert set(MANAGE[name].options) <= known
    takes = {option for action in parser._actions for option in action.option_strings if action.nargs != 0}
    assert {option for option, pattern in MANAGE[name].options.items() if pattern} == takes & set(MANAGE[name].options)


def test_the_list_needs_neither_django_nor_aws() -> None:
    """`zappa manage` reads it on a laptop before anything is called."""
    told = "import sys, pipeline_site.remote_commands; print({'django', 'boto3'} & set(sys.modules) or 'none')"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "none\n"
