"""What a stage chooses in infra/stages.toml reaches the function, its API and the doctor."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.aws.wiring import Finding
from pipeline_site.deploy import api, completing, standing
from pipeline_site.deploy.account import AwsAccount
from pipeline_site.deploy.stacks import Stacks
from pipeline_site.deploy.steps import Deployment
from pipeline_site.local.aws import REGION, LocalAws
from tests.aws.wires import answering
from tests.conftest import Aws
from tests.lambdas.test_environment import TOLD

GIB = 1 << 30


# -- the function ------------------------------------------------------------------------------------------------------


def chosen(folder: Path, **told: str) -> dict[str, Any]:
    """zappa's settings where the stacks' outputs are ``told``, too."""
    return completing.of_stage(TOLD | told, {}, folder)


@pytest.mark.parametrize(("told", "allowed"), [("true", True), ("false", False), ("", False)])
def test_the_function_has_ipv6_where_its_network_has(tmp_path: Path, told: str, allowed: bool) -> None:
    assert chosen(tmp_path, FunctionIpv6=told)["vpc_config"] == {
        "SubnetIds": TOLD["FunctionSubnets"].split(","),
        "SecurityGroupIds": [TOLD["FunctionSecurityGroup"]],
        "Ipv6AllowedForDualStack": allowed,
    }


def test_without_subnets_the_function_joins_no_network(tmp_path: Path) -> None:
    assert chosen(tmp_path, FunctionSubnets="")["vpc_config"] == {}


def test_the_disk_is_as_chosen_and_all_copies_of_the_largest_text_fit_on_it(tmp_path: Path) -> None:
    told = TOLD | {"ScratchMib": "10240"}
    assert chosen(tmp_path, ScratchMib="10240")["ephemeral_storage"] == {"Size": 10240}
    assert completing.largest_text(told, {}) * completing.COPIES == 10 * GIB


def test_stacks_of_before_leave_the_disk_as_it_was(tmp_path: Path) -> None:
    settings = {"ephemeral_storage": {"Size": 2048}}
    assert completing.of_stage(TOLD, settings, tmp_path)["ephemeral_storage"] == {"Size": 2048}
    assert completing.largest_text(TOLD, settings) == GIB // 2
    assert completing.largest_text(TOLD, {}) == GIB // 8  # Lambda's own default, 512 MiB


@pytest.mark.parametrize(
    ("told", "ranges"),
    [("", ["0.0.0.0/0"]), ("203.0.113.0/24,198.51.100.7/32", ["203.0.113.0/24", "198.51.100.7/32"])],
)
def test_the_site_is_reached_from_the_ranges_that_are_allowed(tmp_path: Path, told: str, ranges: list[str]) -> None:
    """There is always a policy: API Gateway would keep one that zappa's template merely leaves out."""
    policy = json.loads(Path(chosen(tmp_path, AllowedCidrs=told)["apigateway_policy"]).read_text())
    (let,) = policy["Statement"]
    assert (let["Effect"], let["Principal"], let["Action"]) == ("Allow", "*", "execute-api:Invoke")
    assert let["Condition"] == {"IpAddress": {"aws:SourceIp": ranges}}


# -- the API and the doctor, on a local AWS ----------------------------------------------------------------------------


@pytest.fixture
def account(aws: Aws) -> AwsAccount:
    """The account of the local AWS."""
    return AwsAccount(number="000000000000", region=REGION)


@pytest.fixture
def gateway(account: AwsAccount) -> Iterator[tuple[Any, str]]:
    """An API with a stage, as zappa makes one: a client and the API's id."""
    client = account.client("apigateway")
    made = client.create_rest_api(name="ingest-dev")
    root = client.get_resources(restApiId=made["id"])["items"][0]["id"]
    client.put_method(restApiId=made["id"], resourceId=root, httpMethod="GET", authorizationType="NONE")
    client.put_integration(restApiId=made["id"], resourceId=root, httpMethod="GET", type="MOCK")
    client.create_deployment(restApiId=made["id"], stageName="dev")
    yield client, made["id"]
    client.delete_rest_api(restApiId=made["id"])
    # The role belongs to the account, and would meet the next test.
    client.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}])


LIMITS = {
    "RequestsPerSecond": "20",
    "RequestsBurst": "40",
    "AccessLog": "/aws/apigateway/ingest-dev",
    "ApiLogsRoleArn": "arn:aws:iam::000000000000:role/logs",
}


def test_the_api_is_limited_and_logs_requests_without_what_they_ask(
    account: AwsAccount, gateway: tuple[Any, str]
) -> None:
    client, number = gateway
    for _ in range(2):
        api.protect(account, number, "dev", LIMITS, pytest.fail)
    stage = client.get_stage(restApiId=number, stageName="dev")
    limits = stage["methodSettings"]["*/*"]
    assert (limits["throttlingRateLimit"], limits["throttlingBurstLimit"]) == (20.0, 40)
    log = stage["accessLogSettings"]
    assert log["destinationArn"] == f"arn:aws:logs:{REGION}:000000000000:log-group:/aws/apigateway/ingest-dev"
    assert {"address", "path", "status"} <= json.loads(log["format"]).keys()
    assert not {"query", "header"} & set(log["format"].lower().replace(".", " ").split())
    assert client.get_account()["cloudwatchRoleArn"] == LIMITS["ApiLogsRoleArn"]


def test_a_role_for_logs_that_the_account_has_is_left_to_it(account: AwsAccount, gateway: tuple[Any, str]) -> None:
    client, number = gateway
    others = {"op": "replace", "path": "/cloudwatchRoleArn", "value": "arn:aws:iam::000000000000:role/others"}
    client.update_account(patchOperations=[others])
    api.protect(account, number, "dev", LIMITS, pytest.fail)
    assert client.get_account()["cloudwatchRoleArn"] == others["value"]
    assert "accessLogSettings" in client.get_stage(restApiId=number, stageName="dev")


@pytest.fixture
def topic(account: AwsAccount) -> Iterator[str]:
    """A topic that nobody is subscribed to."""
    client = account.client("sns")
    arn = client.create_topic(Name="ingest-dev-alarms")["TopicArn"]
    yield arn
    client.delete_topic(TopicArn=arn)


def found(subject: str, account: AwsAccount, **told: str) -> Finding:
    """What the doctor finds about ``subject``."""
    (one,) = [each for each in standing.look(account, told) if each.subject == subject]
    return one


@pytest.mark.parametrize(("protected", "mark"), [("true", "NOT OK"), ("false", "CAUTION")])
def test_alarms_that_reach_nobody_are_told_of(account: AwsAccount, topic: str, protected: str, mark: str) -> None:
    finding = found("alarms", account, TopicArn=topic, Protected=protected)
    assert finding.mark == mark
    assert "nobody is subscribed to the topic: write alarm_email in infra/stages.toml" in finding.told


def test_alarms_that_reach_somebody_are_fine(account: AwsAccount, aws: Aws, topic: str) -> None:
    queue = f"arn:aws:sqs:{REGION}:000000000000:{aws.bucket}"
    account.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    assert found("alarms", account, TopicArn=topic, Protected="true").mark == "ok"


def limits(most: int, free: int) -> bytes:
    """Lambda's answer about an account."""
    return json.dumps(
        {"AccountLimit": {"ConcurrentExecutions": most, "UnreservedConcurrentExecutions": free}, "AccountUsage": {}}
    ).encode()


@pytest.mark.parametrize(
    ("most", "free", "writers", "mark", "told"),
    [
        (1000, 900, 4, "ok", "900 of 1000 are free, and 46 is the most in use"),
        (10, 10, 4, "CAUTION", "this stage can use 46 (4 loads, 40 pages, 2 more): pages are refused while all are"),
        (10, 10, 4, "CAUTION", "--desired-value 1000 --region us-east-1`. Reserved concurrency is refused below 110."),
        (10, 10, 8, "NOT OK", "8 loads leave none for pages: write writers = 7 in infra/stages.toml, or ask for more"),
        (1000, 3, 4, "NOT OK", "the account runs 3 functions at once"),
    ],
)
def test_a_young_account_s_concurrency_is_told_with_what_to_ask_for(
    account: AwsAccount, monkeypatch: pytest.MonkeyPatch, most: int, free: int, writers: int, mark: str, told: str
) -> None:
    with answering(200, limits(most, free), {"Content-Type": "application/json"}) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", address)
        finding = found("concurrency", account, TopicArn="", Writers=str(writers), RequestsBurst="40")
    assert finding.mark == mark
    assert told in finding.told


def test_what_the_operator_may_not_see_stops_no_deployment(
    account: AwsAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = json.dumps({"Type": "User", "Message": "no"}).encode()
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException"}
    with answering(403, refused, headers) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", address)
        finding = found("concurrency", account, TopicArn="")
    assert (finding.mark, finding.told) == (
        "CAUTION",
        "not checked: AWS answered GetAccountSettings with AccessDeniedException to you.",
    )


# -- the stacks' parameters --------------------------------------------------------------------------------------------


def deployment(aws_server: LocalAws, account: AwsAccount, folder: Path, *asked: str) -> Deployment:
    """A deployment whose template of the app stack asks for these parameters."""
    template = folder / "app.json"
    template.write_text(json.dumps({"Parameters": {name: {"Type": "String"} for name in asked}}))
    return Deployment(
        stage="dev",
        settings={"project_name": "parameters", "domain": "files.example.com"},
        account=account,
        stacks=Stacks(aws_server.client("cloudformation"), pause=0.1),
        templates={"app": template},
        say=print,
        outputs=dict(TOLD),
    )


def test_a_template_is_told_what_it_asks_for_and_nothing_else(
    aws_server: LocalAws, account: AwsAccount, tmp_path: Path
) -> None:
    assert deployment(aws_server, account, tmp_path)._parameters("app") == {}
    told = deployment(aws_server, account, tmp_path, "S3PrefixList", "DatabaseLoginArn", "Other")._parameters("app")
    assert told.pop("S3PrefixList").startswith("pl-")
    assert told == {"DatabaseLoginArn": TOLD["DatabaseSecretArn"]}
