"""A way to the database for people, off by default: Session Manager forwards a port, and nothing listens."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.network import Network


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
        self.host = ec2.BastionHostLinux(
            self,
            "Host",
            vpc=network.vpc,
            subnet_selection=ec2.SubnetSelection(subnets=network.function_subnets[:1]),
            security_group=group,
            instance_type=ec2.InstanceType("t4g.nano"),
            machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
            require_imdsv2=True,
            block_devices=[
                ec2.BlockDevice(device_name="/dev/xvda", volume=ec2.BlockDeviceVolume.ebs(8, encrypted=True))
            ],
        )
