"""A setting that needs the internet is refused, or warned of, where the stage's network doesn't lead there."""

import json
import subprocess
from pathlib import Path

import pytest

from infra.outward import check, variables
from infra.stage import Stage, StageError
from tests.infra.conftest import PYTHON, ROOT

HOOK = {"NOTIFY_WEBHOOK_URL": "https://hooks.example.com/x?key=1"}


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            {"EMAIL_HOST": "smtp.example.com"},
            "EMAIL_HOST of the stage 'dev' is smtp.example.com, and nothing leads out of its network at the ports of "
            "e-mail: write internet = true",
        ),
        (
            HOOK,
            "NOTIFY_WEBHOOK_URL of the stage 'dev' leads to hooks.example.com, and nothing leads out of its network: "
            'write network = "ipv6", if that host has an IPv6 address, or internet = true.',
        ),
        ({"OIDC_ISSUER": "https://login.example.com"}, "OIDC_ISSUER of the stage 'dev' leads to login.example.com"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://traces.example.com:4318"},
            "OTEL_EXPORTER_OTLP_ENDPOINT of the stage 'dev' leads to traces.example.com",
        ),
    ],
)
def test_without_a_way_out_such_a_setting_is_refused(told: dict[str, str], sentence: str) -> None:
    with pytest.raises(StageError) as refused:
        check(Stage(name="dev"), told)
    assert str(refused.value).startswith(sentence)
    assert "key=1" not in str(refused.value)
    assert check(Stage(name="dev", internet=True), told) == []


def test_by_ipv6_hosts_are_warned_of_and_mail_is_refused() -> None:
    stage = Stage(name="dev", network="ipv6")
    (warning,) = check(stage, HOOK)
    assert warning.startswith("NOTIFY_WEBHOOK_URL of the stage 'dev' leads to hooks.example.com: it is reached by IPv6")
    with pytest.raises(StageError, match="at the ports of e-mail"):
        check(stage, {"EMAIL_HOST": "smtp.example.com"})


def test_what_stays_inside_needs_no_way_out() -> None:
    told = {
        "SITE_URL": "https://files.example.com/",
        "QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/q",
        "DATABASE_URL": "postgresql://db:5432/ingest",
        "EMAIL_HOST": "",
        "UNDO_DAYS": "7",
    }
    assert check(Stage(name="dev"), told) == []


def test_the_variables_of_a_stage_are_its_own_and_those_of_what_it_extends(tmp_path: Path) -> None:
    file = tmp_path / "zappa_settings.json"
    base = {"aws_environment_variables": {"A": "base", "B": "base"}}
    file.write_text(json.dumps({"base": base, "dev": {"extends": "base", "aws_environment_variables": {"A": "dev"}}}))
    assert variables(file, "dev") == {"A": "dev", "B": "base"}
    assert variables(file, "other") == {}
    file.write_text("{")
    with pytest.raises(StageError, match="can't be read"):
        variables(file, "dev")


def test_make_synth_refuses_with_the_sentence_and_warns(tmp_path: Path) -> None:
    """Before the CDK, which takes seconds, is started."""
    file = tmp_path / "zappa_settings.json"
    file.write_text(json.dumps({"production": {"aws_environment_variables": {"EMAIL_HOST": "smtp.example.com"}}}))
    done = subprocess.run(
        [str(PYTHON), "-m", "infra", "production", "--zappa", str(file), "--out", str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 2
    warning, refusal = done.stderr.splitlines()
    assert warning.startswith("WARNING: Nobody is told when the stage 'production' fails")
    assert refusal.startswith("EMAIL_HOST of the stage 'production' is smtp.example.com")
    assert not (tmp_path / "out").exists()
