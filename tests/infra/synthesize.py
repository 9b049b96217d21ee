"""Runs in the environment of infra/, once for all tests: `python -m tests.infra.synthesize FOLDER`."""

import sys
from pathlib import Path

from infra import accepted
from infra.app import stacks
from infra.stage import Stage, read

STAGES = Path(__file__).with_name("stages.toml")


def main(folder: Path) -> None:
    """Write the stages; and what cdk-nag says where something is careless, and where nothing is accepted."""
    for name, stage in read(STAGES).items():
        stacks(stage, folder / name).synth()
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
