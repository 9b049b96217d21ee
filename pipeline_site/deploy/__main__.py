"""``python -m pipeline_site.deploy up STAGE`` and so on; make has a name for each."""

import argparse
import sys
from collections.abc import Callable

from pipeline_site.deploy import DeployError, account, package, zappa
from pipeline_site.deploy.stacks import Stacks
from pipeline_site.deploy.steps import Deployment, synthesize
from pipeline_site.deploy.zappa import ROOT
from pipeline_site.deploy.zappa_guard import refusal


def main(words: list[str]) -> int:
    """Carry out one; the exit status, 1 with one sentence where it can't go on."""
    told = _words().parse_args(words)
    try:
        told.carry_out(told)
    except DeployError as error:
        print(f"{told.verb}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{told.verb}: stopped; another run goes on from what stands.", file=sys.stderr)
        return 130
    return 0


def _words() -> argparse.ArgumentParser:
    asked = argparse.ArgumentParser(prog="python -m pipeline_site.deploy", description=__doc__)
    verbs = asked.add_subparsers(dest="verb", required=True)

    def verb(name: str, carry_out: Callable[[argparse.Namespace], None], told: str) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=told)
        one.add_argument("stage", help="as in zappa_settings.json and infra/stages.toml")
        one.set_defaults(carry_out=carry_out)
        return one

    packing = verb("package", _package, "make the zip for Lambda and check it")
    packing.add_argument("--runtime", default="", help="another than that of zappa_settings.json")
    verb("up", _up, "put the stage on AWS, or bring it up to date")
    down = verb("down", _down, "take the function away; the data stays")
    down.add_argument("--data", default="", metavar="STAGE", help="the stage's name again: its data goes too, for good")
    verb("doctor", _doctor, "look at every piece, and send a small file through")
    zappas = verb("zappa", _zappa, "run zappa with the stage's complete settings")
    zappas.add_argument("command", help="zappa's, such as status, tail, manage")
    zappas.add_argument("words", nargs=argparse.REMAINDER, help="what belongs to it")
    return asked


def _package(told: argparse.Namespace) -> None:
    made = package.build(told.stage, zappa.stage_settings(told.stage, runtime=told.runtime))
    size = made.path.stat().st_size
    print(f"{made.path} ({size / (1 << 20):.1f} MiB, unpacked {made.unpacked / (1 << 20):.1f} MiB)")
    print(f"{made.sbom} (SBOM)")


def _up(told: argparse.Namespace) -> None:
    site = _deployment(told.stage, synthesized=True).up()
    print(f"Site: {site}admin/")


def _down(told: argparse.Namespace) -> None:
    if told.data and told.data != told.stage:
        raise DeployError(f"DATA={told.data} isn't the stage {told.stage!r}: nothing was touched.")
    _deployment(told.stage, synthesized=False).down(data=bool(told.data))
    if not told.data:
        print(f"The data stays. To delete it too, for good: make destroy STAGE={told.stage} DATA={told.stage}")


def _doctor(told: argparse.Namespace) -> None:
    _deployment(told.stage, synthesized=False).doctor()


def _zappa(told: argparse.Namespace) -> None:
    if sentence := refusal(told.command, told.stage):
        raise DeployError(sentence)
    deployment = _deployment(told.stage, synthesized=False)
    if not (deployment.folder / "zappa_settings.json").exists():
        raise DeployError(f"The stage {told.stage!r} was not deployed from here: run `make deploy STAGE={told.stage}`.")
    if status := zappa.show(deployment.folder, [told.command, told.stage, *told.words]):
        raise SystemExit(status)


def _deployment(stage: str, *, synthesized: bool) -> Deployment:
    settings = zappa.stage_settings(stage)
    found = account.find(settings)
    print(f"Stage {stage} in account {found.number}, region {found.region}")
    return Deployment(
        stage=stage,
        settings=settings,
        account=found,
        stacks=Stacks(found.client("cloudformation")),
        templates=synthesize(stage, ROOT / "cdk.out") if synthesized else {},
        say=lambda text: print(f"  {text}", flush=True),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
