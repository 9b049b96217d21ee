"""What calls the function, once it stands: the queue with every new file, and the clock."""

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as function
from constructs import Construct

from infra.alarms import raise_alarm
from infra.stage import Stage
from infra.storage import Storage

EVERY = Duration.minutes(5)
"""So often `on_schedule` takes up what waits and what died with its worker."""


class Trigger(Construct):
    """Queue -> function, and clock -> function, which both go by the function's name."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, storage: Storage) -> None:
        super().__init__(scope, name)
        called = function.Function.from_function_attributes(
            self,
            "Function",
            function_arn=Stack.of(self).format_arn(
                service="lambda",
                resource="function",
                resource_name=stage.title,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
            same_environment=True,
        )
        self.mapping = function.EventSourceMapping(
            self,
            "Files",
            target=called,
            event_source_arn=storage.queue.queue_arn,
            batch_size=1,  # a file of minutes keeps no other one waiting
            max_concurrency=stage.writers,
            report_batch_item_failures=True,
        )
        self.clock = events.Rule(
            self,
            "Clock",
            rule_name=f"{stage.title}-clock",
            description=f"Lets {stage.title} take up what waits",
            schedule=events.Schedule.rate(EVERY),
        )
        # An event that isn't delivered is worth nothing five minutes later.
        self.clock.add_target(targets.LambdaFunction(called, retry_attempts=0, max_event_age=Duration.minutes(1)))
        self._watch_clock(stage, storage)

    def _watch_clock(self, stage: Stage, storage: Storage) -> None:
        """Say so when the clock no longer calls: the alarm comes and goes with it, and silence is what it means."""
        raise_alarm(
            self,
            "ClockStopped",
            stage,
            actions.SnsAction(storage.topic),
            "The schedule hasn't run for half an hour: interrupted runs, late datasets and messages wait for it.",
            cloudwatch.Metric(
                namespace="AWS/Events",
                metric_name="Invocations",
                dimensions_map={"RuleName": f"{stage.title}-clock"},
                statistic="Sum",
                period=EVERY,
            ),
            1,
            breach=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            periods=6,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
