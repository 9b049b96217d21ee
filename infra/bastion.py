"""A way to the database for people, off by default: Session Manager forwards a port, and nothing listens."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.accepted import accept
from infra.network import Network

_ACCEPTED = {
    "AwsSolutions-IAM5[Resource::*]": "Session Manager's rights are about no resource that could be named.",
    "AwsSolutions-EC28": "Nobody watches it by the minute: it stands while somebody looks at the database.",
    "AwsSolutions-EC29": "It holds nothing, and goes when the stage says so.",
}


class Bastion(Construct):
    """The smallest instance, without a public address; who may use it is decided by IAM alone."""

    def __init__(self, scope: Construct, name: str, *, network: Network) -> None:
        super().__init__(scope, name)
        group = ec2.SecurityGroup(
            self,
            "Group",
            vpc=network.vpc,
            description="The bastion: to the database and Session Manager",
            allow_all_outbound=False,
        )
        network.let_to_database(group)
        self.host = ec2.Instance(
            self,
            "Host",
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=network.function_subnets[:1]),
            security_group=group,
            role=self._role(),
            instance_type=ec2.InstanceType("t4g.nano"),
            machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
            require_imdsv2=True,
            block_devices=[
                ec2.BlockDevice(device_name="/dev/xvda", volume=ec2.BlockDeviceVolume.ebs(8, encrypted=True))
            ],
        )
        for rule, reason in _ACCEPTED.items():
            accept(self, rule, reason)

    def _role(self) -> iam.Role:
        """What Session Manager's agent needs; AWS's own policy for it would let it read every parameter, too."""
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ssm:UpdateInstanceInformation",
                    "ssmmessages:CreateControlChannel",
                    "ssmmessages:CreateDataChannel",
                    "ssmmessages:OpenControlChannel",
                    "ssmmessages:OpenDataChannel",
                ],
                resources=["*"],
            )
        )
        return role
