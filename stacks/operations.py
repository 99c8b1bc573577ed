"""One dashboard that compares the patterns: how long they take, what fails, how much they do."""

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
from constructs import Construct

from container.service import metrics as iiif
from lambda_src.renditions import metrics as renditions
from runtime.jobs import metrics as jobs

PERIOD = cdk.Duration.minutes(5)
WIDTH = 12


class Operations(cdk.Stack):
    """It names no resource of the others: metrics are found by their namespaces and by names that begin with
    a stack's, so that each pattern can be deployed, copied and destroyed without it.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, description="Dashboard that compares the patterns")
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=cdk.Duration.hours(24))
        dashboard.add_widgets(
            self._graph(
                "Latency, p99, ms",
                self._functions("Duration", "p99"),
                self._images(iiif.Metric.LATENCY, "image service", statistic="p99"),
            ),
            self._graph(
                "Errors",
                self._functions("Errors", "Sum"),
                self._images(iiif.Metric.ERRORS, "image service"),
                self._jobs(jobs.Service.TRACKER, jobs.Metric.JOB_FAILED, "jobs"),
                self._jobs(jobs.Service.DISPATCHER, jobs.Metric.JOB_FAILED, "jobs that could not start"),
            ),
        )
        dashboard.add_widgets(
            self._graph(
                "Throughput",
                self._photos(renditions.Metric.PUBLISHED, "photos"),
                self._images(iiif.Metric.REQUESTS, "image requests"),
                self._jobs(jobs.Service.DISPATCHER, jobs.Metric.DONE_BY_LAMBDA, "scans by the function"),
                self._jobs(jobs.Service.DISPATCHER, jobs.Metric.TASK_STARTED, "scans by a task"),
            ),
        )

    def _graph(self, title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(title=title, left=list(metrics), width=WIDTH)

    def _photos(self, metric: renditions.Metric, label: str) -> cloudwatch.Metric:
        return _counted(renditions.NAMESPACE, renditions.SERVICE, metric, label)

    def _images(self, metric: iiif.Metric, label: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        return _counted(iiif.NAMESPACE, iiif.SERVICE, metric, label, statistic)

    def _jobs(self, service: jobs.Service, metric: jobs.Metric, label: str) -> cloudwatch.Metric:
        return _counted(jobs.NAMESPACE, service, metric, label)

    def _functions(self, name: str, statistic: str) -> cloudwatch.MathExpression:
        patterns = "(LambdaPattern OR HybridPattern)"
        return self._search(f'{{AWS/Lambda,FunctionName}} MetricName="{name}" {patterns}', statistic)

    def _search(self, what: str, statistic: str) -> cloudwatch.MathExpression:
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{what}', '{statistic}', {PERIOD.to_seconds():.0f})",
            using_metrics={},
            period=PERIOD,
            label="",
        )


def _counted(
    namespace: str, service: str, name: str, label: str, statistic: str = "Sum"
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map={"service": service},
        statistic=statistic,
        period=PERIOD,
        label=label,
    )
