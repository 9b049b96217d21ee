"""Settings, all from the environment; a value that can't be right is refused at start with one sentence.

On a laptop ``make demo`` writes ``.local/env``; it is read where DATABASE_URL isn't set, so that ``manage.py`` in a
second shell meets the same database and bucket.
"""

import os
import sys
import tempfile
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext, SSLError
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from botocore.config import Config
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email
from psycopg2.extensions import parse_dsn

from ingest.aws import secrets

if sys.version_info < (3, 11, 5):
    # Possessive groups of regular expressions match wrongly before; files would be cut into wrong records.
    raise ImproperlyConfigured("Python 3.11.5 or newer is needed; before it, regular expressions match wrongly.")

BASE_DIR = Path(__file__).resolve().parent.parent

MIB = 1 << 20

_VANISHED = (
    "-c tcp_keepalives_idle=60 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=6 "
    "-c client_connection_check_interval=10000"
)
"""A function that is killed can't say goodbye: the server finds out by these within two minutes, and ends what it was
doing, with its locks."""


def text(name: str, default: str | None = None, *, instead: str = "") -> str:
    """The variable ``name``; without a default it must be set, and ``instead`` says how."""
    value = os.environ.get(name, default)
    if not value and default is None:
        raise ImproperlyConfigured(f"{name} is not set. {instead}".rstrip())
    return value or ""


def flag(name: str, *, default: bool) -> bool:
    """``1``, ``true``, ``yes``, ``on`` or ``0``, ``false``, ``no``, ``off`` in any case."""
    value = os.environ.get(name, "").strip().lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if value:
        raise ImproperlyConfigured(f"{name} is {value!r}: write 1 for on or 0 for off.")
    return default


def integer(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number from ``least`` to ``most``."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number from {least:,} to {most:,}.")
    return number


def names(name: str, default: str) -> list[str]:
    """A list, separated by commas."""
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def folder(name: str, default: str) -> Path:
    """A folder that stands and can be written to."""
    path = Path(os.environ.get(name) or default)
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        raise ImproperlyConfigured(f"{name} is {str(path)!r}: name a folder that exists and can be written to.")
    return path.resolve()


def key_prefix(name: str, default: str) -> str:
    """The part of the bucket that is ours: empty for all of it, else a folder such as ``data/``."""
    prefix = os.environ.get(name, default)
    if prefix and (not prefix.endswith("/") or prefix.startswith("/")):
        raise ImproperlyConfigured(f"{name} is {prefix!r}: it must end, and not begin, with a slash, as data/ does.")
    return prefix


def address(name: str) -> str:
    """An http or https address; empty where it isn't set."""
    value = os.environ.get(name, "")
    if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
        raise ImproperlyConfigured(f"{name} is {value!r}: write an address that begins with http:// or https://.")
    return value


def secret(name: str, arn_name: str, *, instead: str) -> str:
    """The variable ``name``, or, where ``arn_name`` names one, the text of that secret in Secrets Manager."""
    arn = text(arn_name, "")
    if not arn:
        return text(name, instead=instead)
    if os.environ.get(name):
        raise ImproperlyConfigured(f"{name} and {arn_name} are both set: leave one of them out.")
    try:
        return secrets.key(secrets.text(arn))
    except secrets.SecretUnavailable as error:
        raise ImproperlyConfigured(f"{arn_name}: {error}") from None


def certificates(name: str) -> str:
    """The path of a file of certificates, from the project's folder where it is relative; empty where it isn't set."""
    value = os.environ.get(name, "")
    if not value:
        return ""
    path = BASE_DIR / value
    try:
        SSLContext(PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, SSLError):
        raise ImproperlyConfigured(f"{name} is {value!r}: name a file of certificates in PEM form.") from None
    return str(path)


def emails(name: str) -> list[str]:
    """A list of e-mail addresses, separated by commas."""
    found = names(name, "")
    for value in found:
        try:
            validate_email(value)
        except ValidationError:
            raise ImproperlyConfigured(f"{name} holds {value!r}, which is no e-mail address.") from None
    return found


def webhook(name: str, *, local: bool) -> str:
    """An address that messages are sent to: https, or, where all is ``local``, http on this machine.

    The refusals don't repeat it: such addresses may hold keys.
    """
    value = address(name)
    parts = urlsplit(value)
    if parts.username or parts.password:
        raise ImproperlyConfigured(f"{name} holds a user or a password: messages are signed instead.")
    here = local and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if value and parts.scheme != "https" and not here:
        raise ImproperlyConfigured(f"{name} must begin with https://: messages tell of your files.")
    return value


def database(name: str, *, secret_arn: str = "", ca: str = "") -> dict[str, Any]:
    """Django's settings of the PostgreSQL that the URL in ``name`` points to; libpq itself takes it apart.

    User and password come from the secret ``secret_arn``, where there is one. With ``ca``, the file of its
    authority's certificates, the server must prove its name. The refusals never repeat the URL: it holds a password.
    """
    url = text(name, instead="Write postgresql://user:password@host:5432/database, or run `make demo` first.")
    form = "write postgresql://user:password@host:5432/database, with special characters of a part as %xx."
    if not url.startswith(("postgresql://", "postgres://")):
        raise ImproperlyConfigured(f"{name} doesn't begin with postgresql://: {form}")
    try:
        parts = parse_dsn(url)
    except psycopg2.ProgrammingError:
        raise ImproperlyConfigured(f"{name} can't be read: {form}") from None
    if not parts.get("dbname"):
        raise ImproperlyConfigured(f"{name} names no database: {form}")
    port = parts.pop("port", "")
    if not all(part.isdecimal() and 0 < int(part) < 65536 for part in port.split(",") if port):
        raise ImproperlyConfigured(f"{name} has a port that is not a number from 1 to 65535: {form}")
    if ca:
        parts |= {"sslmode": "verify-full", "sslrootcert": ca}
    if secret_arn and "password" in parts:
        raise ImproperlyConfigured(f"{name} has a password, and DATABASE_SECRET_ARN names another: leave one out.")
    if secret_arn and "sslmode" not in parts:
        # A login out of Secrets Manager is not sent to whoever answers on the way.
        raise ImproperlyConfigured(
            f"DATABASE_CA is not set: name the file of the certificates that {name}'s server proves itself with, or "
            "write sslmode into it."
        )
    engine = "pipeline_site.database" if secret_arn else "django.db.backends.postgresql"
    return {
        "ENGINE": engine,
        "SECRET_ARN": secret_arn,
        "NAME": parts.pop("dbname"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": port,
        "OPTIONS": {"connect_timeout": "10", "application_name": "ingest", "options": _VANISHED} | parts,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def bucket_storage(bucket: str, region: str) -> dict[str, Any]:
    """Django's settings of a storage that is the bucket: uploads, exports and the files of rejects lie there.

    Links are signed by SigV4 at the bucket's own region: boto3 would sign in the old way in us-east-1, and S3 answers
    the global address of a young bucket elsewhere with a redirect, which no browser follows with its signature.
    """
    here = bool(os.environ.get("AWS_ENDPOINT_URL"))
    addressing = {"addressing_style": "path" if here else "virtual", "us_east_1_regional_endpoint": "regional"}
    config = Config(signature_version="s3v4", region_name=region, s3=addressing)
    options = {"bucket_name": bucket, "region_name": region, "client_config": config, "querystring_expire": 900}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


def bucket_origin(bucket: str, region: str) -> str:
    """Where a browser sends the parts of a file: the origin of the signed links, empty where there is no bucket."""
    if here := address("AWS_ENDPOINT_URL"):
        return "{0.scheme}://{0.netloc}".format(urlsplit(here))
    return f"https://{bucket}.s3.{region}.amazonaws.com" if bucket else ""


def content_security_policy(origin: str) -> dict[str, Any]:
    """Everything from ourselves, nothing inline or embedded; ``origin``, the bucket's, takes files and gives them."""
    beside = [SELF, *filter(None, [origin])]
    return {
        "DIRECTIVES": {
            "default-src": [SELF],
            "connect-src": beside,
            "form-action": beside,
            "img-src": [SELF],
            "base-uri": [NONE],
            "frame-ancestors": [NONE],
            "object-src": [NONE],
        }
    }


if "DATABASE_URL" not in os.environ and (BASE_DIR / ".local" / "env").is_file():
    from pipeline_site.local.kept import adopt

    adopt(BASE_DIR / ".local" / "env")

# The site
DEBUG = flag("DEBUG", default=False)
HTTPS = flag("HTTPS", default=True)
SECRET_KEY = secret(
    "SECRET_KEY", "SECRET_KEY_ARN", instead="Write at least 50 random characters, or run `make demo` first."
)
ALLOWED_HOSTS = names("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
ROOT_URLCONF = "pipeline_site.urls"
WSGI_APPLICATION = "pipeline_site.wsgi.application"
LOGIN_URL, LOGIN_REDIRECT_URL = "admin:login", "admin:index"
AUTHENTICATION_BACKENDS = ["ingest.admin.login.LimitedLogins", "django.contrib.auth.backends.ModelBackend"]

# The database
DATABASES = {
    "default": database("DATABASE_URL", secret_arn=text("DATABASE_SECRET_ARN", ""), ca=certificates("DATABASE_CA"))
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Files in the bucket
BUCKET = text("BUCKET", "")
PREFIX = key_prefix("PREFIX", "data/")
QUEUE_URL = address("QUEUE_URL")
FUNCTION_NAME = text("FUNCTION_NAME", os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""))
REGION = text("AWS_DEFAULT_REGION", text("AWS_REGION", "us-east-1"))

# Runs
SCRATCH_DIR = folder("SCRATCH_DIR", tempfile.gettempdir())
LEASE_SECONDS = integer("LEASE_SECONDS", 30, least=2, most=3600)
MAX_ATTEMPTS = integer("MAX_ATTEMPTS", 3, least=1, most=100)
RECONCILE_HOURS = integer("RECONCILE_HOURS", 24, least=1, most=8760)
LATE_VERSIONS = integer("LATE_VERSIONS", 10, least=0, most=1000)
UNDO_DAYS = integer("UNDO_DAYS", 30, least=1, most=3650)
REJECT_DAYS = integer("REJECT_DAYS", 90, least=1, most=3650)
MESSAGE_DAYS = integer("MESSAGE_DAYS", 90, least=1, most=3650)
AUDIT_LOG_DAYS = integer("AUDIT_LOG_DAYS", 365, least=1, most=3650)
MAX_UNPACKED_BYTES = integer("MAX_UNPACKED_BYTES", 8192 * MIB, least=MIB, most=1 << 50)
MAX_RECORD_BYTES = integer("MAX_RECORD_BYTES", 64 * MIB, least=1024, most=1024 * MIB)

# What becomes of runs: lines of JSON (LOG_JSON), which CloudWatch takes for metrics where a namespace is named
LOG_JSON = flag("LOG_JSON", default=False)
METRICS_NAMESPACE = text("METRICS_NAMESPACE", "")

# Who is told, and how: by e-mail where EMAIL_HOST is set, by webhook, by SNS; each of them if there are several
SITE_URL = address("SITE_URL")
NOTIFY_EMAILS = emails("NOTIFY_EMAILS")
NOTIFY_WEBHOOK_URL = webhook("NOTIFY_WEBHOOK_URL", local=DEBUG or not HTTPS)
NOTIFY_WEBHOOK_SECRET = (
    secret(
        "NOTIFY_WEBHOOK_SECRET",
        "NOTIFY_WEBHOOK_SECRET_ARN",
        instead="Write at least 32 random characters: what is sent to NOTIFY_WEBHOOK_URL is signed with it.",
    )
    if NOTIFY_WEBHOOK_URL
    else ""
)
NOTIFY_TOPIC_ARN = text("NOTIFY_TOPIC_ARN", "")
NOTIFY_QUIET_MINUTES = integer("NOTIFY_QUIET_MINUTES", 5, least=0, most=1440)
EMAIL_HOST = text("EMAIL_HOST", "")
EMAIL_PORT = integer("EMAIL_PORT", 587, least=1, most=65535)
EMAIL_HOST_USER = text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = (
    secret("EMAIL_HOST_PASSWORD", "EMAIL_HOST_PASSWORD_ARN", instead="EMAIL_HOST_USER logs in with it.")
    if EMAIL_HOST_USER
    else ""
)
EMAIL_USE_TLS = flag("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 5  # seconds
DEFAULT_FROM_EMAIL = SERVER_EMAIL = text("EMAIL_FROM", "ingest@localhost")

INSTALLED_APPS = [
    "ingest",  # before the admin: its templates stand in front of Django's
    "ingest.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
]
MIDDLEWARE = [
    "pipeline_site.heads.without_body",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# WhiteNoise serves what `collectstatic` gathered, under names that hold a hash; before that, the apps' own files.
STATIC_URL = text("STATIC_URL", "static/")  # behind a stage of API Gateway: /STAGE/static/
WHITENOISE_STATIC_PREFIX = "/static/"  # API Gateway takes its stage off the path
STATIC_ROOT = BASE_DIR / "static-root"
_COLLECTED = (STATIC_ROOT / "staticfiles.json").is_file()
WHITENOISE_USE_FINDERS = not _COLLECTED
STORAGES = {
    "default": bucket_storage(BUCKET, REGION),
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# A table has up to 1,600 columns, each with a box where those to be shown are chosen; some fields come beside them.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_500

# Browsers: what a page may load, and how its cookies travel. Plain HTTP (HTTPS=0) is for this machine alone.
CONTENT_SECURITY_POLICY = content_security_policy(bucket_origin(BUCKET, REGION))
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# Other hosts of the site's domain, and the browsers' own lists, are for the domain's owner to decide about.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

# ISO 8601 and UTC everywhere: no language's habits in dates and numbers.
LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "pipeline_site.formats"

# Root stays at INFO: at DEBUG botocore writes the secrets it fetches into the log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {"()": "pipeline_site.logs.JsonLines"},
    },
    "filters": {"refusals": {"()": "pipeline_site.logs.BriefRefusals"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json" if LOG_JSON else "line",
            "filters": ["refusals"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {name: {"level": "WARNING"} for name in ("boto3", "botocore", "s3transfer", "urllib3")},
}
