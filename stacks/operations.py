"""One dashboard that compares the patterns: how long they take, what fails, how much they do, the cost."""

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
from constructs import Construct

from chooser.fixed import SIZES
from chooser.prices import price
from stacks.settings import Settings

PERIOD = cdk.Duration.minutes(5)
WIDTH = 12
ONE_VCPU_GB = 1769 / 1024
GB = 1024**3


class Operations(cdk.Stack):
    """It names no resource of the others: metrics are found by their namespaces and by names that begin with
    a stack's, so that each pattern can be deployed, copied and destroyed without it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id, description="Dashboard that compares the patterns")
        self._settings = settings
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=cdk.Duration.hours(24))
        dashboard.add_widgets(
            self._graph(
                "Latency, p99, ms",
                self._functions("Duration", "p99"),
                self._custom("FargatePattern", "iiif", "Latency", "p99", "image service"),
            ),
            self._graph(
                "Errors",
                self._functions("Errors", "Sum"),
                self._custom("FargatePattern", "iiif", "Errors", "Sum", "image service"),
                self._custom("HybridPattern", "tracker", "JobFailed", "Sum", "jobs"),
                self._custom("HybridPattern", "dispatcher", "JobFailed", "Sum", "jobs that could not start"),
            ),
        )
        dashboard.add_widgets(
            self._graph(
                "Throughput",
                self._custom("LambdaPattern", "renditions", "Published", "Sum", "photos"),
                self._custom("FargatePattern", "iiif", "Requests", "Sum", "image requests"),
                self._custom("HybridPattern", "dispatcher", "DoneByLambda", "Sum", "scans by the function"),
                self._custom("HybridPattern", "dispatcher", "TaskStarted", "Sum", "scans by a task"),
            ),
            self._graph("Compute, estimated USD an hour", *self._costs()),
        )

    def _graph(self, title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(title=title, left=list(metrics), width=WIDTH)

    def _custom(
        self, namespace: str, service: str, name: str, statistic: str, label: str
    ) -> cloudwatch.Metric:
        dimension = "Service" if namespace == "FargatePattern" else "service"  # Powertools writes it small
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={dimension: service},
            statistic=statistic,
            period=PERIOD,
            label=label,
        )

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

    def _costs(self) -> list[cloudwatch.IMetric]:
        """By list prices: functions by their time, tasks by what ECS says that they use of CPU and memory."""
        hour = 3600 / PERIOD.to_seconds()
        function = price(f"lambda_gb_second_{self._settings.architecture}").usd * ONE_VCPU_GB / 1000 * hour
        vcpu = price(f"fargate_vcpu_hour_{self._settings.architecture}").usd
        gigabyte = price(f"fargate_gb_hour_{self._settings.architecture}").usd
        found = []
        for stack in ("LambdaPattern", "HybridPattern"):
            duration = f'{{AWS/Lambda,FunctionName}} MetricName="Duration" {stack}'
            found.append(self._sum(f"SEARCH('{duration}', 'Sum', 300)", function, f"functions of {stack}"))
        tasks = self._custom("HybridPattern", "tracker", "VcpuSeconds", "Sum", "")
        memory = self._custom("HybridPattern", "tracker", "GbSeconds", "Sum", "")
        found.append(
            cloudwatch.MathExpression(
                expression=f"(FILL(cpu, 0) * {vcpu} + FILL(memory, 0) * {gigabyte}) / 3600 * {hour:g}",
                using_metrics={"cpu": tasks, "memory": memory},
                period=PERIOD,
                label="tasks of HybridPattern that ended",
            )
        )
        hosts = '{AWS/ApplicationELB,LoadBalancer,TargetGroup} MetricName="HealthyHostCount" Fargat'
        _, vcpus, gigabytes = SIZES[self._settings.stage]
        each = vcpus * vcpu + gigabytes * gigabyte
        found.append(self._sum(f"SEARCH('{hosts}', 'Average', 300)", each, "tasks of FargatePattern"))
        return [*found]

    def _sum(self, search: str, times: float, label: str) -> cloudwatch.MathExpression:
        return cloudwatch.MathExpression(
            expression=f"SUM({search}) * {times:.10f}", using_metrics={}, period=PERIOD, label=label
        )
