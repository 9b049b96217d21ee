"""The product's settings in an environment of the tests' own: nothing of this machine, never the demo's database."""

import os

for _name in [name for name in os.environ if name.startswith(("AWS_", "PG")) and name != "PG"]:
    del os.environ[_name]
os.environ.update(
    DATABASE_URL="postgresql://nobody@127.0.0.1:1/no-test-may-reach-this",
    SECRET_KEY="for tests only: fifty characters, and none of them a secret",
    BUCKET="no-test-may-reach-this",
    HTTPS="0",
    AWS_ENDPOINT_URL="http://127.0.0.1:1",
    AWS_ACCESS_KEY_ID="tests",
    AWS_SECRET_ACCESS_KEY="tests",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
)
for _name in (
    "DEBUG",
    "ALLOWED_HOSTS",
    "PREFIX",
    "QUEUE_URL",
    "SCRATCH_DIR",
    "LEASE_SECONDS",
    "MAX_ATTEMPTS",
    "LATE_VERSIONS",
    "UNDO_DAYS",
    "REJECT_DAYS",
    "MESSAGE_DAYS",
    "AUDIT_LOG_DAYS",
    "RECONCILE_HOURS",
    "LOG_JSON",
    "METRICS_NAMESPACE",
    "SITE_URL",
    "NOTIFY_EMAILS",
    "NOTIFY_WEBHOOK_URL",
    "NOTIFY_TOPIC_ARN",
    "NOTIFY_QUIET_MINUTES",
    "EMAIL_HOST",
    "EMAIL_HOST_USER",
    "DATABASE_SECRET_ARN",
    "DATABASE_CA",
    "SECRET_KEY_ARN",
    "STATIC_URL",
    "FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_NAME",
):
    os.environ.pop(_name, None)

from pipeline_site.settings import *  # noqa: E402, F403 - after the environment

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the tests log in often
STATIC_ROOT = None  # the pages' files are served from where they lie: WhiteNoise warns of a folder that isn't there
