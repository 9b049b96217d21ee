"""Whose AWS account this is, and where: asked before anything is made there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from pipeline_site.deploy import DeployError

_LOGIN = "run `aws configure` or `aws sso login`, or name a profile with AWS_PROFILE"


@dataclass(frozen=True, kw_only=True)
class AwsAccount:
    """An account and a region, with the right to ask there."""

    number: str
    region: str
    caller: str = ""
    """The ARN of whoever the credentials belong to."""

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client there; ``options`` are those of botocore's Config."""
        return boto3.session.Session().client(service, region_name=self.region, config=Config(**options))


def find(settings: Mapping[str, Any]) -> AwsAccount:
    """The account that the environment's credentials are of. Raises DeployError with what to do where they are not fit.

    Where the stage's settings name a region (``aws_region``), the environment must not name another.
    """
    try:
        session = boto3.session.Session()
    except boto.ProfileNotFound as error:
        raise DeployError(f"{error}: {_LOGIN}.") from None
    here, wanted = session.region_name, settings.get("aws_region")
    if wanted and here and wanted != here:
        raise DeployError(
            f"zappa_settings.json says aws_region {wanted}, and your environment says {here}: set AWS_DEFAULT_REGION "
            f"to {wanted}, or write the other one there."
        )
    region = wanted or here
    if not region:
        raise DeployError("No region is chosen: write aws_region into zappa_settings.json, or set AWS_DEFAULT_REGION.")
    if region not in session.get_available_regions("lambda") and not os.environ.get("AWS_ENDPOINT_URL"):
        raise DeployError(f"{region!r} is no region of AWS: write one such as eu-central-1.")
    try:
        client = session.client("sts", region_name=region, config=Config(retries={"total_max_attempts": 2}))
        told = client.get_caller_identity()
    except (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError):
        raise DeployError(f"There are no AWS credentials: {_LOGIN}.") from None
    except (boto.SSOError, boto.TokenRetrievalError):
        raise DeployError(f"The AWS login has ended: {_LOGIN}.") from None
    except boto.ClientError as error:
        raise DeployError(f"AWS refused the credentials ({error.response['Error']['Code']}): {_LOGIN}.") from None
    except boto.BotoCoreError as error:
        raise DeployError(f"AWS can't be reached from here ({type(error).__name__}): check the network.") from None
    os.environ["AWS_DEFAULT_REGION"] = region  # for whatever asks AWS from here on, zappa too
    return AwsAccount(number=str(told["Account"]), region=region, caller=str(told.get("Arn", "")))
