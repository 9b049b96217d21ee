"""The network: nothing in it has a public address, and by default nothing leads out of it but AWS's own endpoints."""

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.stage import Stage

CALLED = {
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,  # the password, and its rotation
    "Queues": ec2.InterfaceVpcEndpointAwsService.SQS,  # the admin's home tells of dead letters
    "Topics": ec2.InterfaceVpcEndpointAwsService.SNS,  # the product's own messages
}
"""What the function calls, besides S3 and the database. Events come, and logs go, by Lambda itself, from outside."""

SESSIONS = {
    "Sessions": ec2.InterfaceVpcEndpointAwsService.SSM,
    "SessionMessages": ec2.InterfaceVpcEndpointAwsService.SSM_MESSAGES,
}
"""What the bastion's Session Manager needs."""


class Network(Construct):
    """Two zones, in each a subnet for the function and one for the database; who may talk to whom."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, buckets: list[str]) -> None:
        """``buckets`` are the ARNs of the only buckets that are reached from here."""
        super().__init__(scope, name)
        self.vpc = self._vpc(stage)
        self.function_subnets = self.vpc.select_subnets(subnet_group_name="function").subnets
        self.function = self._group("Function", "The function: to the database, and to AWS by TLS")
        self.rotation = self._group("Rotation", "Rotation of the password: to the database and Secrets Manager")
        self.database = self._group("Database", "PostgreSQL: from the function, the rotation and the bastion alone")
        self.endpoints = self._group("Endpoints", "AWS by TLS, from inside")
        for client in (self.function, self.rotation):
            self.let_to_database(client)
        self._let_to_aws(stage)
        self._add_endpoints(stage, buckets)

    def let_to_database(self, client: ec2.SecurityGroup) -> None:
        """Open PostgreSQL's port to ``client``, and Secrets Manager's endpoint or the like with it."""
        client.connections.allow_to(self.database, ec2.Port.POSTGRES, "PostgreSQL")
        client.connections.allow_to(self.endpoints, ec2.Port.HTTPS, "AWS inside the network")

    def _vpc(self, stage: Stage) -> ec2.Vpc:
        inner = ec2.SubnetType.PRIVATE_WITH_EGRESS if stage.internet else ec2.SubnetType.PRIVATE_ISOLATED
        subnets = [
            ec2.SubnetConfiguration(name="function", subnet_type=inner, cidr_mask=22),
            ec2.SubnetConfiguration(name="database", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26),
        ]
        if stage.internet:  # last, so that the others keep their addresses when it comes or goes
            outer = ec2.SubnetType.PUBLIC
            subnets += [
                ec2.SubnetConfiguration(name="out", subnet_type=outer, cidr_mask=28, map_public_ip_on_launch=False)
            ]
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr("10.60.0.0/16"),
            max_azs=2,
            nat_gateways=1 if stage.internet else 0,
            subnet_configuration=subnets,
            restrict_default_security_group=False,  # nothing is in it; closing it takes a function of the CDK's
        )
        refused = logs.LogGroup(
            self, "Refused", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(refused),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        return vpc

    def _group(self, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, name, vpc=self.vpc, description=description, allow_all_outbound=False)

    def _let_to_aws(self, stage: Stage) -> None:
        """S3 answers under its public addresses, by the gateway; without a NAT gateway nothing else does."""
        self.function.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "S3 by its gateway endpoint")
        if stage.internet:
            for port in (465, 587):
                self.function.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "E-mail")

    def _add_endpoints(self, stage: Stage, buckets: list[str]) -> None:
        gateway = self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        gateway.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=["s3:*"],
                resources=[arn for bucket in buckets for arn in (bucket, f"{bucket}/*")],
            )
        )
        subnets = self.function_subnets[: stage.endpoint_zones]
        for name, service in (CALLED | (SESSIONS if stage.bastion else {})).items():
            endpoint = self.vpc.add_interface_endpoint(
                name,
                service=service,
                subnets=ec2.SubnetSelection(subnets=subnets),
                security_groups=[self.endpoints],
                open=False,  # to the groups named here, not to the whole network
            )
            endpoint.add_to_policy(_this_account())


def _this_account() -> iam.PolicyStatement:
    """No credentials of another account pass: what is taken from here can't be carried there."""
    return iam.PolicyStatement(
        principals=[iam.AnyPrincipal()],
        actions=["*"],
        resources=["*"],
        conditions={"StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID}},
    )
