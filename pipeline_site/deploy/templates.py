"""The CloudFormation templates of a stage, written by ``infra`` in the environment of the CDK."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline_site.deploy import DeployError
from pipeline_site.deploy.zappa import ROOT

INFRA_PYTHON = ROOT / ".venv-infra" / "bin" / "python"
CAPABILITIES: Mapping[str, tuple[str, ...]] = {
    "data": ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),  # the rotation of the secret is a macro of AWS's
    "app": ("CAPABILITY_IAM",),
    "trigger": (),
}


TOLD = ("WARNING: ", "Idle, ")
"""What lines of ``infra`` begin with that are for the person who deploys: warnings, and what the stage costs."""


def synthesize(stage: str, folder: Path, *, say: Callable[[str], None] = print) -> dict[str, Path]:
    """The templates of the three stacks, written anew by ``infra``. Raises DeployError with its sentence."""
    if not INFRA_PYTHON.exists():
        say("making the environment of the CDK (once)")
        _run(["make", "--silent", "--directory", str(ROOT), ".venv-infra/.ready"], "The CDK can't be installed")
    written = _run([str(INFRA_PYTHON), "-O", "-m", "infra", stage, "--out", str(folder)], "The stacks can't be written")
    for line in written.stderr.splitlines():
        if line.startswith(TOLD):
            say(line)
    paths = [Path(line) for line in written.stdout.splitlines() if line.endswith(".template.json")]
    templates = {path.name.removesuffix(".template.json").rsplit("-", 1)[-1]: path for path in paths}
    if set(templates) != set(CAPABILITIES):
        raise DeployError(f"infra wrote {', '.join(templates) or 'no stack'}, not {', '.join(CAPABILITIES)}.")
    return templates


def synthesize_function(stage: str, settings: Path, folder: Path) -> Path:
    """The template of the function without zappa, from complete settings. Raises DeployError with its sentence."""
    command = [str(INFRA_PYTHON), "-O", "-m", "infra", stage, "--function", str(settings), "--out", str(folder)]
    written = _run(command, "The stack of the function can't be written")
    (path,) = [Path(line) for line in written.stdout.splitlines() if line.endswith(".template.json")]
    return path


def _run(command: list[str], failure: str) -> "subprocess.CompletedProcess[str]":
    """Run ``command`` and return what it printed. Raises DeployError with its last words."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError as error:
        raise DeployError(f"{failure}: {error}.") from None
    if done.returncode:
        told = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise DeployError(f"{failure}: {told[-1] if told else f'{command[0]} ended with status {done.returncode}'}")
    return done
