"""Nothing is reached from outside, and by default nothing leads there."""

import json

from tests.infra.template import Stacks, statements

OUTWARD = {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::EIP", "AWS::EC2::Route"}
OUTWARD |= {"AWS::EC2::EgressOnlyInternetGateway", "AWS::EC2::VPCCidrBlock"}


def test_by_default_no_way_leads_out(by_default: Stacks) -> None:
    assert not by_default["data"].kinds() & OUTWARD


def test_there_are_two_zones(by_default: Stacks) -> None:
    zones = [subnet["AvailabilityZone"] for subnet in by_default["data"].all("AWS::EC2::Subnet").values()]
    assert [json.dumps(zone) for zone in zones].count(json.dumps(zones[0])) == 2
    assert len(zones) == 4


def test_no_subnet_gives_public_addresses(stage: Stacks) -> None:
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in stage["data"].all("AWS::EC2::Subnet").values())


def test_the_database_has_no_way_out_even_with_a_nat_gateway(full: Stacks) -> None:
    routes = full["data"].all("AWS::EC2::Route").values()
    assert {route["DestinationCidrBlock"] for route in routes} == {"0.0.0.0/0"}
    assert not any("database" in route["RouteTableId"] for route in routes)
    nets = full["data"].one("AWS::RDS::DBSubnetGroup")["SubnetIds"]
    assert len(nets) == 2
    assert all("databaseSubnet" in net for net in nets)


def test_a_nat_gateway_changes_no_address_inside(by_default: Stacks, full: Stacks) -> None:
    """Subnets whose addresses changed would be replaced, and the database with them."""
    inside = {name: net["CidrBlock"] for name, net in by_default["data"].all("AWS::EC2::Subnet").items()}
    also = {name: net["CidrBlock"] for name, net in full["data"].all("AWS::EC2::Subnet").items()}
    assert inside.items() <= also.items()


def test_nobody_is_let_in_by_address(stage: Stacks) -> None:
    rules = stage["data"].all("AWS::EC2::SecurityGroupIngress").values()
    assert rules
    assert all("SourceSecurityGroupId" in rule and "CidrIp" not in rule for rule in rules)
    groups = stage["data"].all("AWS::EC2::SecurityGroup").values()
    assert not any("SecurityGroupIngress" in group for group in groups)


def test_the_database_is_reached_by_function_and_rotation_alone(by_default: Stacks, full: Stacks) -> None:
    assert _clients(by_default, "NetworkDatabase") == {("NetworkFunction", 5432), ("NetworkRotation", 5432)}
    assert _clients(full, "NetworkDatabase") == _clients(by_default, "NetworkDatabase") | {("BastionGroup", 5432)}


def test_by_ipv6_the_function_s_subnets_reach_out_and_nothing_reaches_in(unprotected: Stacks) -> None:
    data = unprotected["data"]
    assert data.kinds() & OUTWARD == {
        "AWS::EC2::EgressOnlyInternetGateway",
        "AWS::EC2::VPCCidrBlock",
        "AWS::EC2::Route",
    }
    gateway = f"<{next(iter(data.all('AWS::EC2::EgressOnlyInternetGateway')))}.Id>"
    routes = list(data.all("AWS::EC2::Route").values())
    assert len(routes) == 2
    for route in routes:
        assert (route["DestinationIpv6CidrBlock"], route["EgressOnlyInternetGatewayId"]) == ("::/0", gateway)
        assert "function" in route["RouteTableId"]
    for name, subnet in data.all("AWS::EC2::Subnet").items():
        assert ("Ipv6CidrBlock" in subnet) == ("function" in name)
        assert subnet.get("AssignIpv6AddressOnCreation", False) == ("function" in name)
    block = next(iter(data.all("AWS::EC2::VPCCidrBlock")))
    waiting = [each for each in data.whole["Resources"].values() if block in each.get("DependsOn", ())]
    assert [each["Type"] for each in waiting] == ["AWS::EC2::Subnet"] * 2


def test_by_ipv6_only_tls_leaves_and_only_from_the_function(unprotected: Stacks) -> None:
    found = {
        name: rule
        for name, group in unprotected["data"].all("AWS::EC2::SecurityGroup").items()
        for rule in group.get("SecurityGroupEgress", ())
        if "CidrIpv6" in rule
    }
    assert [name[:15] for name in found] == ["NetworkFunction"]
    (rule,) = found.values()
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)


def test_by_ipv6_no_endpoint_is_paid_for_and_s3_keeps_its_free_one(unprotected: Stacks) -> None:
    assert _services(unprotected) == {"s3"}


def test_s3_is_called_at_its_own_addresses_alone_where_they_are_known(by_default: Stacks, full: Stacks) -> None:
    rule = by_default["data"].one("AWS::EC2::SecurityGroupEgress", "NetworkToS3")
    assert rule["DestinationPrefixListId"]["Fn::If"][1:] == ["<S3PrefixList>", "<AWS::NoValue>"]
    assert rule["CidrIp"]["Fn::If"][1:] == ["<AWS::NoValue>", "0.0.0.0/0"]
    assert by_default["data"].whole["Parameters"]["S3PrefixList"]["Default"] == ""
    assert "S3PrefixList" not in full["data"].whole.get("Parameters", {}), "a NAT gateway leads everywhere"


def test_endpoints_are_reached_by_the_same_by_tls(by_default: Stacks, full: Stacks) -> None:
    assert _clients(by_default, "NetworkEndpoints") == {("NetworkFunction", 443), ("NetworkRotation", 443)}
    assert _clients(full, "NetworkEndpoints") == _clients(by_default, "NetworkEndpoints") | {("BastionGroup", 443)}


def test_what_the_function_calls_is_inside(by_default: Stacks, full: Stacks) -> None:
    assert _services(by_default) == {"s3", "secretsmanager", "sqs", "sns"}
    assert _services(full) == _services(by_default) | {"ssm", "ssmmessages"}


def test_by_default_endpoints_stand_in_one_zone_which_costs_half(by_default: Stacks, full: Stacks) -> None:
    for stage, zones in ((by_default, 1), (full, 2)):
        points = stage["data"].all("AWS::EC2::VPCEndpoint").values()
        assert {len(point["SubnetIds"]) for point in points if "SubnetIds" in point} == {zones}


def test_s3_is_reached_for_the_own_bucket_alone(by_default: Stacks) -> None:
    points = by_default["data"].all("AWS::EC2::VPCEndpoint").values()
    (gateway,) = [point for point in points if point["VpcEndpointType"] == "Gateway"]
    (let,) = statements(gateway["PolicyDocument"])
    own = "arn:<AWS::Partition>:s3:::ingest-plain-<AWS::AccountId>-<AWS::Region>"
    assert sorted(let["Resource"]) == [own, f"{own}/*"]
    assert by_default["app"].one("AWS::S3::Bucket", "StorageBucket")["BucketName"] == own.partition(":::")[2]


def test_other_endpoints_let_no_other_account_s_credentials_through(full: Stacks) -> None:
    for point in full["data"].all("AWS::EC2::VPCEndpoint").values():
        if point["VpcEndpointType"] == "Interface":
            (let,) = statements(point["PolicyDocument"])
            assert let["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "<AWS::AccountId>"}}


def test_refused_traffic_is_logged(stage: Stacks) -> None:
    assert stage["data"].one("AWS::EC2::FlowLog")["TrafficType"] == "REJECT"


def test_the_bastion_is_there_only_if_wanted_and_nothing_listens_on_it(by_default: Stacks, full: Stacks) -> None:
    assert "AWS::EC2::Instance" not in by_default["data"].kinds()
    host = full["data"].one("AWS::EC2::Instance")
    assert "KeyName" not in host
    assert "function" in host["SubnetId"]
    assert host["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
    assert not _clients(full, "BastionGroup")
    options = full["data"].one("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]["MetadataOptions"]
    assert options == {"HttpTokens": "required"}


def _clients(stage: Stacks, group: str) -> set[tuple[str, int]]:
    """Which groups are let into ``group``, and at which port."""
    found = set()
    for rule in stage["data"].all("AWS::EC2::SecurityGroupIngress").values():
        if rule["GroupId"].startswith(f"<{group}"):
            assert rule["FromPort"] == rule["ToPort"]
            assert rule["IpProtocol"] == "tcp"
            found.add((rule["SourceSecurityGroupId"].strip("<>").partition(".")[0][:-8], rule["FromPort"]))
    return found


def _services(stage: Stacks) -> set[str]:
    points = stage["data"].all("AWS::EC2::VPCEndpoint").values()
    return {point["ServiceName"].rpartition(".")[2] for point in points}


def test_no_stack_imports_what_another_choice_of_network_would_change(stage: Stacks) -> None:
    """CloudFormation refuses to change a value that is imported: the secret's ARN is a parameter of the app stack."""
    assert not [each for each in stage["data"].whole["Outputs"].values() if "Export" in each]
    assert stage["app"].whole["Parameters"]["DatabaseLoginArn"]["Type"] == "String"
    assert "Fn::ImportValue" not in stage["app"].file.read_text()
