"""What the deployed function is told: all that would else be as on a laptop, and nothing secret."""

import ast
from typing import Any

import pytest

from pipeline_site.deploy import DeployError
from pipeline_site.deploy.account import AwsAccount
from pipeline_site.deploy.stacks import Stacks
from pipeline_site.deploy.steps import Deployment
from pipeline_site.deploy.zappa import ROOT
from pipeline_site.local.aws import LocalAws
from tests.infra.completed import TOLD

LAMBDAS_OWN = {"FUNCTION_NAME", "SCRATCH_DIR", "AWS_DEFAULT_REGION", "AWS_REGION"}
"""Lambda tells these by variables of its own, or its /tmp is the system's folder for such files."""
SAFE = {"DEBUG", "HTTPS", "EMAIL_USE_TLS", "EMAIL_PORT"}
"""The default is what a site that others reach must have."""
EVERYWHERE = {
    *("LEASE_SECONDS", "MAX_ATTEMPTS", "RECONCILE_HOURS", "LATE_VERSIONS", "UNDO_DAYS", "REJECT_DAYS", "MESSAGE_DAYS"),
    *("MAX_RECORD_BYTES", "NOTIFY_QUIET_MINUTES", "AUDIT_LOG_DAYS"),
}
"""One default is right for both."""
CHOSEN = {
    *("NOTIFY_EMAILS", "NOTIFY_WEBHOOK_URL", "NOTIFY_WEBHOOK_SECRET_ARN"),
    *("EMAIL_HOST", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD_ARN", "EMAIL_FROM"),
}
"""Off, unless a stage has them in zappa_settings.json: they need a way to the internet."""
SECRET = {"SECRET_KEY", "NOTIFY_WEBHOOK_SECRET", "EMAIL_HOST_PASSWORD"}
"""Never in a variable: the ARN stands for each."""


@pytest.fixture
def deployment(aws_server: LocalAws) -> Deployment:
    """A stage of whose function and site nothing stands yet."""
    return Deployment(
        stage="dev",
        settings={"project_name": "environment"},
        account=AwsAccount(number="123456789012", region="eu-west-1"),
        stacks=Stacks(aws_server.client("cloudformation"), pause=0.1),
        templates={},
        say=print,
        outputs=dict(TOLD),
    )


def variables(deployment: Deployment, **settings: Any) -> dict[str, str]:
    """Those of the function, where the stage's settings have ``settings`` too."""
    deployment.settings |= settings
    return dict(deployment.complete()["aws_environment_variables"])


def read() -> set[str]:
    """The variables that settings.py reads, by its readers or by itself."""
    found = set()
    for call in ast.walk(ast.parse((ROOT / "pipeline_site" / "settings.py").read_text())):
        if isinstance(call, ast.Call):
            texts = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            found |= {text for text in texts if text.replace("_", "").isalpha() and text.isupper() and "_" in text}
            found |= {text for text in texts[:1] if isinstance(call.func, ast.Name) and text.isupper()}
    return found - {"AWS_ENDPOINT_URL", "AWS_LAMBDA_FUNCTION_NAME"}


def test_each_variable_that_the_settings_read_is_set_or_right_as_it_is(deployment: Deployment) -> None:
    told = set(variables(deployment))
    rest = [LAMBDAS_OWN, SAFE, EVERYWHERE, CHOSEN, SECRET]
    assert sum(map(len, rest), len(told)) == len(told.union(*rest)), "one of them stands twice"
    assert told.union(*rest) == read()


def test_the_function_logs_and_counts_and_tells_and_knows_its_address(deployment: Deployment) -> None:
    told = variables(deployment, domain="files.example.com")
    assert (told["LOG_JSON"], told["METRICS_NAMESPACE"]) == ("1", "environment-dev")
    assert told["NOTIFY_TOPIC_ARN"] == TOLD["TopicArn"]
    assert (told["SITE_URL"], told["ALLOWED_HOSTS"]) == ("https://files.example.com/", "files.example.com")
    assert told["STATIC_URL"] == "static/"


def test_behind_a_stage_of_api_gateway_hosts_and_static_files_are_its_own(deployment: Deployment) -> None:
    told = variables(deployment)
    assert (told["ALLOWED_HOSTS"], told["STATIC_URL"]) == (".execute-api.eu-west-1.amazonaws.com", "/dev/static/")


def test_secrets_are_named_by_their_arn_and_the_database_must_prove_itself(deployment: Deployment) -> None:
    told = variables(deployment)
    assert told["DATABASE_URL"] == "postgresql://db.example:5432/ingest"
    assert (told["DATABASE_SECRET_ARN"], told["SECRET_KEY_ARN"]) == (TOLD["DatabaseSecretArn"], TOLD["SiteSecretArn"])
    assert told["DATABASE_CA"] == "rds-ca.pem"
    assert not told.keys() & SECRET


def test_what_the_stage_says_itself_comes_first(deployment: Deployment) -> None:
    chosen = {"LOG_JSON": "0", "UNDO_DAYS": "7"}
    told = variables(deployment, aws_environment_variables=chosen)
    assert chosen.items() <= told.items()
    assert told["BUCKET"] == TOLD["BucketName"]


def test_stacks_that_tell_too_little_are_named(deployment: Deployment) -> None:
    del deployment.outputs["BucketName"], deployment.outputs["TopicArn"]
    with pytest.raises(DeployError, match=r"^The stacks of 'dev' tell no BucketName, TopicArn: deploy them again\.$"):
        deployment.complete()
