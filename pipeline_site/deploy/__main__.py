"""``python -m pipeline_site.deploy up STAGE`` and so on: make has a name for each; most type a command of zappa's."""

import argparse
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from pipeline_site.deploy import DeployError, account, zappa
from pipeline_site.deploy.stacks import Stacks
from pipeline_site.deploy.steps import Deployment
from pipeline_site.deploy.zappa import ROOT


def main(words: list[str]) -> int:
    """Carry out one; the exit status, 1 with one sentence where it can't go on."""
    told = _words().parse_args(words)
    try:
        told.carry_out(told)
    except DeployError as error:
        print(f"{told.verb}: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"{told.verb}: AWS refused it: {error}.", file=sys.stderr)
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

    verb("up", _up, "put the stage on AWS, or bring it up to date: zappa deploy or zappa update")
    down = verb("down", _down, "take the function away; the data stays: zappa undeploy")
    down.add_argument("--data", default="", metavar="STAGE", help="the stage's name again: its data goes too, for good")
    verb("doctor", _doctor, "look at every piece, and send a small file through")
    return asked


def _up(told: argparse.Namespace) -> None:
    deployed = _deployment(told.stage).state() == "deployed"
    _type("update" if deployed else "deploy", told.stage)


def _down(told: argparse.Namespace) -> None:
    if told.data and told.data != told.stage:
        raise DeployError(f"DATA={told.data} isn't the stage {told.stage!r}: nothing was touched.")
    if told.data:
        _deployment(told.stage).down(data=True)
    else:
        _type("undeploy", told.stage, "--yes")


def _doctor(told: argparse.Namespace) -> None:
    _deployment(told.stage).doctor()


def _type(*words: str) -> None:
    """Type a command of zappa's in the project folder; exit as it does."""
    print(f"zappa {' '.join(words)}", flush=True)
    if status := zappa.show(ROOT, words):
        raise SystemExit(status)


def _deployment(stage: str) -> Deployment:
    settings = zappa.stage_settings(stage)
    found = account.find(settings)
    return Deployment(
        stage=stage,
        settings=settings,
        account=found,
        stacks=Stacks(found.client("cloudformation")),
        templates={},
        say=lambda text: print(f"  {text}", flush=True),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
