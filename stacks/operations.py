"""One dashboard that compares the patterns: latency, failures and throughput."""

from dataclasses import dataclass

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
from constructs import Construct

from container.queue_worker import metrics as queue
from container.service import metrics as iiif
from lambda_src.renditions import metrics as renditions
from lambda_src.views import metrics as views
from runtime.jobs import metrics as jobs
from stacks.settings import Settings

PERIOD = cdk.Duration.minutes(5)
WIDTH = 12


class Operations(cdk.Stack):
    """A dashboard of metrics, without references to resources of other stacks.

    It finds metrics by namespace, which is the name of the pattern's stack. Each pattern can therefore be
    deployed, copied and destroyed without this stack.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description="Dashboard that compares the patterns",
        )
        photos = _Counted(settings.stack_name("LambdaPattern"), renditions.SERVICE)
        images = _Counted(settings.stack_name("FargatePattern"), iiif.SERVICE)
        answers = _Counted(settings.stack_name("LambdaService"), iiif.SERVICE)
        dispatcher = _Counted(settings.stack_name("HybridPattern"), jobs.Service.DISPATCHER)
        tracker = _Counted(settings.stack_name("HybridPattern"), jobs.Service.TRACKER)
        worker = _Counted(settings.stack_name("QueuePattern"), queue.SERVICE)
        stream = _Counted(settings.stack_name("StreamPattern"), views.SERVICE)

        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=cdk.Duration.hours(24))
        dashboard.add_widgets(
            _graph(
                "Latency, p99, ms",
                photos.metric(renditions.Metric.LATENCY, "a photo", "p99"),
                images.metric(iiif.Metric.LATENCY, "an image request", "p99"),
                answers.metric(iiif.Metric.LATENCY, "an image request by a function", "p99"),
                dispatcher.metric(jobs.Metric.LATENCY, "a scan, or the start of its task", "p99"),
                worker.metric(queue.Metric.LATENCY, "a scan from the queue", "p99"),
            ),
            _graph(
                "Errors",
                photos.metric(renditions.Metric.FAILED, "photos, tried again"),
                images.metric(iiif.Metric.ERRORS, "image requests"),
                answers.metric(iiif.Metric.ERRORS, "image requests by a function"),
                dispatcher.metric(jobs.Metric.FAILED, "scans, tried again"),
                dispatcher.metric(jobs.Metric.JOB_FAILED, "jobs that could not start"),
                tracker.metric(jobs.Metric.JOB_FAILED, "jobs"),
                worker.metric(queue.Metric.FAILED, "scans from the queue, tried again"),
                stream.metric(views.Metric.NOT_COUNTED, "records, tried again"),
                stream.metric(views.Metric.MALFORMED, "records that are malformed"),
            ),
        )
        dashboard.add_widgets(
            _graph(
                "Throughput",
                photos.metric(renditions.Metric.PUBLISHED, "photos"),
                images.metric(iiif.Metric.REQUESTS, "image requests"),
                answers.metric(iiif.Metric.REQUESTS, "image requests by a function"),
                dispatcher.metric(jobs.Metric.DONE_BY_LAMBDA, "scans by the function"),
                dispatcher.metric(jobs.Metric.TASK_STARTED, "scans by a task"),
                worker.metric(queue.Metric.DONE, "scans from the queue"),
                stream.metric(views.Metric.VIEWS, "views counted"),
            ),
        )


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=WIDTH)


@dataclass(frozen=True)
class _Counted:
    """The metrics of one service in a namespace."""

    namespace: str
    service: str

    def metric(self, name: str, label: str, statistic: str = "Sum") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self.namespace,
            metric_name=name,
            dimensions_map={"service": self.service},
            statistic=statistic,
            period=PERIOD,
            label=label,
        )
