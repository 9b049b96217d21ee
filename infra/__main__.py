"""`python -m infra STAGE...` writes the templates of these stages."""

import argparse
import sys
from pathlib import Path
from typing import Any

from infra import function_settings, outward
from infra.stage import Stage, StageError, read

WARNING = "WARNING: "
"""What such lines on standard error begin with: a deployment repeats them."""


def main(words: list[str]) -> int:
    """Write the templates of the stages named; status 2, and one sentence, where a choice can't be right, 1 and the
    rules where one is broken."""
    asked = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    asked.add_argument("stage", nargs="+", help="as in the stages' file")
    asked.add_argument("--stages", type=Path, default=Path(__file__).with_name("stages.toml"), help="their file")
    zappas = Path(__file__).parents[1] / "zappa_settings.json"
    asked.add_argument("--zappa", type=Path, default=zappas, help="zappa's settings, for what needs a way out")
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
        for name in told.stage:
            _warn(stages[name].warnings)
            _warn(outward.check(stages[name], outward.variables(told.zappa, name)))
        for name in told.stage:
            if told.function:
                _write(_function(stages[name], told.function, told.out / name))
            else:
                _write_stacks(stages[name], told.out / name)
    except StageError as error:
        print(error, file=sys.stderr)
        return 2
    except RuntimeError as error:  # all that comes out of the CDK's Node.js
        if not str(error).startswith("ValidationFailed"):
            raise
        print(error, file=sys.stderr)
        return 1
    return 0


def _warn(sentences: list[str]) -> None:
    for sentence in sentences:
        print(f"{WARNING}{sentence}", file=sys.stderr)


def _write_stacks(stage: Stage, folder: Path) -> None:
    from infra import cost
    from infra.app import stacks  # seconds: not before the choices are known to be right

    files = _write(stacks(stage, folder))
    print(cost.sentence(cost.idle(files, scratch_mib=stage.scratch_mib)), file=sys.stderr)


def _write(app: Any) -> list[Path]:
    """Write the templates of ``app``, print their paths and return them."""
    files = [Path(stack.template_full_path) for stack in app.synth().stacks]
    print(*files, sep="\n")
    return files


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
