"""The deployed function, called by its operator."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipeline_site.deploy import DeployError
from pipeline_site.deploy.account import Account


class Function:
    """One function by its name."""

    def __init__(self, account: Account, name: str) -> None:
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

    def call(self, event: dict[str, Any]) -> Any:
        """What the function answers to ``event``. Raises DeployError with its own words where that is an error."""
        what = " ".join(str(event.get("manage") or event.get("command")).split()[:2])
        try:
            self._client.get_waiter("function_active_v2").wait(FunctionName=self.name)
            self._client.get_waiter("function_updated_v2").wait(FunctionName=self.name)
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
