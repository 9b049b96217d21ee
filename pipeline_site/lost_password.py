"""The way back of an account whose password is lost, by the right to invoke the function."""

from typing import Any


def reset(event: dict[str, Any]) -> dict[str, str]:
    """Give the account ``event["username"]`` a new password; returns both, and nothing of it is logged.

    ``event["by"]`` is who asks, as the caller says. Raises RunFailed, with a sentence, if there is no such account, or
    it isn't allowed to log in.
    """
    from ingest.accounts.reset_password import reset_password

    name, by = str(event.get("username") or ""), str(event.get("by") or "")
    who = f"{by[:200]}, who invoked the function" if by else "whoever invoked the function"
    return {"username": name, "password": reset_password(name, who)}
