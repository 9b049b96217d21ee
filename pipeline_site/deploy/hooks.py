"""zappa's own commands, made whole: what its callbacks do for `deploy`, `update`, `undeploy` and all the others.

zappa calls `settings` once it has loaded zappa_settings.json, before it reads, packs or sends anything, and `post`
after its part of a deployment. Only ClickException and SystemExit end it without a traceback.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click
from botocore.exceptions import BotoCoreError, ClientError

from pipeline_site import remote_commands
from pipeline_site.deploy import DeployError, account, authority, cloudformation, package, zappa
from pipeline_site.deploy.package import BUILD
from pipeline_site.deploy.stacks import Stacks
from pipeline_site.deploy.steps import Deployment
from pipeline_site.deploy.templates import synthesize
from pipeline_site.deploy.zappa import ROOT


class Zappa(Protocol):
    """What we use of zappa's command-line object; what a callback leaves on it, the next one finds."""

    command: str
    api_stage: str
    vargs: dict[str, Any]
    deployment: Deployment
    """Ours, left by `settings` for `post`."""

    def load_settings(self, settings_file: str) -> object:
        """Load another settings file, with a new session at AWS."""

    def dispatch_command(self, command: str, stage: str) -> None:
        """Execute a command for a stage, from its settings on."""


def settings(cli: Zappa) -> None:
    """Prepare the command that was typed, or execute it in zappa's place and exit."""
    with _one_sentence(cli, again=""):
        if cli.vargs.get("all"):
            _each_stage(cli)
        _COMMANDS.get(cli.command, _load)(cli)
    _contain(cli)


def post(cli: Zappa) -> None:
    """Complete the deployment after zappa's part of it."""
    again = f" The function is deployed. Fix this, then run `zappa update {cli.api_stage}` to continue."
    with _one_sentence(cli, again=again):
        site = cli.deployment.finish()
        click.echo(f"Site: {site}admin/")


# -- the commands ---------------------------------------------------------------------------------------------------


def _deploy(cli: Zappa) -> None:
    """For `deploy` and `update`: all that the function needs, and its package, which zappa then deploys."""
    deployment = _deployment(cli)
    own, image = cli.vargs.get("zip"), bool(cli.vargs.get("docker_image_uri"))
    configuration_only = image or bool(cli.vargs.get("no_upload"))
    if own and "://" in own:
        raise DeployError(f"{own} can't be checked from here: download it, and name the file with --zip.")
    zappa.check_runtime(deployment.settings)
    if not configuration_only:
        zappa.check_python(deployment.settings)
    state = deployment.state()
    if cli.command == "deploy" and state == "deployed":
        raise DeployError(f"The stage {cli.api_stage!r} is already deployed: run `zappa update {cli.api_stage}`.")
    if cli.command == "update" and state != "deployed":
        told = {"absent": "is not deployed", "incomplete": "is only half deployed"}[state]
        raise DeployError(f"The stage {cli.api_stage!r} {told}: run `zappa deploy {cli.api_stage}`.")
    by_stack = cloudformation.is_wanted(cli.api_stage)
    if by_stack and configuration_only:
        raise DeployError("A stage with cdk_function takes our package only: leave out the image, or --no-upload.")
    deployment.templates = synthesize(cli.api_stage, ROOT / "cdk.out", say=deployment.say)
    address = deployment.prepare(Path(own) if own else None, image=configuration_only)
    if by_stack:
        cloudformation.put(deployment, address)
        click.echo(f"Site: {deployment.finish()}admin/")
        sys.exit(0)
    cli.vargs["zip"] = address or None
    cli.deployment = deployment
    cli.load_settings(str(deployment.write_settings()))


def _package(cli: Zappa) -> None:
    stage_settings = _stage_settings(cli)
    zappa.check_python(stage_settings)
    made = package.build(cli.api_stage, stage_settings, ca=_certificates(stage_settings["aws_region"]))
    path = made.path
    if output := cli.vargs.get("output"):
        try:
            path = Path(shutil.copyfile(path, output))
        except OSError as error:
            raise DeployError(f"{output} can't be written: {error}. Name another file with --output.") from None
    size = path.stat().st_size
    click.echo(f"{path} ({size / (1 << 20):.1f} MiB, unpacked {made.unpacked / (1 << 20):.1f} MiB)")
    click.echo(f"{made.sbom} (SBOM)")
    sys.exit(0)


def _certificates(region: str) -> Path | None:
    """Those of RDS, if this machine has them already: only a deployment fetches them."""
    if os.environ.get("DATABASE_CA") or (BUILD / f"rds-ca-{region}.pem").exists():
        return authority.certificates(region, BUILD)
    click.echo("The package has no certificates of RDS yet: `zappa deploy` and `zappa update` add them.")
    return None


def _undeploy(cli: Zappa) -> None:
    if cli.vargs.get("remove_logs"):
        raise DeployError("The logs belong to the stack of the data, which stays: leave out --remove-logs.")
    stage, deployment = cli.api_stage, _deployment(cli)
    if not cli.vargs.get("yes"):
        _confirm(f"Remove the function and the site of {stage!r}? Files and database stay. [y/n] ")
    deployment.down(data=False)
    click.echo(f"Files and database stay. To delete them for good: make destroy STAGE={stage} DATA={stage}")
    sys.exit(0)


def _confirm(question: str) -> None:
    try:
        answer = input(question)
    except EOFError:
        raise DeployError("Nothing was removed: nobody is there to confirm it; add --yes.") from None
    if answer.strip().lower() not in ("y", "yes"):
        raise DeployError("Nothing was removed.")


def _manage(cli: Zappa) -> None:
    try:
        remote_commands.parse(" ".join(cli.vargs["command_rest"]))
    except remote_commands.NotAllowed as refused:
        raise DeployError(str(refused)) from None
    _load(cli)


def _invoke(cli: Zappa) -> None:
    if cli.vargs.get("raw"):
        raise DeployError("--raw would execute any text, so the function refuses it: leave it out.")
    _load(cli)


def _rollback(cli: Zappa) -> None:
    """zappa ends in a traceback, or does nothing and says Done, where there is no such version."""
    _load(cli)
    back = cli.vargs["num_rollback"]
    if back < 1:
        raise DeployError("--num-rollback must be 1 or more.")
    versions = cli.deployment.function.versions()
    if back >= len(versions):
        raise DeployError(
            f"There is nothing to roll back to: {cli.deployment.name} has {len(versions)} published version(s), and "
            f"--num-rollback {back} needs {back + 1}."
        )


def _save_python_settings(cli: Zappa) -> None:
    """To where the Dockerfile looks for it, unless another place was named."""
    folder = BUILD / "stages" / cli.api_stage
    folder.mkdir(parents=True, exist_ok=True)
    cli.vargs["output_path"] = cli.vargs.get("output_path") or str(folder / "zappa_settings.py")


def _refuse_schedule(cli: Zappa) -> None:
    raise DeployError(
        f"The clock belongs to the stack {_stage_settings(cli)['project_name']}-{cli.api_stage}-trigger, and "
        f"`zappa {cli.command}` would remove it: change it in infra/, then run `zappa update {cli.api_stage}`."
    )


def _load(cli: Zappa) -> None:
    """For every other command: the complete settings of a stage that is deployed."""
    deployment = _deployment(cli)
    if (state := deployment.state()) != "deployed":
        told = "only half deployed" if state == "incomplete" else "not deployed"
        raise DeployError(
            f"The stage {cli.api_stage!r} is {told} in account {deployment.account.number}, region "
            f"{deployment.account.region}: run `zappa deploy {cli.api_stage}`."
        )
    cli.deployment = deployment
    cli.load_settings(str(deployment.write_settings()))


_COMMANDS: Mapping[str, Callable[[Zappa], None]] = {
    "deploy": _deploy,
    "update": _deploy,
    "package": _package,
    "undeploy": _undeploy,
    "manage": _manage,
    "invoke": _invoke,
    "rollback": _rollback,
    "save-python-settings-file": _save_python_settings,
    "schedule": _refuse_schedule,
    "unschedule": _refuse_schedule,
}

# -- parts ----------------------------------------------------------------------------------------------------------


def _each_stage(cli: Zappa) -> None:
    """For --all: zappa would take ``base`` for a stage too."""
    typed = cli.vargs | {"all": False}
    for stage in zappa.stages(_file(cli)):
        cli.vargs = dict(typed)  # a stage's own zip is none of the next one's
        try:
            cli.dispatch_command(cli.command, stage)
        except SystemExit as ended:  # how `package` and `undeploy` end
            if ended.code:
                raise
    sys.exit(0)


def _file(cli: Zappa) -> Path:
    return Path(cli.vargs.get("settings_file") or zappa.SETTINGS)


def _stage_settings(cli: Zappa) -> dict[str, Any]:
    return zappa.stage_settings(cli.api_stage, file=_file(cli), runtime=os.environ.get("RUNTIME", ""))


def _deployment(cli: Zappa) -> Deployment:
    stage_settings = _stage_settings(cli)
    found = account.find(stage_settings)
    if cli.command in ("deploy", "update", "undeploy"):
        click.echo(f"Stage {cli.api_stage} in account {found.number}, region {found.region}")
    return Deployment(
        stage=cli.api_stage,
        settings=stage_settings,
        account=found,
        stacks=Stacks(found.client("cloudformation")),
        templates={},
        say=lambda text: click.echo(f"  {text}"),
    )


@contextmanager
def _one_sentence(cli: Zappa, *, again: str) -> Iterator[None]:
    """Make whatever goes wrong one sentence for the person at the terminal; ``again`` is what to run after it."""
    try:
        yield
    except DeployError as error:
        raise click.ClickException(f"{error}{again}") from None
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(f"AWS refused `zappa {cli.command} {cli.api_stage}`: {error}.{again}") from None
    except OSError as error:
        raise click.ClickException(f"`zappa {cli.command} {cli.api_stage}` can't continue: {error}.{again}") from None
    except KeyboardInterrupt:
        click.echo(f"Stopped; run `zappa {cli.command} {cli.api_stage}` again to continue.", err=True)
        raise


_METHODS = {"manage": "invoke", "save-python-settings-file": "save_python_settings_file"}
"""zappa's methods, where they are not called as the command is."""


def _contain(cli: Zappa) -> None:
    """Let what goes wrong in zappa's part end in one sentence too, not in a traceback."""
    name = _METHODS.get(cli.command, cli.command)
    theirs = getattr(cli, name, None)
    if theirs is None:
        return

    def contained(*words: Any, **named: Any) -> Any:
        try:
            return theirs(*words, **named)
        except click.ClickException:
            raise
        except Exception as error:
            raise click.ClickException(
                f"zappa stopped at `zappa {cli.command} {cli.api_stage}`: {error or type(error).__name__}. Fix this, "
                f"then run it again."
            ) from None

    setattr(cli, name, contained)
