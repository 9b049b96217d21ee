"""What the function by CloudFormation takes of zappa's settings, and what it refuses.

It reads the file that zappa itself would be given, complete for one stage, so that both ways to deploy say the same
about the function. A setting that has no counterpart is refused, not dropped.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.stage import Stage, StageError

_REQUIRED = frozenset(
    [
        *("runtime", "architecture", "lambda_handler", "lambda_description", "memory_size", "ephemeral_storage"),
        *("timeout_seconds", "role_arn", "vpc_config", "s3_bucket", "aws_environment_variables"),
    ]
)
_OPTIONAL = frozenset(
    [
        *("aws_kms_key_arn", "dead_letter_arn", "lambda_concurrency", "layers", "xray_tracing"),
        *("domain", "certificate_arn"),
    ]
)
_ZAPPAS_OWN = frozenset(
    [
        *("aws_region", "project_name", "django_settings", "debug", "log_level"),  # in the package, or the stack's own
        *("callbacks", "exclude", "exclude_glob", "use_precompiled_packages", "slim_handler"),  # how it packs
        *("delete_local_zip", "delete_s3_zip", "num_retained_versions", "touch", "manage_roles"),  # how it deploys
        *("endpoint_configuration", "binary_support"),  # an HTTP API is regional, and passes on binary data
        "apigateway_policy",  # looked at in read()
    ]
)
"""Settings that say nothing about a function that stands."""
_OFF: Mapping[str, Any] = {
    "events": [],
    "keep_warm": False,
    "function_url_enabled": False,
    "payload_compression": False,
    "cloudwatch_log_level": "OFF",
    "cloudwatch_data_trace": False,
}
"""Settings that may be there with this value only: what else they can ask for isn't made here."""


def read(file: Path, stage: Stage) -> dict[str, Any]:
    """Return the complete zappa settings of ``stage``. Raises StageError if they can't be carried out here."""
    try:
        settings = json.loads(file.read_text())[stage.name]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StageError(f"{file} has no settings of the stage {stage.name!r} ({type(error).__name__}).") from None
    if missing := sorted(_REQUIRED - settings.keys()):
        raise StageError(f"{file} lacks {', '.join(missing)}: give the file that `make deploy` completes.")
    if unknown := sorted(settings.keys() - _REQUIRED - _OPTIONAL - _ZAPPAS_OWN - _OFF.keys()):
        raise StageError(
            f"The stage {stage.name!r} sets {', '.join(unknown)}, which a function by CloudFormation can't have yet: "
            "remove it from zappa_settings.json, or add it to infra/function.py."
        )
    for name, value in _OFF.items():
        if settings.get(name, value) != value:
            raise StageError(
                f"{name} of the stage {stage.name!r} is {settings[name]!r}: a function by CloudFormation only has "
                f"{json.dumps(value)}."
            )
    if settings.get("domain") and not settings.get("certificate_arn"):
        raise StageError(f"The stage {stage.name!r} has a domain: write the certificate_arn of its certificate, too.")
    _check_access(settings.get("apigateway_policy"), stage)
    return dict(settings)


def _check_access(policy: str | None, stage: Stage) -> None:
    """Raise StageError if only some addresses may reach the site: an HTTP API takes no such policy."""
    for statement in json.loads(Path(policy).read_text())["Statement"] if policy else ():
        conditions = statement.get("Condition", {})
        if statement["Effect"] != "Allow" or conditions not in ({}, {"IpAddress": {"aws:SourceIp": ["0.0.0.0/0"]}}):
            raise StageError(
                f"The stage {stage.name!r} limits who may reach its site, which an HTTP API can't: keep its function "
                "with zappa, or let everybody reach the login page (remove allowed_cidrs)."
            )
