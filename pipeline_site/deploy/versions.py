"""The code of the function: uploaded under its hash, and published as a version that one can go back to.

zappa's own rollback sends the zip in the request itself, where Lambda takes 50 MB and ours has more.
"""

import base64
import hashlib
import tempfile
from pathlib import Path

import requests
from botocore.exceptions import ClientError

from pipeline_site.deploy import DeployError
from pipeline_site.deploy.account import AwsAccount


def upload(account: AwsAccount, name: str, bucket: str, path: Path) -> str:
    """Upload the zip to where Lambda takes it from; return its key in the bucket."""
    with path.open("rb") as file:
        key = _key(name, hashlib.file_digest(file, "sha256").digest())
    account.client("s3").upload_file(str(path), bucket, key)
    return key


def published(account: AwsAccount, name: str) -> list[str]:
    """Return the numbers of the published versions of the function ``name``, the newest first."""
    pages = account.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=name)
    numbers = [each["Version"] for page in pages for each in page["Versions"] if each["Version"] != "$LATEST"]
    return sorted(numbers, key=int, reverse=True)


def roll_back(account: AwsAccount, name: str, bucket: str, version: str) -> str:
    """Give the function the code of ``version`` again; return the number of the version that this publishes."""
    client = account.client("lambda")
    told = client.get_function(FunctionName=name, Qualifier=version)
    key = _key(name, base64.b64decode(told["Configuration"]["CodeSha256"]))
    if not _is_there(account, bucket, key):  # the bucket deletes what is old, and Lambda keeps it
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "code.zip"
            _download(told["Code"]["Location"], path)
            if upload(account, name, bucket, path) != key:
                raise DeployError(f"Lambda gave other code than that of version {version}: try again.")
    made = client.update_function_code(FunctionName=name, S3Bucket=bucket, S3Key=key, Publish=True)
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
    return str(made["Version"])


def _key(name: str, sha256: bytes) -> str:
    return f"{name}-{sha256.hex()}.zip"


def _is_there(account: AwsAccount, bucket: str, key: str) -> bool:
    try:
        account.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return False
        raise
    return True


def _download(address: str, path: Path) -> None:
    try:
        with requests.get(address, stream=True, timeout=60) as answer, path.open("wb") as file:
            answer.raise_for_status()
            for part in answer.iter_content(1 << 20):
                file.write(part)
    except requests.RequestException as error:
        # The address holds a signature, which goes into no message.
        raise DeployError(f"The code can't be downloaded from Lambda ({type(error).__name__}): try again.") from None
