"""What calls the function, what is told when it fails, and what the other commands are given to go on with."""

from tests.infra.template import Stacks

ALARMS = {
    "FailedRuns": ("ingest-plain", "Runs", 0),
    "DeadLetters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", 0),
    "OldestMessage": ("AWS/SQS", "ApproximateAgeOfOldestMessage", 30 * 60),
    "FunctionErrors": ("AWS/Lambda", "Errors", 0),
    "FunctionThrottles": ("AWS/Lambda", "Throttles", 0),
    "FunctionDuration": ("AWS/Lambda", "Duration", 810_000),
    "RotationErrors": ("AWS/Lambda", "Errors", 0),
    "DatabaseStorage": ("AWS/RDS", "FreeStorageSpace", 2 << 30),
    "DatabaseConnections": ("AWS/RDS", "DatabaseConnections", 64),
    "DatabaseCpu": ("AWS/RDS", "CPUUtilization", 90),
    "DatabaseMemory": ("AWS/RDS", "FreeableMemory", 64 << 20),
    "SiteErrors": ("AWS/ApiGateway", "5XXError", 0),
    "DatabaseCredits": ("AWS/RDS", "CPUCreditBalance", 10),
}


def test_the_queue_calls_the_function_for_each_file_with_a_cap(by_default: Stacks, full: Stacks) -> None:
    for stage, writers in ((by_default, 4), (full, 10)):
        mapping = stage["trigger"].one("AWS::Lambda::EventSourceMapping")
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": writers}
        assert mapping["BatchSize"] == 1
        assert "StorageFiles" in mapping["EventSourceArn"]["Fn::ImportValue"]


def test_the_clock_calls_the_function_every_five_minutes_and_may(by_default: Stacks) -> None:
    rule = by_default["trigger"].one("AWS::Events::Rule")
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(5 minutes)", "ENABLED")
    (target,) = rule["Targets"]
    function = "arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:function:ingest-plain"
    assert target["Arn"] == function
    permission = by_default["trigger"].one("AWS::Lambda::Permission")
    assert (permission["FunctionName"], permission["Principal"]) == (function, "events.amazonaws.com")
    assert permission["SourceArn"].startswith("<TriggerClock")


def test_a_clock_that_stops_is_told_of(stage: Stacks) -> None:
    """It has no news of its own: what alarms is that there is none. The alarm goes with the clock."""
    rule = stage["trigger"].one("AWS::Events::Rule")
    alarm = stage["trigger"].one("AWS::CloudWatch::Alarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Events", "Invocations")
    assert alarm["Dimensions"] == [{"Name": "RuleName", "Value": rule["Name"]}]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 30 * 60
    assert alarm["TreatMissingData"] == "breaching"
    assert "StorageMessages" in alarm["AlarmActions"][0]["Fn::ImportValue"]
    assert alarm["AlarmActions"] == alarm["OKActions"]


def test_each_alarm_watches_its_own_thing(by_default: Stacks) -> None:
    found = {}
    for alarm in by_default["app"].all("AWS::CloudWatch::Alarm").values():
        name = alarm["AlarmName"].removeprefix("ingest-plain-")
        found[name] = (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"])
        low = name in ("DatabaseStorage", "DatabaseCredits", "DatabaseMemory")
        assert alarm["ComparisonOperator"] == ("LessThanThreshold" if low else "GreaterThanThreshold")
        assert alarm["TreatMissingData"] == "notBreaching"
    assert found == ALARMS


def test_each_alarm_goes_by_the_name_that_its_thing_has(by_default: Stacks) -> None:
    app = by_default["app"]
    dimensions = {
        alarm["AlarmName"].removeprefix("ingest-plain-"): {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        for alarm in app.all("AWS::CloudWatch::Alarm").values()
    }
    database = by_default["data"].one("AWS::RDS::DBInstance")["DBInstanceIdentifier"]
    rotation = by_default["data"].one("AWS::SecretsManager::RotationSchedule")["HostedRotationLambda"]
    for name, told in dimensions.items():
        if name.startswith("Database"):
            assert told == {"DBInstanceIdentifier": database}
        elif name.startswith("Function"):
            assert told == {"FunctionName": app.outputs["FunctionName"]}
    assert dimensions["RotationErrors"] == {"FunctionName": rotation["RotationLambdaName"]}
    assert dimensions["SiteErrors"] == {"ApiName": app.outputs["FunctionName"], "Stage": "plain"}  # zappa's names
    assert dimensions["FailedRuns"] == {"Status": "failed"}
    assert dimensions["DeadLetters"]["QueueName"].startswith("<StorageDeadLetters")
    assert dimensions["OldestMessage"]["QueueName"].startswith("<StorageFiles")


def test_alarms_tell_the_topic_when_they_begin_and_end(stage: Stacks) -> None:
    topic = [f"<{next(iter(stage['app'].all('AWS::SNS::Topic')))}>"]
    for alarm in stage["app"].all("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == topic
        assert len(alarm["AlarmDescription"]) > 30


def test_credits_are_watched_where_there_are_some(full: Stacks) -> None:
    names = {alarm["AlarmName"] for alarm in full["app"].all("AWS::CloudWatch::Alarm").values()}
    assert names == {f"ingest-full-{name}" for name in ALARMS if name != "DatabaseCredits"}


def test_the_database_has_the_connections_that_the_alarm_counts_on(by_default: Stacks) -> None:
    parameters = by_default["data"].one("AWS::RDS::DBParameterGroup")["Parameters"]
    assert int(parameters["max_connections"]) * 4 // 5 == ALARMS["DatabaseConnections"][2]
