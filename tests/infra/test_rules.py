"""cdk-nag and cfn-lint have nothing left to say, and would say it; the page about it all says what is there."""

import json
import re
import subprocess
import tomllib
from dataclasses import fields
from pathlib import Path

from infra.stage import Stage
from tests.infra.conftest import PYTHON, ROOT
from tests.infra.template import Stacks

PAGE = (ROOT / "docs" / "infrastructure.md").read_text()


def found(folder: Path) -> set[str]:
    """The rules that cdk-nag found broken."""
    report = json.loads((folder / "validation-report.json").read_text())
    return {violation["ruleName"] for each in report["pluginReports"] for violation in each["violations"]}


def accepted(folder: Path) -> dict[str, str]:
    """The rules of cdk-nag that are let be broken, with the reasons."""
    told = {}
    for file in folder.glob("*.metadata.json"):
        for entries in json.loads(file.read_text()).values():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    told |= {name.removeprefix("Annotation::"): reason for name, reason in entry["data"].items()}
    return {name: reason for name, reason in told.items() if name.startswith("AwsSolutions")}


def test_cdk_nag_finds_nothing_without_a_reason(stage: Stacks) -> None:
    assert found(stage.folder / stage.stage) == set()


def test_cdk_nag_finds_nothing_in_the_function_without_zappa(written: Path) -> None:
    assert found(written / "function") == found(written / "domain") == set()


def test_cdk_nag_would_find_a_careless_queue(written: Path) -> None:
    assert found(written / "careless") == {"AwsSolutions-SQS3", "AwsSolutions-SQS4"}


def test_what_is_accepted_is_what_is_found_and_each_has_its_reason(written: Path) -> None:
    reasons = accepted(written / "dev")
    assert reasons.keys() == found(written / "unaccepted")
    assert all(len(reason.split()) > 8 for reason in reasons.values())


def test_cfn_lint_finds_nothing(written: Path) -> None:
    templates = [*(written / "full").glob("*.template.json"), *(written / "dev").glob("*-data.template.json")]
    templates += (written / "domain").glob("*.template.json")
    assert len(templates) == 5
    done = subprocess.run(
        [str(PYTHON.with_name("cfn-lint")), *map(str, templates)], capture_output=True, text=True, timeout=600
    )
    assert (done.stdout, done.returncode) == ("", 0)


def test_templates_go_to_cloudformation_as_they_are(stage: Stacks) -> None:
    """A larger body would need a bucket; an asset or a bootstrap version would need the CDK's command line."""
    for template in stage:
        assert template.file.stat().st_size < 51_200
        assert "cdk-bootstrap" not in template.file.read_text()
        assert "CDKMetadata" not in template.whole["Resources"]
        assert not any(kind.startswith("Custom::") for kind in template.kinds())


def test_everything_says_whose_it_is(stage: Stacks) -> None:
    for template in stage:
        for kind in ("AWS::S3::Bucket", "AWS::RDS::DBInstance", "AWS::SQS::Queue", "AWS::IAM::Role", "AWS::EC2::VPC"):
            for told in template.all(kind).values():
                tags = {tag["Key"]: tag["Value"] for tag in told["Tags"]}
                assert tags.items() >= {"project": "ingest", "stage": stage.stage}.items()


# -- the page -----------------------------------------------------------------------------------------------------


def test_the_page_tells_of_every_output_and_no_other(full: Stacks) -> None:
    table = PAGE.partition("## Outputs")[2].partition("\n## ")[0]
    told = {name for line in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", line)}
    assert told == {name for template in full for name in template.outputs}


def test_the_page_tells_every_choice_with_its_default() -> None:
    table = PAGE.partition("## Choices")[2].partition("\n## ")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", table, re.M))
    assert {name: tomllib.loads(f"x = {value}")["x"] for name, value in told.items()} == {
        each.name: list(each.default) if isinstance(each.default, tuple) else each.default
        for each in fields(Stage)
        if each.name != "name"
    }


def test_the_page_tells_of_every_alarm_and_no_other(by_default: Stacks) -> None:
    table = PAGE.partition("## Alarms")[2].partition("\n## ")[0]
    told = {
        f"ingest-plain-{name}"
        for line in re.findall(r"^\| (`.*?) \|", table, re.M)
        for name in line[1:-1].split("`, `")
    }
    alarms = [each for template in by_default for each in template.all("AWS::CloudWatch::Alarm").values()]
    assert told == {alarm["AlarmName"] for alarm in alarms}
