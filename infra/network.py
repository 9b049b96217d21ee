"""The network: nothing in it can be reached from outside; the stage says whether and how it can reach out."""

from aws_cdk import Aws, CfnCondition, CfnParameter, Fn, RemovalPolicy
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
        self.database = self._group("Database", "PostgreSQL: from the function, the rotation and the bastion alone")
        self.endpoints = self._group("Endpoints", "AWS by TLS, from inside")
        self.let_to_database(self.function)
        self._let_to_s3(stage)
        if stage.is_ipv6:
            self._add_ipv6()
        else:
            self.rotation = self._group("Rotation", "Rotation of the password: to the database and Secrets Manager")
            self.let_to_database(self.rotation)
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

    def _let_to_s3(self, stage: Stage) -> None:
        """Open TLS to S3, which answers at public addresses by the gateway endpoint.

        Which addresses those are is told by a list that AWS keeps for each region. Its id is a parameter, since this
        template is bound to no region; without it, or with a NAT gateway, the port is open to every address.
        """
        if stage.internet:
            self.function.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "S3 by its gateway endpoint")
            for port in (465, 587):
                self.function.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "E-mail")
            return
        listed = CfnParameter(
            self,
            "S3PrefixList",
            default="",
            allowed_pattern=r"^(pl-[0-9a-f]+)?$",
            constraint_description="the id of a prefix list, as in pl-63a5400a, or nothing",
            description="S3's addresses in this region: aws ec2 describe-managed-prefix-lists",
        )
        listed.override_logical_id("S3PrefixList")
        known = CfnCondition(self, "KnowsS3", expression=Fn.condition_not(Fn.condition_equals(listed, "")))
        rule = ec2.CfnSecurityGroupEgress(
            self,
            "ToS3",
            group_id=self.function.security_group_id,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            description="S3 by its gateway endpoint",
        )
        for name, told in (
            ("DestinationPrefixListId", [listed.value_as_string, {"Ref": "AWS::NoValue"}]),
            ("CidrIp", [{"Ref": "AWS::NoValue"}, "0.0.0.0/0"]),
        ):
            rule.add_property_override(name, {"Fn::If": [known.logical_id, *told]})

    def _add_ipv6(self) -> None:
        """Give the function's subnets IPv6 with a gateway that lets connections out and none in; it costs nothing.

        The database's subnets stay as they are. Secrets Manager, SQS and SNS answer by IPv6 under their usual names.
        """
        block = ec2.CfnVPCCidrBlock(self, "Ipv6", vpc_id=self.vpc.vpc_id, amazon_provided_ipv6_cidr_block=True)
        out = ec2.CfnEgressOnlyInternetGateway(self, "Ipv6Out", vpc_id=self.vpc.vpc_id)
        blocks = Fn.cidr(Fn.select(0, self.vpc.vpc_ipv6_cidr_blocks), len(self.function_subnets), "64")
        for number, subnet in enumerate(self.function_subnets):
            made = subnet.node.default_child
            made.ipv6_cidr_block = Fn.select(number, blocks)
            made.assign_ipv6_address_on_creation = True
            made.add_resource_dependency(block)
            ec2.CfnRoute(
                self,
                f"Ipv6Route{number + 1}",
                route_table_id=subnet.route_table.route_table_id,
                destination_ipv6_cidr_block="::/0",
                egress_only_internet_gateway_id=out.attr_id,
            )
        self.function.add_egress_rule(ec2.Peer.any_ipv6(), ec2.Port.HTTPS, "AWS by IPv6, and any other host")

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
        called = ({} if stage.is_ipv6 else CALLED) | (SESSIONS if stage.bastion else {})
        for name, service in called.items():
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
