"""Alarms, each with one meaning and one thing to do about it (docs/infrastructure.md); all go to the topic."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from infra.stage import Stage
from infra.storage import LONGEST, Storage

_MIB, _GIB = 1 << 20, 1 << 30
_TOO_MANY, _TOO_FEW = (
    cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
)


class Alarms(Construct):
    """Alarms of the stage, on things that need not stand yet: they go by name."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, storage: Storage) -> None:
        super().__init__(scope, name)
        self._stage = stage
        self._action = actions.SnsAction(storage.topic)
        self._watch_files(storage)
        self._watch_function()
        self._watch_site()
        self._watch_database()

    def _watch_files(self, storage: Storage) -> None:
        self._alarm(
            "FailedRuns",
            "A file couldn't be loaded: its run in the admin says why.",
            # What the function writes into its log, where METRICS_NAMESPACE is its name.
            self._metric(self._stage.title, "Runs", "Sum", Status="failed"),
            0,
        )
        self._alarm(
            "DeadLetters",
            "News of a file was handed out too often without success: mend the cause, then redrive the queue.",
            storage.dead.metric_approximate_number_of_messages_visible(period=_period(5), statistic="Maximum"),
            0,
        )
        self._alarm(
            "OldestMessage",
            "A file has waited for half an hour: the function fails, is slower than files come, or isn't called.",
            storage.queue.metric_approximate_age_of_oldest_message(period=_period(5), statistic="Maximum"),
            Duration.minutes(30).to_seconds(),
        )

    def _watch_function(self) -> None:
        function = self._stage.title
        self._alarm(
            "FunctionErrors",
            "The function crashed, ran out of time or memory: its log says where.",
            self._metric("AWS/Lambda", "Errors", "Sum", FunctionName=function),
            0,
        )
        self._alarm(
            "FunctionThrottles",
            "Calls of the function were refused: the account's or the function's concurrency is used up.",
            self._metric("AWS/Lambda", "Throttles", "Sum", FunctionName=function),
            0,
        )
        self._alarm(
            "FunctionDuration",
            "A call took nine tenths of the time there is: a file is nearly too big for one worker.",
            self._metric("AWS/Lambda", "Duration", "Maximum", FunctionName=function),
            0.9 * LONGEST.to_milliseconds(),
        )
        if not self._stage.is_ipv6:  # there RDS changes the password by itself
            self._alarm(
                "RotationErrors",
                "The database's password couldn't be changed; the old one still holds.",
                self._metric("AWS/Lambda", "Errors", "Sum", FunctionName=f"{function}-rotation"),
                0,
            )

    def _watch_site(self) -> None:
        self._alarm(
            "SiteErrors",
            "Pages of the site failed (answers of 500 and above): the function's log has the traceback.",
            self._metric("AWS/ApiGateway", "5XXError", "Sum", ApiName=self._stage.title, Stage=self._stage.name),
            0,
        )

    def _watch_database(self) -> None:
        stage = self._stage
        self._alarm(
            "DatabaseStorage",
            "The database has grown up to its limit and is nearly full: raise database_storage_limit_gib.",
            self._database("FreeStorageSpace", "Minimum"),
            2 * _GIB,
            breach=_TOO_FEW,
        )
        self._alarm(
            "DatabaseConnections",
            "Four fifths of the database's connections are taken.",
            self._database("DatabaseConnections", "Maximum"),
            stage.database_connections * 4 // 5,
        )
        self._alarm(
            "DatabaseCpu",
            "The database's CPU has been over 90% for half an hour: loads and pages are slow.",
            self._database("CPUUtilization", "Average"),
            90,
            periods=6,
        )
        self._alarm(
            "DatabaseMemory",
            "The database has had less than 64 MiB of memory free for a quarter of an hour.",
            self._database("FreeableMemory", "Maximum"),
            64 * _MIB,
            breach=_TOO_FEW,
            periods=3,
        )
        if stage.database_class.startswith("t"):
            self._alarm(
                "DatabaseCredits",
                "The database has used up its CPU credits for an hour; more are charged. A new one begins so.",
                self._database("CPUCreditBalance", "Maximum"),
                10,
                breach=_TOO_FEW,
                periods=12,
            )

    def _database(self, name: str, statistic: str) -> cloudwatch.Metric:
        return self._metric("AWS/RDS", name, statistic, DBInstanceIdentifier=self._stage.title)

    def _metric(self, namespace: str, name: str, statistic: str, **dimensions: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace, metric_name=name, dimensions_map=dimensions, statistic=statistic, period=_period(5)
        )

    def _alarm(
        self,
        name: str,
        meaning: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        *,
        breach: cloudwatch.ComparisonOperator = _TOO_MANY,
        periods: int = 1,
    ) -> None:
        raise_alarm(self, name, self._stage, self._action, meaning, metric, threshold, breach=breach, periods=periods)


def raise_alarm(
    scope: Construct,
    name: str,
    stage: Stage,
    action: cloudwatch.IAlarmAction,
    meaning: str,
    metric: cloudwatch.IMetric,
    threshold: float,
    *,
    breach: cloudwatch.ComparisonOperator = _TOO_MANY,
    periods: int = 1,
    missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
) -> None:
    """Raise when ``metric`` is beyond ``threshold`` for so many periods; say when it is over, too."""
    alarm = cloudwatch.Alarm(
        scope,
        name,
        alarm_name=f"{stage.title}-{name}",
        alarm_description=meaning,
        metric=metric,
        threshold=threshold,
        comparison_operator=breach,
        evaluation_periods=periods,
        treat_missing_data=missing,
    )
    alarm.add_alarm_action(action)
    alarm.add_ok_action(action)


def _period(minutes: int) -> Duration:
    return Duration.minutes(minutes)
