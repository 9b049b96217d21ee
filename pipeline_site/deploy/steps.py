"""A stage is put on AWS, and taken away: each step looks at what stands, so that a second run mends a first one.

zappa makes the function and its API between `prepare` and `finish`; `hooks` calls both from zappa's own commands.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from ingest.aws import wiring
from pipeline_site.deploy import (
    DeployError,
    api,
    authority,
    cloudformation,
    completing,
    package,
    standing,
    versions,
    zappa,
)
from pipeline_site.deploy.account import AwsAccount
from pipeline_site.deploy.function import Function
from pipeline_site.deploy.package import BUILD, CA_FILE
from pipeline_site.deploy.stacks import Stacks
from pipeline_site.deploy.templates import CAPABILITIES

POST: Mapping[str, str] = {"post": "zappa_hooks.post"}
"""The callback that the complete settings name: zappa's own settings file does without it."""


@dataclass(kw_only=True)
class Deployment:
    """One stage in one account and region."""

    stage: str
    settings: dict[str, Any]
    account: AwsAccount
    stacks: Stacks
    templates: Mapping[str, Path]
    """data, app and trigger: their templates."""
    say: Callable[[str], None]
    ca: str = authority.SOURCE
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the function, of zappa's stack, and what our stacks' names begin with."""
        return f"{self.settings['project_name']}-{self.stage}"

    @property
    def folder(self) -> Path:
        """Where zappa finds the stage's complete settings."""
        return BUILD / "stages" / self.stage

    @property
    def function(self) -> Function:
        """The function, whether it stands or not."""
        return Function(self.account, self.name)

    def state(self) -> Literal["absent", "incomplete", "deployed"]:
        """Tell how much of the function and its API is there; those by CloudFormation only count if they are wanted."""
        function, api = self.function.stands(), bool(self._api())
        if function and api:
            by_stack = cloudformation.is_deployed(self)
            return "incomplete" if by_stack and not cloudformation.is_wanted(self.stage) else "deployed"
        return "incomplete" if function or self.stacks.stands(self.name) else "absent"

    def prepare(self, own: Path | None = None, *, image: bool = False) -> str:
        """Bring up to date what the function needs, and upload its package; return the package's address.

        ``own`` is a zip that takes the place of ours; with ``image`` there is none. Raises DeployError where it can't
        continue; another run then continues from what is there.
        """
        with self._step("package"):
            made = None if image else self._package(own)
        self._stack("data")
        self._stack("app")
        with self._step("upload"):
            bucket = self.outputs["CodeBucketName"]
            address = f"s3://{bucket}/{versions.upload(self.account, self.name, bucket, made.path)}" if made else ""
        if self.state() == "incomplete":
            with self._step("removal of what an earlier attempt left incomplete"):
                self.remove_function()
        return address

    def finish(self) -> str:
        """Complete what zappa has made: database, first user, trigger; return the address of the site.

        Raises DeployError where it can't continue; another run then continues from what is there.
        """
        with self._step("address"):
            self.write_settings()  # zappa has made the site's address, which nobody knew before
            self.function.set_variables(self.complete()["aws_environment_variables"])
        with self._step("limits and log of the site"):
            self.protect_site()
        with self._step("checks"):
            self.function.call({"manage": "check --deploy --fail-level ERROR --database default"})
        with self._step("migrations"):
            self.function.call({"manage": "migrate --noinput"})
        self._first_admin()
        self._stack("app")  # again: the bucket lets in the pages of the site, whose address is known by now
        self._stack("trigger")
        self.doctor()
        return self.site()

    def protect_site(self) -> None:
        """Limit and log the requests to zappa's API; the template of the other has that in it."""
        if not cloudformation.is_deployed(self):
            api.protect(self.account, self._api(), self.stage, self.outputs, self.say)

    def write_settings(self) -> Path:
        """Write the complete settings to where zappa finds them; return the file."""
        self.outputs |= self._told("data") | self._told("app")
        return zappa.write(self.folder, self.stage, self.complete(), callbacks=POST)

    def doctor(self) -> None:
        """Look at every piece, from here and from inside the function, and send a small file through.

        Raises DeployError where one isn't right; what is wrong and what to do was said by then.
        """
        self.outputs |= self._told("data") | self._told("app")
        if not self.function.stands():
            raise DeployError(f"The stage {self.stage!r} has no function here: run `zappa deploy {self.stage}`.")
        where = {"bucket": "BucketName", "prefix": "Prefix", "queue_url": "QueueUrl"}
        found = wiring.check_wiring(
            wiring.Wiring(function=self.name, **{name: self.outputs.get(output, "") for name, output in where.items()})
        )
        found += standing.look(self.account, self.outputs)
        found += [wiring.Finding(**told) for told in self.function.call({"command": "ingest.runs.examine"})]
        if all(each.good for each in found):
            found.append(wiring.Finding(**self.function.call({"command": "ingest.runs.probe"})))
        for each in found:
            self.say(f"{each.mark:7} {each.subject}: {each.told}")
        if wrong := [each.subject for each in found if not each.good]:
            raise DeployError(f"{len(wrong)} of {len(found)} pieces are not right: {', '.join(wrong)}.")

    def down(self, *, data: bool) -> None:
        """Take away the function and what calls it; with ``data`` files and database too, if it may."""
        self.outputs = self._told("data") | self._told("app")
        if data and self.outputs.get("Protected") != "false" and self.stacks.stands(self._stack_name("app")):
            raise DeployError(
                f"The stage {self.stage!r} is protected: write protect = false for it in infra/stages.toml, run "
                f"`zappa update {self.stage}`, then this again."
            )
        with self._step("trigger stack"):
            self.stacks.delete(self._stack_name("trigger"))
        with self._step("function"):
            if self.function.stands() or self.stacks.stands(self.name):
                self.remove_function()
        if data:
            with self._step("buckets"):
                for output in ("BucketName", "CodeBucketName"):
                    self._empty(self.outputs.get(output))
            for part in ("app", "data"):
                with self._step(f"{part} stack"):
                    self.stacks.delete(self._stack_name(part))

    def complete(self) -> dict[str, Any]:
        """The settings with what the stacks tell: what the function is, where it stands, and what it finds there."""
        told = self.outputs
        lacking = [name for name in _NEEDED if not told.get(name)]
        if lacking:
            raise DeployError(f"The stacks of {self.stage!r} tell no {', '.join(lacking)}: deploy them again.")
        region, domain = self.account.region, self.settings.get("domain")
        variables = {  # of what settings.py reads, all that would else be as on a laptop
            "DATABASE_URL": f"postgresql://{told['DatabaseHost']}:{told['DatabasePort']}/{told['DatabaseName']}",
            "DATABASE_SECRET_ARN": told["DatabaseSecretArn"],
            "DATABASE_CA": CA_FILE,
            "SECRET_KEY_ARN": told["SiteSecretArn"],
            "BUCKET": told["BucketName"],
            "PREFIX": told["Prefix"],
            "QUEUE_URL": told["QueueUrl"],
            "ALLOWED_HOSTS": domain or f".execute-api.{region}.amazonaws.com",
            "STATIC_URL": "static/" if domain else f"/{self.stage}/static/",
            "SITE_URL": self.site(),
            "LOG_JSON": "1",
            "METRICS_NAMESPACE": self.name,  # where the alarm on failed runs looks
            "NOTIFY_TOPIC_ARN": told["TopicArn"],
            "MAX_UNPACKED_BYTES": str(completing.largest_text(told, self.settings)),
        }
        ours = self.settings | completing.of_stage(told, self.settings, self.folder)
        return ours | {
            "aws_region": region,
            "s3_bucket": told["CodeBucketName"],
            "role_arn": told["RoleArn"],
            "aws_environment_variables": variables | self.settings.get("aws_environment_variables", {}),
        }

    def site(self) -> str:
        """The address of the site; empty where zappa's API doesn't stand."""
        if self.settings.get("domain"):
            return f"https://{self.settings['domain']}/"
        api = self._api()
        return f"https://{api}.execute-api.{self.account.region}.amazonaws.com/{self.stage}/" if api else ""

    # -- parts ------------------------------------------------------------------------------------------------------

    def _stack_name(self, part: str) -> str:
        return f"{self.name}-{part}"

    def _told(self, part: str) -> dict[str, str]:
        return self.stacks.outputs(self._stack_name(part))

    def _stack(self, part: str) -> None:
        with self._step(f"{part} stack"):
            self.stacks.deploy(
                self._stack_name(part),
                self.templates[part],
                parameters=self._parameters(part),
                capabilities=CAPABILITIES[part],
            )
        self.outputs |= self._told(part)

    def _parameters(self, part: str) -> dict[str, str]:
        """What only the account or an earlier step knows, as far as the template asks for it."""
        asked = json.loads(self.templates[part].read_text()).get("Parameters", {})
        known = {}
        if "AdminOrigin" in asked:
            known["AdminOrigin"] = "/".join(self.site().split("/")[:3])
        if "DatabaseLoginArn" in asked:
            known["DatabaseLoginArn"] = self.outputs.get("DatabaseSecretArn", "")
        if "S3PrefixList" in asked:
            known["S3PrefixList"] = self._s3_prefix_list()
        return {name: value for name, value in known.items() if value}

    def _s3_prefix_list(self) -> str:
        """The id of the list of S3's addresses in this region; empty where AWS tells none."""
        name = f"com.amazonaws.{self.account.region}.s3"
        told = self.account.client("ec2").describe_managed_prefix_lists(
            Filters=[{"Name": "prefix-list-name", "Values": [name]}]
        )
        return next((str(each["PrefixListId"]) for each in told["PrefixLists"] if each["PrefixListName"] == name), "")

    def _package(self, own: Path | None) -> package.Package:
        if own:
            made = package.take(own, self.settings)
        else:
            ca = authority.certificates(self.account.region, BUILD, source=self.ca)
            made = package.build(self.stage, self.settings, ca=ca)
        self.say(f"{made.path.name}: {made.unpacked >> 20} MiB unpacked")
        return made

    def remove_function(self) -> None:
        """By zappa where it made it and can; what it leaves, or never made, by ourselves. What calls it goes first."""
        self.stacks.delete(self._stack_name("trigger"))
        by_zappa = self.function.stands() and not cloudformation.is_deployed(self)
        if by_zappa and (self.folder / "zappa_settings.json").exists():
            try:
                zappa.run(self.folder, ["undeploy", self.stage, "--yes"])
            except DeployError as error:
                self.say(f"zappa left something: {error}")
        self.stacks.delete(self.name)
        if self.function.stands():
            self.account.client("lambda").delete_function(FunctionName=self.name)

    def _first_admin(self) -> None:
        made = self.function.call({"command": "pipeline_site.first_admin.make", "username": "admin"})
        if made:
            self.say(f"admin user: {made['username']}, password: {made['password']} (shown only this once)")

    def _api(self) -> str:
        """The id of the API that zappa's stack made."""
        if not self.stacks.stands(self.name):
            return ""
        client = self.account.client("cloudformation")
        try:
            told = client.describe_stack_resource(StackName=self.name, LogicalResourceId="Api")["StackResourceDetail"]
        except ClientError:
            return ""
        gone = str(told.get("ResourceStatus", "")).startswith("DELETE_")  # a stack that rolled back still names it
        return "" if gone else str(told.get("PhysicalResourceId", ""))

    def _empty(self, bucket: str | None) -> None:
        """Every version of every file: CloudFormation removes empty buckets only."""
        if not bucket:
            return
        s3 = self.account.client("s3")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            doomed = [
                {"Key": each["Key"], "VersionId": each["VersionId"]}
                for each in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            ]
            if doomed:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True})

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = monotonic()
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise DeployError(f"AWS said no at the step `{name}`: {error}. Mend that, then run this again.") from None
        self.say(f"{name}: ok ({monotonic() - began:.0f} s)")


_NEEDED = (
    *("DatabaseHost", "DatabasePort", "DatabaseName", "DatabaseSecretArn", "SiteSecretArn"),
    *("BucketName", "Prefix", "QueueUrl", "TopicArn", "CodeBucketName", "RoleArn"),
)
