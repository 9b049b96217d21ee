"""The doctor tries each way out, and names the stage choice that a setting needs, instead of a time-out later."""

import socket
from collections.abc import Iterator

import pytest
from django.conf import settings

from ingest.aws import reach
from ingest.aws.wiring import Finding
from ingest.operations import network_paths
from tests.conftest import Aws


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that nobody listens on, and that nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def open_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def found(name: str) -> Finding:
    """What the doctor finds about ``name``."""
    (one,) = [each for each in network_paths.check_network_paths() if each.subject == name]
    return one


@pytest.mark.parametrize("name", ["NOTIFY_WEBHOOK_URL", "OIDC_ISSUER", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_an_address_that_is_out_of_reach_names_the_choice_and_no_key(
    closed: int, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"https://127.0.0.1:{closed}/hook?key=secret")
    finding = found(name)
    assert finding.mark == "NOT OK"
    assert finding.told.startswith(f"127.0.0.1:{closed} can't be reached from here (ConnectionRefusedError).")
    assert 'write internet = true, or network = "ipv6" if that host has an IPv6 address' in finding.told
    assert "secret" not in finding.told


def test_a_mail_server_that_is_out_of_reach_needs_the_nat_gateway(closed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EMAIL_HOST", "127.0.0.1")
    monkeypatch.setattr(settings, "EMAIL_PORT", closed)
    assert "write internet = true in infra/stages.toml" in found("EMAIL_HOST").told


def test_what_answers_is_fine(open_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_WEBHOOK_URL", f"http://127.0.0.1:{open_port}/hook")
    finding = found("NOTIFY_WEBHOOK_URL")
    assert (finding.mark, finding.told) == ("ok", "127.0.0.1 answers by IPv4")


def test_services_that_are_called_are_tried(aws: Aws, closed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("way to sqs").told == "127.0.0.1 answers by IPv4"
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed}")
    finding = found("way to sqs")
    assert finding.mark == "NOT OK"
    assert "check the stage's network and its security groups" in finding.told


def test_services_are_called_under_the_names_that_have_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without AWS_USE_DUALSTACK_ENDPOINT: it would lead to names under api.aws, and S3 past its gateway endpoint."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name in ("secretsmanager", "sqs", "sns"):
        assert reach.service(name) == (f"{name}.eu-west-1.amazonaws.com", 443)


def test_an_address_without_a_host_is_none() -> None:
    with pytest.raises(ValueError, match="names no host"):
        reach.place("https:///x")
