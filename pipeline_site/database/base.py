"""A database engine whose login is a secret that rotates: kept in memory, and fetched anew when the server refuses it.

``SECRET_ARN`` in the settings of the database names the secret. Only user and password come from it, never the
database's name: a test would meet the real one.
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg2 import OperationalError

from ingest.aws import secrets


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc] # Django has no types
    """Connects with the secret's login; a rotated password heals at the next connection."""

    def get_connection_params(self) -> dict[str, Any]:
        """Django's parameters, with the login of the secret."""
        params: dict[str, Any] = super().get_connection_params()
        return params | self._login(self._secret())

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection; if it is refused, once more with the secret as it stands now, where that has changed.

        The driver tells no code for a refused connection, and texts aren't read: so any refusal asks.
        """
        used = self._secret()
        try:
            return super().get_new_connection(conn_params | self._login(used))
        except OperationalError:
            anew = self._secret(refused=used)
            if anew == used:
                raise
        return super().get_new_connection(conn_params | self._login(anew))

    def _secret(self, *, refused: str | None = None) -> str:
        try:
            return secrets.text(self.settings_dict["SECRET_ARN"], refused=refused)
        except secrets.SecretUnavailable as error:
            raise OperationalError(str(error)) from None

    @staticmethod
    def _login(secret: str) -> dict[str, str]:
        try:
            user, password = secrets.login(secret)
        except secrets.SecretUnavailable as error:
            raise OperationalError(str(error)) from None
        return {"user": user, "password": password}
