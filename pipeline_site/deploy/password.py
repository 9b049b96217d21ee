"""``python -m pipeline_site.deploy.password STAGE NAME`` gives an account of a stage a new password."""

import argparse
import sys

from pipeline_site.deploy import DeployError, account, zappa
from pipeline_site.deploy.function import Function


def main(words: list[str]) -> int:
    """Reset it and print it once; the exit status, 1 with one sentence where it can't be done."""
    asked = argparse.ArgumentParser(prog="python -m pipeline_site.deploy.password", description=__doc__)
    asked.add_argument("stage", help="as in zappa_settings.json and infra/stages.toml")
    asked.add_argument("name", help="the account's user name")
    told = asked.parse_args(words)
    try:
        made = reset(told.stage, told.name)
    except DeployError as error:
        print(f"password: {error}", file=sys.stderr)
        return 1
    print(f"New password of {made['username']}: {made['password']}")
    print("It is shown only this once. All sessions of the account have ended.")
    return 0


def reset(stage: str, name: str) -> dict[str, str]:
    """Have the stage's function reset the password of the account ``name``. Raises DeployError."""
    ours = f"python{sys.version_info.major}.{sys.version_info.minor}"  # nothing is packed, so any Python will do
    settings = zappa.stage_settings(stage, runtime=ours)
    found = account.find(settings)
    function = Function(found, f"{settings['project_name']}-{stage}")
    if not function.stands():
        raise DeployError(f"The stage {stage!r} has no function here: run `make deploy STAGE={stage}`.")
    event = {"command": "pipeline_site.lost_password.reset", "username": name, "by": found.caller}
    return dict(function.call(event))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
