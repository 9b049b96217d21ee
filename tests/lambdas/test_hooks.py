"""Whatever goes wrong in a callback, or in zappa after it, ends in one sentence and never in a traceback."""

import ast
import inspect
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from botocore.exceptions import ClientError
from zappa.cli import ZappaCLI

from pipeline_site.deploy import DeployError, hooks, steps, versions, zappa
from pipeline_site.deploy import __main__ as command_line
from pipeline_site.deploy.zappa import ROOT

DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no right to sts:Any"}}, "Any")


def cli(command: str, **known: Any) -> Any:
    """zappa's object, as far as a callback uses it."""
    return SimpleNamespace(command=command, api_stage="dev", vargs={}, **known)


def raising(error: BaseException) -> Any:
    """A function that fails."""

    def fail(*words: Any, **named: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", [DENIED, OSError("Stack creation failed."), IndexError("list index"), KeyError()])
def test_what_zappa_raises_after_the_callback_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """API Gateway's stack that failed, for one: zappa would end there in a traceback, and skip `post`."""
    monkeypatch.setitem(hooks._COMMANDS, "deploy", lambda cli: None)  # type: ignore[arg-type]
    asked = cli("deploy", deploy=raising(error))
    hooks.settings(asked)
    with pytest.raises(click.ClickException) as refused:
        asked.deploy("s3://bucket/a.zip", None)
    assert refused.value.message.startswith("zappa stopped at `zappa deploy dev`: ")
    assert refused.value.message.endswith(". Fix this, then run it again.")


@pytest.mark.parametrize("error", [click.ClickException("as it is"), SystemExit(3), KeyboardInterrupt()])
def test_what_ends_zappa_well_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    monkeypatch.setitem(hooks._COMMANDS, "deploy", lambda cli: None)  # type: ignore[arg-type]
    asked = cli("deploy", deploy=raising(error))
    hooks.settings(asked)
    with pytest.raises(type(error)) as left:
        asked.deploy()
    assert left.value is error


@pytest.mark.parametrize("error", [DENIED, DeployError("No."), OSError(28, "No space left on device")])
def test_a_callback_that_fails_says_what_is_there_and_what_to_run(error: Exception) -> None:
    with pytest.raises(click.ClickException) as refused:
        hooks.post(cli("deploy", deployment=SimpleNamespace(finish=raising(error))))
    assert refused.value.message.endswith(
        " The function is deployed. Fix this, then run `zappa update dev` to continue."
    )


def test_a_callback_that_is_stopped_says_how_to_continue(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        hooks.post(cli("update", deployment=SimpleNamespace(finish=raising(KeyboardInterrupt()))))
    assert capsys.readouterr().err == "Stopped; run `zappa update dev` again to continue.\n"


@pytest.mark.parametrize(
    ("back", "said"),
    [(0, "--num-rollback must be 1 or more."), (2, "There is nothing to roll back to: ingest-dev has 2 published ver")],
)
def test_a_version_that_is_not_there_is_no_success(monkeypatch: pytest.MonkeyPatch, back: int, said: str) -> None:
    """zappa says `Done!` there, or ends in a traceback."""
    monkeypatch.setattr(hooks, "_load", lambda cli: None)
    monkeypatch.setattr(versions, "published", lambda account, name: ["2", "1"])
    asked = cli("rollback", deployment=SimpleNamespace(account=None, name="ingest-dev"))
    asked.vargs["num_rollback"] = back
    with pytest.raises(click.ClickException, match=said):
        hooks.settings(asked)


def test_all_stages_are_taken_in_turn_until_one_fails() -> None:
    taken: list[str] = []

    def dispatch(command: str, stage: str) -> None:
        taken.append(f"{command} {stage} {asked.vargs}")
        asked.vargs["zip"] = "s3://bucket/of-this-stage.zip"
        raise SystemExit(0)

    asked = cli("undeploy", dispatch_command=dispatch)
    asked.vargs["all"] = True
    with pytest.raises(SystemExit) as ended:
        hooks.settings(asked)
    assert (ended.value.code, taken) == (0, ["undeploy dev {'all': False}", "undeploy production {'all': False}"])
    asked = cli("undeploy", dispatch_command=raising(click.ClickException("no")))
    asked.vargs["all"] = True
    with pytest.raises(click.ClickException):
        hooks.settings(asked)


# -- what this relies on in zappa -----------------------------------------------------------------------------------


def test_zappa_has_every_command_and_method_that_is_named() -> None:
    source = inspect.getsource(ZappaCLI.handle)
    for command in hooks._COMMANDS:
        assert f'"{command}"' in source, command
        assert callable(getattr(ZappaCLI, hooks._METHODS.get(command, command))), command


def test_zappa_calls_back_before_it_reads_the_zip() -> None:
    source = inspect.getsource(ZappaCLI.dispatch_command)
    assert 0 < source.index('self.callback("settings")') < source.index('self.deploy(self.vargs["zip"]')


def test_the_settings_name_the_callbacks_and_inner_runs_have_none(tmp_path: Path) -> None:
    told = json.loads(zappa.SETTINGS.read_text())
    defined = {node.name for node in ast.parse((ROOT / "zappa_hooks.py").read_text()).body if hasattr(node, "name")}
    names = [told["base"]["callbacks"]["settings"], steps.POST["post"]]
    assert [name.removeprefix("zappa_hooks.") in defined for name in names] == [True, True]
    written = json.loads(zappa.write(tmp_path, "dev", zappa.stage_settings("dev", runtime=zappa.HERE)).read_text())
    assert "callbacks" not in written["dev"]


# -- make ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "state", "typed"),
    [
        (["up", "dev"], "absent", ["deploy", "dev"]),
        (["up", "dev"], "incomplete", ["deploy", "dev"]),
        (["up", "dev"], "deployed", ["update", "dev"]),
        (["down", "dev"], "deployed", ["undeploy", "dev", "--yes"]),
    ],
)
def test_make_types_zappas_own_commands(
    monkeypatch: pytest.MonkeyPatch, words: list[str], state: str, typed: list[str]
) -> None:
    shown: list[tuple[Path, list[str]]] = []
    monkeypatch.setattr(command_line, "_deployment", lambda stage: SimpleNamespace(state=lambda: state))
    monkeypatch.setattr(zappa, "show", lambda folder, words: shown.append((folder, list(words))) or 0)
    assert command_line.main(words) == 0
    assert shown == [(ROOT, typed)]
    monkeypatch.setattr(zappa, "show", lambda folder, words: 7)
    with pytest.raises(SystemExit) as ended:
        command_line.main(words)
    assert ended.value.code == 7


def test_make_zappa_types_any_command_with_its_words() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    said = subprocess.run(  # these tests may be run by make themselves, which would print where it is
        [
            "make",
            "--no-print-directory",
            "--dry-run",
            "--old-file=env",
            "zappa",
            "STAGE=dev",
            "ARGS=manage 'runs --limit 5'",
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    script = said[said.index("set -- ") :].replace(".venv/bin/zappa", "printf '%s|'").replace("exec ", "")
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "manage|dev|runs --limit 5|"
