"""What zappa calls at AWS for the commands that reach it, read from the source of the installed version."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import boto3
import botocore.session
import zappa
from botocore import xform_name

COMMANDS = ("load_settings", "deploy", "update", "undeploy", "status", "tail", "invoke")
"""The methods of zappa that our callbacks let it execute: `manage` is `invoke`; `rollback` is executed by ourselves."""

NEEDS_SETTING = {
    "create_iam_roles": "manage_roles",
    "create_efs": "efs_config",
    "delete_efs": "efs_config",
    "deploy_lambda_alb": "alb_enabled",
    "undeploy_lambda_alb": "alb_enabled",
    "update_cognito_triggers": "cognito",
    "schedule_events": "events",
    "create_async_sns_topic": "async_source",
    "remove_async_sns_topic": "async_source",
    "create_async_dynamodb_table": "async_response_table",
    "deploy_lambda_function_url": "function_url_enabled",
    "update_lambda_function_url": "function_url_enabled",
    "wait_until_lambda_function_provisioned_concurrency_is_ready": "provisioned_concurrency",
}
"""Functions that zappa calls only where a setting is set which ours doesn't have, and that setting."""

NOT_ASKED_FOR = ("remove_lambda_function_logs", "remove_api_gateway_logs")
"""Functions for `undeploy --remove-logs`, which our callback refuses."""

NEVER_THERE = {
    "lambda:PutProvisionedConcurrencyConfig": "no stage sets provisioned_concurrency",
    "lambda:DeleteProvisionedConcurrencyConfig": "no stage sets provisioned_concurrency, so no version has it",
    "lambda:DeleteFunctionUrlConfig": "no stage sets function_url_enabled, so there is none to delete",
}
"""Rights to calls within functions that are reached, for what our stages never have, and why."""


@cache
def operations(service: str) -> dict[str, str]:
    """Return the operations of a service by the method of its client."""
    client = boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    return dict(client.meta.method_to_api_mapping)


@cache
def zappa_calls() -> frozenset[tuple[str, str]]:
    """Return service and operation of each call that is reached from COMMANDS."""
    functions, clients = _source()
    seen = {*NEEDS_SETTING, *NOT_ASKED_FOR}
    found: set[tuple[str, str]] = set()
    waiting = list(COMMANDS)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for node in (each for function in functions[name] for each in ast.walk(function)):
            found |= set(_called(node, clients))
            waiting += [each for each in _names(node) if each in functions]
    return frozenset(found)


@cache
def _source() -> tuple[dict[str, list[ast.FunctionDef]], dict[str, str]]:
    """Return zappa's functions by name, and the service of each attribute or variable that is a client."""
    functions: dict[str, list[ast.FunctionDef]] = {}
    clients: dict[str, str] = {}
    for file in ("cli.py", "core.py", "utilities.py"):
        module = ast.parse((Path(zappa.__file__).parent / file).read_text())
        for node in (each for part in module.body if not _is_event_source(part) for each in ast.walk(part)):
            if isinstance(node, ast.FunctionDef):
                functions.setdefault(node.name, []).append(node)
            if isinstance(node, ast.Assign) and (service := _service(node.value)):
                clients |= {name: service for target in node.targets for name in _names(target)}
    return functions, clients


def _is_event_source(node: ast.stmt) -> bool:
    """Return whether ``node`` is the class of an event source, which only the setting events makes use of.

    Its methods are called `add` and `remove`, as those of every set are.
    """
    return isinstance(node, ast.ClassDef) and node.name.endswith("EventSource")


def _service(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute):
        first = node.args[0]
        if node.func.attr in ("client", "boto_client") and isinstance(first, ast.Constant):
            return str(first.value)
    return ""


def _names(node: ast.AST) -> list[str]:
    """Return the name that a node reads or sets, whatever it is an attribute of."""
    return [name for name in (getattr(node, "attr", ""), getattr(node, "id", "")) if name]


def _called(node: ast.AST, clients: dict[str, str]) -> Iterator[tuple[str, str]]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    method = node.func.attr
    for service in (clients[name] for name in _names(node.func.value) if name in clients):
        texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
        if method == "get_waiter":
            yield service, _awaited(service, str(texts[0]))
        elif method == "get_paginator":
            yield service, operations(service)[str(texts[0])]
        elif method in _OF_SEVERAL:
            yield from ((service, operation) for operation in _OF_SEVERAL[method])
        else:  # a method that isn't known fails here, and has to be looked at
            yield service, operations(service)[method]


_OF_SEVERAL = {
    "upload_file": ("PutObject", "AbortMultipartUpload"),
    "download_file": ("HeadObject", "GetObject"),
    "copy": ("HeadObject", "GetObject", "PutObject", "AbortMultipartUpload"),
}
"""boto3's own methods, and the operations that they call."""


def _awaited(service: str, waiter: str) -> str:
    model = botocore.session.get_session().get_waiter_model(service)
    (name,) = (each for each in model.waiter_names if xform_name(each) == waiter)
    return str(model.get_waiter(name).operation)
