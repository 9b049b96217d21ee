"""The deployed function, called by its operator."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipeline_site.deploy import DeployError
from pipeline_site.deploy.account import AwsAccount


class Function:
    """One function by its name."""

    def __init__(self, account: AwsAccount, name: str) -> None:
        # As long as it may take, and never twice: a command is no request that may be repeated.
        self._client = account.client("lambda", read_timeout=910, retries={"total_max_attempts": 1})
        self.name = name

    def stands(self) -> bool:
        """Whether there is such a function."""
        try:
            self._client.get_function_configuration(FunctionName=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return False
            raise
        return True

    def set_variables(self, wanted: Mapping[str, str]) -> None:
        """Give it these variables, unless it has them; others that it has stay."""
        self._wait()
        told = self._client.get_function_configuration(FunctionName=self.name).get("Environment", {})
        before = told.get("Variables", {})
        if before | dict(wanted) != before:
            variables = {"Variables": before | dict(wanted)}
            self._client.update_function_configuration(FunctionName=self.name, Environment=variables)

    def call(self, event: dict[str, Any]) -> Any:
        """What the function answers to ``event``. Raises DeployError with its own words where that is an error."""
        what = " ".join(str(event.get("manage") or event.get("command")).split()[:2])
        try:
            self._wait()
            answer = self._client.invoke(FunctionName=self.name, Payload=json.dumps(event).encode())
        except (BotoCoreError, ClientError) as error:
            raise DeployError(f"The function {self.name} can't be called ({what}): {error}.") from None
        body = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            told = body if isinstance(body, dict) else {}
            raise DeployError(
                f"The function {self.name} failed at `{what}`: {told.get('errorType', 'it ended')}: "
                f"{told.get('errorMessage', body)} (its log: `aws logs tail /aws/lambda/{self.name}`)"
            )
        return body

    def _wait(self) -> None:
        """Until no change of it is on its way."""
        for change in ("function_active_v2", "function_updated_v2"):
            self._client.get_waiter(change).wait(FunctionName=self.name)
