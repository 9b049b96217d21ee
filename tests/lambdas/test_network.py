"""A function as `network = "ipv6"` makes it: AWS by IPv6, S3 and the database by IPv4, and a small disk besides.

What this can't show: a VPC, its gateway, and that AWS's own names have IPv6 addresses.
"""

import random
from collections.abc import Callable, Iterator

import pytest

from tests.aws.wires import CuttingProxy, cutting
from tests.lambdas.conftest import Deployed
from tests.lambdas.test_function import good

MIB = 1 << 20


@pytest.fixture(scope="module")
def function(deploy: Callable[..., Deployed], deployed: Deployed) -> Iterator[tuple[Deployed, CuttingProxy]]:
    """The function, and what passed by IPv6."""
    made = deploy(scratch=8)
    with cutting(made.aws.port, [], host="::1") as (address, proxy):
        made.sandbox.environment |= {
            "AWS_ENDPOINT_URL": address,
            "AWS_ENDPOINT_URL_S3": made.aws.endpoint,  # by its gateway endpoint, whose addresses are IPv4
            "NOTIFY_TOPIC_ARN": made.aws.client("sns").create_topic(Name="by-ipv6")["TopicArn"],
        }
        yield made, proxy
        made.sandbox.close()


def test_secrets_queue_and_topic_are_called_by_ipv6_and_a_file_is_loaded(
    function: tuple[Deployed, CuttingProxy],
) -> None:
    made, proxy = function
    record = made.put("by_ipv6.csv", "id,name\n1,Ann\n")
    assert good(made.sandbox.invoke({"Records": [record]}), made) == {"batchItemFailures": []}
    assert made.rows("SELECT id, name FROM by_ipv6") == [(1, "Ann")]
    assert any(b"secretsmanager.GetSecretValue" in head for head in proxy.requests)
    assert not any(b"by_ipv6.csv" in head for head in proxy.requests), "S3 is called by IPv4"
    found = {each["subject"]: each for each in good(made.sandbox.invoke({"command": "ingest.runs.examine"}), made)}
    for name in ("secretsmanager", "sqs", "sns"):
        assert found[f"way to {name}"]["told"] == "::1 answers by IPv6"
    failing = made.put("by_ipv6_too.csv", b"")
    good(made.sandbox.invoke({"Records": [failing]}), made)
    assert any(b"POST" in head and b"sns" in head.lower() for head in proxy.requests), "the topic is told of a failure"


_letters = random.Random(12)
NAMES = "".join(f"{number},{_letters.randbytes(16).hex()}\n" for number in range(60_000))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("too_large_to_fetch", f"id,name\n{NAMES}{NAMES}{NAMES}{NAMES}{NAMES}".encode()[: 12 * MIB]),
        ("too_large_to_decode", b"id,name\n" + b"".join(b"%d,%s\n" % (n, b"\xe9" * 90) for n in range(56_000))),
    ],
)
def test_a_file_too_large_for_the_disk_fails_at_once_instead_of_three_times(
    function: tuple[Deployed, CuttingProxy], name: str, body: bytes
) -> None:
    made, _ = function
    record = made.put(f"{name}.csv", body)
    assert good(made.sandbox.invoke({"Records": [record]}), made) == {"batchItemFailures": []}
    ((status, attempts, reason),) = made.rows(
        f"SELECT status, attempts, reason FROM ingest_run WHERE key = 'data/{name}.csv'"
    )
    assert (status, attempts) == ("failed", 1), reason
    assert "needs more space than this worker's disk has: " in reason
    assert " bytes or more on a disk of 8,388,608 bytes" in reason
