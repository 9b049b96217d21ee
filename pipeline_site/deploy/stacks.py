"""CloudFormation stacks: made, brought up to date and taken away, from whatever state an earlier try left them in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from botocore.exceptions import ClientError

from pipeline_site.deploy import DeployError

_LONGEST = 3600.0
"""Seconds: a database takes ten minutes or more, its replacement longer."""
_LARGEST = 51_200
"""Bytes of a template that CloudFormation takes in the request itself."""
_AGAIN = "Mend that, then run this again."
_NEVER_STOOD = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS")
"""Nothing but deletion leads out of these."""


class Stacks:
    """The stacks of one account and region, by a CloudFormation client."""

    def __init__(self, cloudformation: Any, *, pause: float = 5.0) -> None:
        """``pause`` is in seconds, between two looks."""
        self._client = cloudformation
        self._pause = pause

    def outputs(self, name: str) -> dict[str, str]:
        """What the stack tells; nothing where it doesn't stand."""
        stack = self._described(name)
        return {each["OutputKey"]: each["OutputValue"] for each in (stack or {}).get("Outputs", ())}

    def stands(self, name: str) -> bool:
        """Whether there is a stack of that name, in any state."""
        return self._described(name) is not None

    def deploy(self, name: str, template: Path, *, parameters: Mapping[str, str], capabilities: Sequence[str]) -> None:
        """Make the stack, or bring it up to date, and wait for it.

        Raises DeployError with the first thing that failed.
        """
        body = template.read_text()
        if len(body.encode()) > _LARGEST:
            raise DeployError(f"{template} has {len(body.encode()):,} bytes; CloudFormation takes {_LARGEST:,}.")
        status = self._settled(name)
        if status in _NEVER_STOOD:
            self.delete(name)
            status = ""
        if status == "UPDATE_ROLLBACK_FAILED":
            raise DeployError(
                f"The stack {name} is stuck half way back (UPDATE_ROLLBACK_FAILED): mend what its events name, run "
                f"`aws cloudformation continue-update-rollback --stack-name {name}`, then this again."
            )
        told = {
            "StackName": name,
            "TemplateBody": body,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": list(capabilities),
        }
        if not status:
            self._client.create_stack(**told)
        elif not self._update(told):
            return
        after = self._settled(name)
        if after not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise DeployError(f"The stack {name} could not be deployed ({after}): {self._first_fault(name)}. {_AGAIN}")

    def delete(self, name: str) -> None:
        """Take the stack away and wait for it; nothing happens where it doesn't stand."""
        if not self.stands(name):
            return
        self._settled(name)
        self._client.delete_stack(StackName=name)
        after = self._settled(name)
        if after and after != "DELETE_COMPLETE":
            raise DeployError(f"The stack {name} could not be deleted ({after}): {self._first_fault(name)}. {_AGAIN}")

    def _update(self, told: dict[str, Any]) -> bool:
        try:
            self._client.update_stack(**told)
        except ClientError as error:
            # CloudFormation has no code of its own for this.
            if "No updates are to be performed" in error.response["Error"].get("Message", ""):
                return False
            raise
        return True

    def _settled(self, name: str) -> str:
        """The stack's status once nothing is on its way; empty where it doesn't stand."""
        end = monotonic() + _LONGEST
        while True:
            stack = self._described(name)
            status = str(stack["StackStatus"]) if stack else ""
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return status
            if monotonic() > end:
                raise DeployError(f"The stack {name} is still {status} after an hour: look at its events, try again.")
            sleep(self._pause)

    def _described(self, name: str) -> dict[str, Any] | None:
        try:
            (stack,) = self._client.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError" and "exist" in str(error):
                return None
            raise
        return None if stack["StackStatus"] == "DELETE_COMPLETE" else dict(stack)

    def _first_fault(self, name: str) -> str:
        """The oldest failure of the last try: the others follow from it."""
        try:
            events = self._client.describe_stack_events(StackName=name)["StackEvents"]
        except ClientError:
            return "its events can't be read"
        faults = []
        for event in events:  # the newest first, back to where the last try began
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in event.get("ResourceStatusReason", ""):
                faults.append(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}")
            began = event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
            if began and event["LogicalResourceId"] == name:
                break
        return faults[-1].rstrip(".") if faults else "its events name no reason"
