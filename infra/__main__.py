"""`python -m infra STAGE...` writes the templates of these stages."""

import argparse
import sys
from pathlib import Path
from typing import Any

from infra import function_settings
from infra.stage import Stage, StageError, read


def main(words: list[str]) -> int:
    """Write the templates of the stages named; status 2, and one sentence, where a choice can't be right, 1 and the
    rules where one is broken."""
    asked = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    asked.add_argument("stage", nargs="+", help="as in the stages' file")
    asked.add_argument("--stages", type=Path, default=Path(__file__).with_name("stages.toml"), help="their file")
    asked.add_argument(
        "--function", type=Path, metavar="SETTINGS", help="write the function's stack alone, from zappa's settings"
    )
    asked.add_argument("--out", type=Path, default=Path("cdk.out"), help="where to; each stage gets a folder there")
    told = asked.parse_args(words)
    try:
        stages = read(told.stages)
        for name in told.stage:
            if name not in stages:
                raise StageError(f"{told.stages} has no stage {name!r}: there are {', '.join(stages)}.")
        if told.function:
            apps = [_function(stages[name], told.function, told.out / name) for name in told.stage]
        else:
            from infra.app import stacks  # seconds: not before the choices are known to be right

            apps = [stacks(stages[name], told.out / name) for name in told.stage]
        for app in apps:
            assembly = app.synth()
            for stack in assembly.stacks:
                print(stack.template_full_path)
    except StageError as error:
        print(error, file=sys.stderr)
        return 2
    except RuntimeError as error:  # all that comes out of the CDK's Node.js
        if not str(error).startswith("ValidationFailed"):
            raise
        print(error, file=sys.stderr)
        return 1
    return 0


def _function(stage: Stage, settings: Path, folder: Path) -> Any:
    if not stage.cdk_function:
        raise StageError(
            f"The stage {stage.name!r} gets its function from zappa: write cdk_function = true in infra/stages.toml to "
            "change that."
        )
    complete = function_settings.read(settings, stage)
    from infra.app import function_stack

    return function_stack(stage, complete, folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
