"""Login limits: how many login attempts are left."""

from django.db import models


class LoginLimit(models.Model):
    """A bucket of login attempts that refills with time; a full bucket needs no row."""

    key = models.CharField(
        max_length=64, primary_key=True, help_text="Digest of the account or address that the limit applies to."
    )
    full_at = models.DateTimeField(db_index=True, help_text="When all attempts are available again.")

    def __str__(self) -> str:
        return f"{self.key[:8]} until {self.full_at:%Y-%m-%d %H:%M:%S}"
