"""What the tests of the pages share: somebody to look at them."""

from django.contrib.auth.models import Permission, User
from django.test import Client


def staff(client: Client, *permissions: str, superuser: bool = False) -> User:
    """Log in somebody with these permissions."""
    user = User.objects.create_user(f"u{User.objects.count()}", is_staff=True, is_superuser=superuser)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user
