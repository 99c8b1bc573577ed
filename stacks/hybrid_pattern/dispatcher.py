"""The function that decides where each job runs, with its queue."""

from dataclasses import asdict

import aws_cdk as cdk
import aws_cdk.aws_lambda_event_sources as event_sources
from constructs import Construct

from lambda_src.dispatcher.environment import DispatcherEnvironment
from runtime.jobs.metrics import Service
from runtime.placement.placement import Rules
from stacks.constructs.alarms import Alarms
from stacks.constructs.event_queue import EventQueue, of_function
from stacks.constructs.grants import allow
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.python_function import ONE_VCPU_MB, PythonFunction
from stacks.constructs.s3_events import uploads_and_deletions
from stacks.hybrid_pattern.worker import Worker
from stacks.settings import Settings

TIMEOUT = cdk.Duration.minutes(5)
DISK_MB = 512


class Dispatcher(PythonFunction):
    """Runs small jobs itself and starts a task for larger ones. uploads: its queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        source: PrivateBucket,
        worker: Worker,
        settings: Settings,
        alarms: Alarms,
    ) -> None:
        self.uploads = EventQueue(
            scope,
            "Uploads",
            pattern=uploads_and_deletions(source),
            visibility=of_function(TIMEOUT),
            alarms=alarms,
        )
        super().__init__(
            scope,
            construct_id,
            name=worker.works.dispatcher,
            description=f"Decides where each {worker.works.text} runs; runs small ones itself",
            timeout=TIMEOUT,
            memory_size=ONE_VCPU_MB,
            ephemeral_storage=cdk.Size.mebibytes(DISK_MB),
            environment={
                **DispatcherEnvironment(
                    **asdict(worker.work),
                    lambda_seconds=round(Rules().lambda_seconds),
                    lambda_disk_mb=round(Rules().lambda_disk_mb),
                    spot=settings.spot == "on",
                ).as_variables(),
                **worker.launch.as_variables(),
                **worker.works.variables,
                "POWERTOOLS_SERVICE_NAME": Service.DISPATCHER,
                "VIPS_CONCURRENCY": "2",
                "MALLOC_ARENA_MAX": "2",
            },
            settings=settings,
            alarms=alarms,
        )
        self.add_event_source(
            event_sources.SqsEventSource(
                self.uploads.queue,
                batch_size=1,  # one message may take all of the function's time
                max_concurrency=settings.max_concurrency,
                report_batch_item_failures=True,
            )
        )
        allow(self, ["dynamodb:GetItem", "dynamodb:PutItem"], worker.jobs.table_arn)
        worker.grant_run(self)
