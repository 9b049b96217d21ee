"""A stage is put on AWS, and taken away: each step looks at what stands, so that a second run mends a first one."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ingest.aws import wiring
from pipeline_site.deploy import DeployError, authority, cloudformation, package, zappa
from pipeline_site.deploy.account import Account
from pipeline_site.deploy.function import Function
from pipeline_site.deploy.package import BUILD, CA_FILE
from pipeline_site.deploy.stacks import Stacks
from pipeline_site.deploy.zappa import ROOT

INFRA_PYTHON = ROOT / ".venv-infra" / "bin" / "python"
CAPABILITIES: Mapping[str, tuple[str, ...]] = {
    "data": ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),  # the rotation of the secret is a macro of AWS's
    "app": ("CAPABILITY_IAM",),
    "trigger": (),
}


@dataclass(kw_only=True)
class Deployment:
    """One stage in one account and region."""

    stage: str
    settings: dict[str, Any]
    account: Account
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

    def up(self) -> str:
        """Put the stage there, or bring it up to date; the address of its site.

        Raises DeployError where it can't go on; another run then goes on from what stands.
        """
        self._stack("data")
        self._stack("app")
        with self._step("package"):
            ca = authority.certificates(self.account.region, BUILD, source=self.ca)
            complete = self.complete()
            zappa.write(self.folder, self.stage, complete)
            made = package.build(self.stage, self.settings, ca=ca)
            self.say(f"{made.path.name}: {made.unpacked >> 20} MiB unpacked")
        with self._step("function"):
            address = self._upload(made)
            if cloudformation.is_wanted(self.stage):
                cloudformation.put(self, address)
            else:
                self._put_function(address)
                self._tell_address()
        with self._step("checks"):
            self.function.call({"manage": "check --deploy --fail-level ERROR --database default"})
        with self._step("migrations"):
            self.function.call({"manage": "migrate --noinput"})
        self._first_admin()
        self._stack("app")  # again: the bucket lets in the pages of the site, whose address is known by now
        self._stack("trigger")
        self.doctor()
        return self.site()

    def doctor(self) -> None:
        """Look at every piece, from here and from inside the function, and send a small file through.

        Raises DeployError where one isn't right; what is wrong and what to do was said by then.
        """
        self.outputs |= self._told("data") | self._told("app")
        if not self.function.stands():
            raise DeployError(f"The stage {self.stage!r} has no function here: run `make deploy STAGE={self.stage}`.")
        where = {"bucket": "BucketName", "prefix": "Prefix", "queue_url": "QueueUrl"}
        found = wiring.look(
            wiring.Wiring(function=self.name, **{name: self.outputs.get(output, "") for name, output in where.items()})
        )
        found += [wiring.Finding(**told) for told in self.function.call({"command": "ingest.runs.examine"})]
        if all(each.good for each in found):
            found.append(wiring.Finding(**self.function.call({"command": "ingest.runs.probe"})))
        for each in found:
            self.say(f"{'ok    ' if each.good else 'NOT OK'}  {each.subject}: {each.told}")
        if wrong := [each.subject for each in found if not each.good]:
            raise DeployError(f"{len(wrong)} of {len(found)} pieces are not right: {', '.join(wrong)}.")

    def down(self, *, data: bool) -> None:
        """Take away the function and what calls it; with ``data`` files and database too, if it may."""
        self.outputs = self._told("data") | self._told("app")
        if data and self.outputs.get("Protected") != "false" and self.stacks.stands(self._stack_name("app")):
            raise DeployError(
                f"The stage {self.stage!r} is protected: write protect = false for it in infra/stages.toml, run "
                f"`make deploy STAGE={self.stage}`, then this again."
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
        }
        subnets = [each for each in told.get("FunctionSubnets", "").split(",") if each]
        network = {"SubnetIds": subnets, "SecurityGroupIds": [told.get("FunctionSecurityGroup", "")]} if subnets else {}
        return self.settings | {
            "aws_region": region,
            "s3_bucket": told["CodeBucketName"],
            "role_arn": told["RoleArn"],
            "vpc_config": network,
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
        site = self.site()
        origin = "/".join(site.split("/")[:3])
        with self._step(f"{part} stack"):
            self.stacks.deploy(
                self._stack_name(part),
                self.templates[part],
                parameters={"AdminOrigin": origin} if part == "app" and origin else {},
                capabilities=CAPABILITIES[part],
            )
        self.outputs |= self._told(part)

    def _upload(self, made: package.Package) -> str:
        """Leave the zip where Lambda takes it from; its address."""
        s3, bucket = self.account.client("s3"), self.outputs["CodeBucketName"]
        s3.upload_file(str(made.path), bucket, made.path.name)
        return f"s3://{bucket}/{made.path.name}"

    def _put_function(self, address: str) -> None:
        stands, api_stands = self.function.stands(), self.stacks.stands(self.name)
        if cloudformation.is_deployed(self):
            self.say("removing the stack with the function; files that arrive meanwhile wait in the queue")
            self.remove_function()
            stands = False
        elif stands != api_stands or (stands and not self._api()):
            self.say("what an earlier try left half done is taken away first")
            self.remove_function()
            stands = False
        zappa.run(self.folder, ["update" if stands else "deploy", self.stage, "--zip", address])

    def _tell_address(self) -> None:
        """Let the function know the site's address, which nobody does until zappa has made it for the first time."""
        complete = self.complete()
        zappa.write(self.folder, self.stage, complete)
        self.function.set_variables(complete["aws_environment_variables"])

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
            told = client.describe_stack_resource(StackName=self.name, LogicalResourceId="Api")
        except ClientError:
            return ""
        return str(told["StackResourceDetail"].get("PhysicalResourceId", ""))

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


def synthesize(stage: str, folder: Path) -> dict[str, Path]:
    """The templates of the three stacks, written anew by ``infra``. Raises DeployError with its sentence."""
    if not INFRA_PYTHON.exists():
        raise DeployError("The environment of the CDK isn't there: run `make .venv-infra/.ready`.")
    command = [str(INFRA_PYTHON), "-O", "-m", "infra", stage, "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeployError(f"The stacks can't be written: {done.stderr.strip().splitlines()[-1]}")
    paths = [Path(line) for line in done.stdout.splitlines() if line.endswith(".template.json")]
    templates = {path.name.removesuffix(".template.json").rsplit("-", 1)[-1]: path for path in paths}
    if set(templates) != set(CAPABILITIES):
        raise DeployError(f"infra wrote {', '.join(templates) or 'no stack'}, not {', '.join(CAPABILITIES)}.")
    return templates
