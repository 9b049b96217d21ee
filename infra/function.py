"""The function and its HTTP API by CloudFormation, from zappa's settings: the way out if zappa can't be used."""

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws, CfnParameter, Fn, Stack
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_lambda as function
from constructs import Construct

from infra.accepted import accept
from infra.kept import kept_log
from infra.stage import Stage

_ACCESS = {
    name: f"$context.{path}"
    for name, path in {
        "requestId": "requestId",
        "ip": "identity.sourceIp",
        "time": "requestTime",
        "method": "httpMethod",
        "path": "path",
        "status": "status",
        "length": "responseLength",
        "error": "integrationErrorMessage",
    }.items()
}
"""A line of the access log."""


class Function(Construct):
    """The function under the name that zappa would give it, and an HTTP API that sends it every request."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, settings: Mapping[str, Any]) -> None:
        super().__init__(scope, name)
        key = CfnParameter(self, "CodeKey", description="Where in the code bucket the package is")
        key.override_logical_id("CodeKey")
        self.api = gateway.CfnApi(self, "Api", name=stage.title, protocol_type="HTTP")
        self.api.override_logical_id("Api")  # as zappa's stack calls its own, so that commands find either
        self.domain = settings.get("domain", "")
        self.site = f"https://{self.api.ref}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}/{stage.name}/"
        self.function = self._function(stage, settings, key.value_as_string)
        self._send_requests(stage)
        self.target = self._map_domain(settings["certificate_arn"]) if self.domain else ""

    def _function(self, stage: Stage, settings: Mapping[str, Any], key: str) -> function.CfnFunction:
        made = function.CfnFunction(
            self,
            "Function",
            function_name=stage.title,
            description=settings["lambda_description"],
            code=function.CfnFunction.CodeProperty(s3_bucket=settings["s3_bucket"], s3_key=key),
            runtime=settings["runtime"],
            architectures=[settings["architecture"]],
            handler=settings["lambda_handler"],
            role=settings["role_arn"],
            memory_size=settings["memory_size"],
            timeout=settings["timeout_seconds"],
            ephemeral_storage=function.CfnFunction.EphemeralStorageProperty(size=settings["ephemeral_storage"]["Size"]),
            environment=function.CfnFunction.EnvironmentProperty(variables=self._variables(settings)),
            **_optional(settings),
        )
        # As zappa passes it on: whatever Lambda takes there.
        if settings["vpc_config"]:
            made.add_property_override("VpcConfig", settings["vpc_config"])
        made.override_logical_id("Function")
        accept(
            made,
            "AwsSolutions-L1",
            "The runtime is the one that the package was built and tested for: zappa_settings.json names it.",
        )
        return made

    def _variables(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Return the environment; the address of the site is this API's own, unless it has a domain."""
        told = dict(settings["aws_environment_variables"])
        return told | {"SITE_URL": told.get("SITE_URL") or self.site}

    def _send_requests(self, stage: Stage) -> None:
        integration = gateway.CfnIntegration(
            self,
            "Integration",
            api_id=self.api.ref,
            integration_type="AWS_PROXY",
            integration_uri=self.function.attr_arn,
            payload_format_version="2.0",
        )
        route = gateway.CfnRoute(
            self, "Route", api_id=self.api.ref, route_key="$default", target=f"integrations/{integration.ref}"
        )
        accept(route, "AwsSolutions-APIG4", "Django asks for the login, as it does behind zappa's API.")
        log = kept_log(self, f"/aws/vendedlogs/apis/{stage.title}", stage.log_days)
        self.stage = gateway.CfnStage(
            self,
            "Stage",
            api_id=self.api.ref,
            stage_name=stage.name,
            auto_deploy=True,
            access_log_settings=gateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=Fn.get_att(log.logical_id, "Arn").to_string(), format=json.dumps(_ACCESS)
            ),
        )
        stack = Stack.of(self)
        function.CfnPermission(
            self,
            "MayCall",
            action="lambda:InvokeFunction",
            function_name=self.function.ref,
            principal="apigateway.amazonaws.com",
            source_arn=stack.format_arn(service="execute-api", resource=self.api.ref, resource_name="*"),
        )

    def _map_domain(self, certificate: str) -> str:
        """Put the API behind the stage's own domain; return the name that its DNS record has to point to."""
        configuration = gateway.CfnDomainName.DomainNameConfigurationProperty(
            certificate_arn=certificate, endpoint_type="REGIONAL", security_policy="TLS_1_2"
        )
        domain = gateway.CfnDomainName(
            self, "Domain", domain_name=self.domain, domain_name_configurations=[configuration]
        )
        gateway.CfnApiMapping(self, "Mapping", api_id=self.api.ref, domain_name=domain.ref, stage=self.stage.ref)
        return domain.attr_regional_domain_name


def _optional(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what most stages leave out."""
    found: dict[str, Any] = {}
    if settings.get("aws_kms_key_arn"):
        found["kms_key_arn"] = settings["aws_kms_key_arn"]
    if settings.get("dead_letter_arn"):
        target = function.CfnFunction.DeadLetterConfigProperty(target_arn=settings["dead_letter_arn"])
        found["dead_letter_config"] = target
    if settings.get("lambda_concurrency") is not None:
        found["reserved_concurrent_executions"] = settings["lambda_concurrency"]
    if settings.get("layers"):
        found["layers"] = settings["layers"]
    if settings.get("xray_tracing"):
        found["tracing_config"] = function.CfnFunction.TracingConfigProperty(mode="Active")
    return found
