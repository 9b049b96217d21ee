"""The zip that goes to Lambda, called as Lambda's services call it."""

import json
import re
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from ingest.accounts.login_limits import _key
from pipeline_site.local.postgres import USER
from tests.lambdas import events
from tests.lambdas.conftest import PASSWORD, SITE_KEY, Deployed
from tests.lambdas.sandbox import Answer, wait_for

PEOPLE = "id,name\n1,Ann\n2,Bob\n"


def good(answer: Answer, function: Deployed) -> Any:
    """The body of an answer that is none of Lambda's errors."""
    assert answer.error == "", (answer.body, function.log[-4000:])
    return answer.body


# -- pages ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def admin(deployed: Deployed) -> dict[str, str]:
    """The first user: name and password, told in the answer alone."""
    made = good(deployed.sandbox.invoke({"command": "pipeline_site.first_admin.make", "username": "ann"}), deployed)
    assert made["password"] not in deployed.log
    return dict(made)


@pytest.mark.parametrize("kind", [events.rest, events.http])
def test_the_admin_takes_a_login_and_its_static_files_come(
    deployed: Deployed, admin: dict[str, str], kind: Callable[..., dict[str, Any]]
) -> None:
    page = good(deployed.sandbox.invoke(kind("GET", "/admin/login/")), deployed)
    assert page["statusCode"] == 200, page
    cookies = _cookies(page)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page["body"])
    form = admin | {"csrfmiddlewaretoken": token[1], "next": "/dev/admin/"} if token else {}
    guessed = kind("POST", "/admin/login/", form=form | {"password": "wrong"}, cookies=cookies)
    wrong = good(deployed.sandbox.invoke(guessed), deployed)
    keys = {key for (key,) in deployed.rows("SELECT key FROM ingest_loginlimit")}
    assert wrong["statusCode"] == 200
    assert _key(_key("expected", "ann"), events.SOURCE) in keys, "it counts for the address that API Gateway saw"
    entered = good(deployed.sandbox.invoke(kind("POST", "/admin/login/", form=form, cookies=cookies)), deployed)
    assert entered["statusCode"] == 302, entered
    assert _header(entered, "location") == "/dev/admin/"
    home = good(deployed.sandbox.invoke(kind("GET", "/admin/", cookies=_cookies(entered))), deployed)
    assert home["statusCode"] == 200
    assert "ann" in home["body"].lower()
    style = re.search(r'href="(/dev/static/[^"]+\.css)"', home["body"])
    assert style, home["body"][:2000]
    assert re.search(r"\.[0-9a-f]{12}\.css$", style[1]), "its name holds a hash"
    sheet = good(deployed.sandbox.invoke(kind("GET", style[1].removeprefix("/dev"))), deployed)
    assert sheet["statusCode"] == 200
    assert "immutable" in _header(sheet, "cache-control")


def _header(answer: dict[str, Any], name: str) -> str:
    found = {each.lower(): value for each, value in answer["headers"].items()}
    return str(found.get(name, ""))


def _cookies(answer: dict[str, Any]) -> str:
    set_by = answer.get("cookies") or answer.get("multiValueHeaders", {}).get("Set-Cookie", [])
    return "; ".join(cookie.split(";")[0] for cookie in set_by)


def test_a_host_that_is_not_ours_gets_no_page_and_no_traceback(deployed: Deployed) -> None:
    event = events.rest("GET", "/admin/login/")
    event["headers"]["Host"] = "evil.example"
    event["multiValueHeaders"]["Host"] = ["evil.example"]
    page = good(deployed.sandbox.invoke(event), deployed)
    assert page["statusCode"] == 400
    assert "Traceback" not in page["body"]


def test_a_stage_variable_changes_no_setting(deployed: Deployed) -> None:
    event = events.rest("GET", "/admin/login/") | {"stageVariables": {"BUCKET": "another"}}
    good(deployed.sandbox.invoke(event), deployed)
    record = deployed.put("after_stage_variables.csv", PEOPLE)
    good(deployed.sandbox.invoke({"Records": [record]}), deployed)
    assert deployed.rows("SELECT count(*) FROM after_stage_variables") == [(2,)]


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "wrap"),
    [
        ("s3", lambda record: {"Records": [record]}),
        ("sqs", events.sqs),
        ("sns_in_sqs", lambda record: events.sqs(record, inside="sns")),
        ("sns", events.sns),
        ("eventbridge", events.bridge),
    ],
)
def test_a_file_becomes_a_table_however_its_news_comes(
    deployed: Deployed, way: str, wrap: Callable[..., dict[str, Any]]
) -> None:
    record = deployed.put(f"by_{way}.csv", PEOPLE)
    answer = deployed.sandbox.invoke(wrap(record))
    assert good(answer, deployed) == {"batchItemFailures": []}
    assert deployed.rows(f"SELECT id, name FROM by_{way} ORDER BY id") == [(1, "Ann"), (2, "Bob")]


def test_of_a_batch_only_what_must_come_again_is_named(deployed: Deployed) -> None:
    good_one, bad_one, locked = (
        deployed.put(name, body) for name, body in (("fine.csv", PEOPLE), ("bad.csv", b""), ("later.csv", PEOPLE))
    )
    deployed.rows("CREATE TABLE datasets.later (id bigint PRIMARY KEY, name text)")
    deployed.rows(f"ALTER TABLE datasets.later OWNER TO {USER}")
    other = psycopg2.connect(deployed.postgres.url("ingest", "postgres"))
    try:
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE datasets.later")
        answer = deployed.sandbox.invoke(events.sqs(good_one, bad_one, locked), timeout=120)
    finally:
        other.close()
    assert good(answer, deployed) == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    assert deployed.rows("SELECT status FROM ingest_run WHERE key = 'data/bad.csv'") == [("failed",)]
    assert deployed.rows("SELECT count(*) FROM fine") == [(2,)]


def test_the_clock_takes_up_what_waits(deployed: Deployed) -> None:
    good(deployed.sandbox.invoke({"Records": [deployed.put("waiting.csv", b"")]}), deployed)
    deployed.rows("UPDATE ingest_run SET status = 'waiting', finished = NULL WHERE key = 'data/waiting.csv'")
    attempts = "SELECT attempts FROM ingest_run WHERE key = 'data/waiting.csv'"
    for _ in range(20):  # with so little time it takes one each time, and those of other tests may wait longer
        assert good(deployed.sandbox.invoke(events.CLOCK), deployed)["carried"] >= 1
        if deployed.rows(attempts) == [(2,)]:
            break
    assert deployed.rows(attempts) == [(2,)]


# -- what may not be run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        {"raw_command": "open('/tmp/it-ran', 'w')"},
        {"raw_command": "open('/tmp/it-ran', 'w')", "manage": "check"},
        {"command": "os.system"},
        {"command": ["os.system"]},
        {"command": "ingest.handlers.on_event"},
        {"manage": "shell -c open('/tmp/it-ran','w')"},
        {"manage": "diffsettings"},
        {"manage": "startapp --template=https://a.example.com/x.zip evil"},
        {"manage": "dumpdata auth"},
        {"manage": "migrate ingest zero"},
        {"manage": ""},
        {"manage": {"a": 1}},
    ],
)
def test_no_text_and_no_function_of_the_callers_choice_is_run(deployed: Deployed, event: dict[str, Any]) -> None:
    answer = deployed.sandbox.invoke(event)
    assert answer.error == "Unhandled"
    assert answer.body["errorType"] == "Refused"
    assert "Refused" in deployed.log


@pytest.mark.parametrize("event", [{}, [], "text", None, {"Records": []}, {"bot": {"a": 1}}, {"type": "TOKEN"}])
def test_an_event_that_nobody_knows_is_an_error_and_not_a_success(deployed: Deployed, event: object) -> None:
    answer = deployed.sandbox.invoke(event)
    assert (answer.error, answer.body["errorType"]) == ("Unhandled", "UnknownEvent")


RUN = {"/bin/touch": "", "/tmp/it-ran": "", "httpMethod": ""}
"""zappa would call a function by the whole event; subprocess.call takes the keys of a mapping for a command line."""


@pytest.mark.parametrize(
    "named",
    [
        {"detail-type": "Scheduled Event", "resources": ["arn:aws:events:us-east-1:1:rule/x-subprocess.call"]},
        {"Records": [{"s3": {"configurationId": "id:subprocess.call"}}]},
        {"Records": [{"Sns": {"Message": '{"command": "subprocess.call"}'}}]},
    ],
)
def test_an_event_that_only_looks_like_a_page_request_calls_no_function_that_it_names(
    deployed: Deployed, named: dict[str, Any]
) -> None:
    event = RUN | named
    if named.get("detail-type"):
        assert good(deployed.sandbox.invoke(event), deployed).keys() == {"carried"}
    else:
        assert deployed.sandbox.invoke(event).body["errorType"] == "UnknownEvent"
    assert not (deployed.sandbox.root / "tmp" / "it-ran").exists()


def test_a_command_that_fails_is_an_error_and_the_function_lives_on(deployed: Deployed) -> None:
    answer = deployed.sandbox.invoke({"manage": "migrate --check no_such_app"})
    assert answer.error == "Unhandled"
    again = deployed.sandbox.invoke({"manage": "check"})
    assert (good(again, deployed), again.init_seconds) == ({}, 0.0)


def test_a_second_first_user_is_not_made(deployed: Deployed, admin: dict[str, str]) -> None:
    answer = deployed.sandbox.invoke({"command": "pipeline_site.first_admin.make", "username": "eve"})
    assert good(answer, deployed) == {}
    assert deployed.rows("SELECT count(*) FROM auth_user") == [(1,)]


def test_a_lost_password_is_replaced_and_told_in_the_answer_alone(deployed: Deployed, admin: dict[str, str]) -> None:
    answer = deployed.sandbox.invoke({"command": "pipeline_site.lost_password.reset", "username": "ann", "by": "arn:x"})
    made = good(answer, deployed)
    assert (made["username"], made["password"] not in deployed.log) == ("ann", True)
    admin["password"] = made["password"]
    refused = deployed.sandbox.invoke({"command": "pipeline_site.lost_password.reset", "username": "eve"})
    assert "There is no account 'eve'" in refused.body["errorMessage"]
    printed = deployed.sandbox.invoke({"manage": "reset_password ann"})
    assert printed.error == "Unhandled", "that would print it into the log"
    told = deployed.rows("SELECT change_message FROM django_admin_log WHERE change_message LIKE 'Password reset%'")
    assert told == [("Password reset by arn:x, who invoked the function; all sessions ended.",)]


def test_the_code_cannot_be_written_to(deployed: Deployed) -> None:
    good(deployed.sandbox.invoke({"manage": "check"}), deployed)
    with pytest.raises(OSError, match="Read-only file system"):
        (deployed.sandbox.root / "var" / "task" / "manage.py").open("a")


def test_no_secret_is_in_the_log(deployed: Deployed) -> None:
    answer = deployed.sandbox.invoke({"command": "os.system"})
    assert answer.error == "Unhandled"
    for secret in (PASSWORD, SITE_KEY):
        assert secret not in deployed.log


# -- what breaks ------------------------------------------------------------------------------------------------------


def test_a_lost_connection_heals_within_the_invocation(deployed: Deployed) -> None:
    good(deployed.sandbox.invoke({"Records": [deployed.put("lost.csv", PEOPLE)]}), deployed)
    ended = deployed.rows(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{USER}'")
    assert ended[0][0] >= 1
    answer = deployed.sandbox.invoke({"Records": [deployed.put("lost.csv", PEOPLE + "3,Cid\n")]})
    assert good(answer, deployed) == {"batchItemFailures": []}
    assert answer.init_seconds == 0, "the same process"
    assert deployed.rows("SELECT count(*) FROM lost") == [(3,)]


def test_a_rotated_password_with_killed_sessions_heals_within_the_invocation(deployed: Deployed) -> None:
    good(deployed.sandbox.invoke({"Records": [deployed.put("rotated.csv", PEOPLE)]}), deployed)
    vault = deployed.aws.client("secretsmanager")
    for password in ("another-password", PASSWORD):
        with deployed.postgres.superuser() as cursor:
            cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(USER), sql.Literal(password)))
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [USER])
        secret = json.dumps({"username": USER, "password": password})
        vault.put_secret_value(SecretId=deployed.secret_arn, SecretString=secret)
        answer = deployed.sandbox.invoke({"Records": [deployed.put("rotated.csv", f"id,name\n1,{password}\n")]})
        assert good(answer, deployed) == {"batchItemFailures": []}
        assert answer.init_seconds == 0, "the same process"
        assert deployed.rows("SELECT name FROM rotated WHERE id = 1") == [(password,)]


def test_a_time_out_in_the_middle_of_a_load_loses_nothing_and_the_retry_loads_it(deployed: Deployed) -> None:
    good(deployed.sandbox.invoke({"Records": [deployed.put("slow.csv", "id,name\n0,Zoe\n")]}), deployed)
    record = deployed.put("slow.csv", "id,name\n" + "".join(f"{number},name {number}\n" for number in range(50_000)))
    reader = psycopg2.connect(deployed.postgres.url("ingest", "postgres"))
    with reader.cursor() as cursor:
        cursor.execute("LOCK TABLE datasets.slow IN SHARE MODE")  # so that the load waits before its first row
    cut = deployed.sandbox.invoke(events.sqs(record), timeout=3)
    reader.close()
    assert cut.error == "Sandbox.Timedout"
    status = "SELECT status FROM ingest_run WHERE key = 'data/slow.csv' ORDER BY id DESC LIMIT 1"
    assert deployed.rows(status) == [("running",)]
    assert deployed.rows("SELECT count(*) FROM slow") == [(1,)]

    def loaded() -> bool:  # the lease of the worker that died has to end first
        assert good(deployed.sandbox.invoke(events.sqs(record)), deployed) == {"batchItemFailures": []}
        return deployed.rows(status) == [("succeeded",)]

    wait_for(loaded)
    assert deployed.rows("SELECT count(*), count(DISTINCT id), max(name) FROM slow") == [(50_000, 50_000, "name 9999")]
    assert deployed.rows("SELECT attempts FROM ingest_run WHERE key = 'data/slow.csv' ORDER BY id DESC") == [(2,), (1,)]
