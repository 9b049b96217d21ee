"""Files come in encrypted, stay in versions, and tell the queue; nothing of it is open to anybody."""

from tests.infra.template import Stacks, statements


def test_every_bucket_is_encrypted_and_closed(stage: Stacks) -> None:
    buckets = stage["app"].all("AWS::S3::Bucket")
    assert len(buckets) == 3
    for bucket in buckets.values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        files = bucket.get("BucketName") and stage.stage == "full"  # where the stage has a key of its own
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == ("aws:kms" if files else "AES256")
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_every_bucket_refuses_what_is_not_tls(stage: Stacks) -> None:
    policies = stage["app"].all("AWS::S3::BucketPolicy").values()
    assert {policy["Bucket"].strip("<>") for policy in policies} == stage["app"].all("AWS::S3::Bucket").keys()
    for policy in policies:
        denied = [each for each in statements(policy["PolicyDocument"]) if each["Effect"] == "Deny"]
        conditions = [each["Condition"] for each in denied]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions
        assert all(each["Action"] == ["s3:*"] and len(each["Resource"]) == 2 for each in denied)


def test_files_are_kept_in_versions_and_access_is_logged(stage: Stacks) -> None:
    bucket = stage["app"].one("AWS::S3::Bucket", "StorageBucket")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["LoggingConfiguration"]["DestinationBucketName"].startswith("<StorageAccessLogs")


def test_pages_of_the_admin_may_send_and_no_others_may_anything(full: Stacks) -> None:
    cors = full["app"].one("AWS::S3::Bucket", "StorageBucket")["CorsConfiguration"]
    condition, known, unknown = cors["Fn::If"]
    assert unknown == "<AWS::NoValue>"
    (rule,) = known["CorsRules"]
    assert rule["AllowedMethods"] == ["PUT"]
    assert rule["AllowedOrigins"] == ["<AdminOrigin>"]
    assert "*" not in rule["AllowedHeaders"]
    assert full["app"].whole["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AdminOrigin"}, ""]}]}


def test_the_address_of_the_admin_is_a_parameter_and_no_pattern(by_default: Stacks, full: Stacks) -> None:
    import re

    parameter = by_default["app"].whole["Parameters"]["AdminOrigin"]
    assert parameter["Default"] == ""
    assert full["app"].whole["Parameters"]["AdminOrigin"]["Default"] == "https://files.example.com"
    for wrong in ("*", "https://*.example.com", "http://files.example.com", "https://files.example.com/admin"):
        assert not re.search(parameter["AllowedPattern"], wrong)


def test_what_nobody_needs_any_more_goes(by_default: Stacks) -> None:
    rules = by_default["app"].one("AWS::S3::Bucket", "StorageBucket")["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    whole = [rule for rule in rules if "Prefix" not in rule]
    assert {"DaysAfterInitiation": 7} in [rule.get("AbortIncompleteMultipartUpload") for rule in whole]
    assert {"NoncurrentDays": 90} in [rule.get("NoncurrentVersionExpiration") for rule in whole]
    assert not any("ExpirationInDays" in rule for rule in whole)
    expire = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    assert expire == {"data/_preview/": 1, "_exports/": 7, "data/_exports/": 7}


def test_without_a_prefix_the_whole_bucket_is_told_of(full: Stacks) -> None:
    bucket = full["app"].one("AWS::S3::Bucket", "StorageBucket")
    (told,) = bucket["NotificationConfiguration"]["QueueConfigurations"]
    assert "Filter" not in told
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert [rule["Prefix"] for rule in rules if "Prefix" in rule] == ["_preview/", "_exports/"]


def test_the_bucket_tells_the_queue_of_every_object_below_the_prefix(by_default: Stacks) -> None:
    bucket = by_default["app"].resource("AWS::S3::Bucket", "StorageBucket")
    (told,) = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert told["Event"] == "s3:ObjectCreated:*"
    assert told["Filter"] == {"S3Key": {"Rules": [{"Name": "prefix", "Value": "data/"}]}}
    assert told["Queue"]["Fn::GetAtt"][0].startswith("StorageFiles")
    assert any(name.startswith("StorageFilesPolicy") for name in bucket["DependsOn"])


def test_this_bucket_alone_may_tell_the_queue(stage: Stacks) -> None:
    policy = stage["app"].one("AWS::SQS::QueuePolicy", "StorageFilesPolicy")["PolicyDocument"]
    (let,) = [each for each in statements(policy) if each["Effect"] == "Allow"]
    assert let["Principal"] == {"Service": "s3.amazonaws.com"}
    assert let["Action"] == ["sqs:SendMessage"]
    bucket = stage["app"].one("AWS::S3::Bucket", "StorageBucket")["BucketName"]
    assert let["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"arn:<AWS::Partition>:s3:::{bucket}"},
        "StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"},
    }


def test_queues_are_encrypted_and_refuse_what_is_not_tls(stage: Stacks) -> None:
    queues = stage["app"].all("AWS::SQS::Queue")
    assert len(queues) == 2
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())
    for policy in stage["app"].all("AWS::SQS::QueuePolicy").values():
        denied = [each for each in statements(policy["PolicyDocument"]) if each["Effect"] == "Deny"]
        assert [each["Condition"] for each in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_no_message_is_lost_before_somebody_looked(stage: Stacks) -> None:
    queue = stage["app"].one("AWS::SQS::Queue", "StorageFiles")
    dead = next(name for name in stage["app"].all("AWS::SQS::Queue") if name.startswith("StorageDeadLetters"))
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": f"<{dead}.Arn>", "maxReceiveCount": 5}
    for each in stage["app"].all("AWS::SQS::Queue").values():
        assert each["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_message_comes_again_only_after_the_function_must_have_ended(stage: Stacks) -> None:
    """AWS advises six times as long as the function may take, and refuses less than once."""
    assert stage["app"].one("AWS::SQS::Queue", "StorageFiles")["VisibilityTimeout"] == 6 * 900


def test_alarms_reach_the_topic_by_tls_and_nobody_else_s_do(stage: Stacks) -> None:
    deny, let = statements(stage["app"].one("AWS::SNS::TopicPolicy")["PolicyDocument"])
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert (let["Effect"], let["Principal"]) == ("Allow", {"Service": "cloudwatch.amazonaws.com"})
    assert let["Condition"] == {"StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"}}


def test_somebody_gets_the_alarms_if_the_stage_says_who(by_default: Stacks, full: Stacks) -> None:
    assert "AWS::SNS::Subscription" not in by_default["app"].kinds()
    subscription = full["app"].one("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")


def test_files_stay_when_the_stack_goes_unless_the_stage_says_otherwise(
    by_default: Stacks, unprotected: Stacks
) -> None:
    kept = by_default["app"].resource("AWS::S3::Bucket", "StorageBucket")
    assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert unprotected["app"].resource("AWS::S3::Bucket", "StorageBucket")["DeletionPolicy"] == "Delete"
    assert by_default["app"].outputs["Protected"] == "true"
    assert unprotected["app"].outputs["Protected"] == "false"


def test_the_site_s_key_is_made_by_aws(stage: Stacks) -> None:
    made = stage["app"].one("AWS::SecretsManager::Secret", "StorageSite")["GenerateSecretString"]
    assert made == {"PasswordLength": 64, "ExcludePunctuation": True}


def test_a_stack_that_never_stood_leaves_no_bucket_in_the_next_one_s_way(stage: Stacks) -> None:
    buckets = [each for each in stage["app"].whole["Resources"].values() if each["Type"] == "AWS::S3::Bucket"]
    assert {each["DeletionPolicy"] for each in buckets} <= {"RetainExceptOnCreate", "Delete"}


def test_what_goes_with_the_stack_is_told_so_that_it_can_be_emptied_first(unprotected: Stacks) -> None:
    app = unprotected["app"]
    gone = {
        f"<{name}>"
        for name, each in app.whole["Resources"].items()
        if each["Type"] == "AWS::S3::Bucket" and each["DeletionPolicy"] == "Delete"
    }
    assert gone == {app.outputs["BucketName"], app.outputs["CodeBucketName"]}
