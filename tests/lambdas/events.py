"""Events as AWS's services send them to a function."""

import json
from typing import Any
from urllib.parse import urlencode

HOST = "abc123.execute-api.eu-west-1.amazonaws.com"
SOURCE = "203.0.113.9"
"""The address that API Gateway saw; what stands before it in X-Forwarded-For is what the client wrote."""


def sqs(*records: dict[str, Any], inside: str = "s3") -> dict[str, Any]:
    """A batch of one message a record, ``m0``, ``m1``… each with S3's notification, or SNS's around it, inside."""
    bodies: list[Any] = [{"Records": [record]} for record in records]
    if inside == "sns":
        bodies = [
            {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:0:t", "Message": json.dumps(body)}
            for body in bodies
        ]
    return {
        "Records": [
            {
                "messageId": f"m{at}",
                "receiptHandle": "x",
                "body": json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:q",
                "awsRegion": "eu-west-1",
            }
            for at, body in enumerate(bodies)
        ]
    }


def sns(record: dict[str, Any]) -> dict[str, Any]:
    """A topic's message with S3's notification in it."""
    message = json.dumps({"Records": [record]})
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {"Message": message}}]}


def bridge(record: dict[str, Any]) -> dict[str, Any]:
    """EventBridge's news of the same object."""
    told = record["s3"]["object"]
    detail = {"key": told["key"], "size": told["size"], "etag": told["eTag"], "version-id": told["versionId"]}
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": record["s3"]["bucket"], "object": detail | {"sequencer": told["sequencer"]}},
    }


CLOCK = {
    "version": "0",
    "source": "aws.events",
    "detail-type": "Scheduled Event",
    "resources": ["arn:aws:events:eu-west-1:000000000000:rule/ingest-dev-Clock"],
    "detail": {},
}


def rest(method: str, path: str, *, form: dict[str, str] | None = None, cookies: str = "") -> dict[str, Any]:
    """A request as API Gateway's REST API (v1) passes it on."""
    headers = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": f"198.51.100.66, {SOURCE}"}
    headers |= _form_headers(form, cookies)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "stageVariables": None,
        "requestContext": {"stage": "dev", "identity": {"sourceIp": SOURCE}},
        "body": urlencode(form) if form else None,
        "isBase64Encoded": False,
    }


def http(method: str, path: str, *, form: dict[str, str] | None = None, cookies: str = "") -> dict[str, Any]:
    """The same as its HTTP API (v2) does."""
    headers = {"host": HOST, "x-forwarded-proto": "https", "x-forwarded-for": f"198.51.100.66,{SOURCE}"}
    headers |= {name.lower(): value for name, value in _form_headers(form, "").items()}
    request = {"method": method, "path": f"/dev{path}", "protocol": "HTTP/1.1", "sourceIp": SOURCE}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": f"/dev{path}",
        "rawQueryString": "",
        "cookies": cookies.split("; ") if cookies else [],
        "headers": headers,
        "requestContext": {"http": request, "stage": "dev"},
        "body": urlencode(form) if form else None,
        "isBase64Encoded": False,
    }


def _form_headers(form: dict[str, str] | None, cookies: str) -> dict[str, str]:
    headers = {"Cookie": cookies} if cookies else {}
    if form:
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Referer": f"https://{HOST}/dev/admin/login/"}
        headers |= {"Origin": f"https://{HOST}"}
    return headers
