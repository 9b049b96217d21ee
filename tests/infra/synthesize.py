"""Runs in the environment of infra/, once for all tests: `python -m tests.infra.synthesize FOLDER`."""

import sys
from pathlib import Path

from infra import accepted, function_settings
from infra.app import function_stack, stacks
from infra.stage import Stage, read

STAGES = Path(__file__).with_name("stages.toml")


def main(folder: Path) -> None:
    """Write the stages; and what cdk-nag says where something is careless, and where nothing is accepted."""
    stages = read(STAGES)
    for name, stage in stages.items():
        stacks(stage, folder / name).synth()
    for name in ("function", "domain"):
        settings = function_settings.read(folder / name / "zappa_settings.json", stages["full"])
        function_stack(stages["full"], settings, folder / name).synth()
    from aws_cdk import Stack, aws_sqs  # after infra, which says in which Node.js it runs

    careless = stacks(Stage(name="careless"), folder / "careless")
    aws_sqs.Queue(Stack(careless, "beside"), "open")
    refused(careless)
    accepted.Validations = _Silent
    refused(stacks(Stage(name="dev", protect=False), folder / "unaccepted"))


def refused(app: object) -> None:
    """Synthesize what must not pass: the report says why."""
    try:
        app.synth()
    except RuntimeError as error:
        if str(error).startswith("ValidationFailed"):
            return
        raise
    raise AssertionError("cdk-nag let pass what breaks its rules")


class _Silent:
    @classmethod
    def of(cls, where: object) -> type["_Silent"]:
        return cls

    @staticmethod
    def acknowledge(*rules: object) -> None:
        pass


if __name__ == "__main__":
    main(Path(sys.argv[1]))
