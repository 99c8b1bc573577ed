"""The whole app at a glance: settings, network, one stack per pattern, and a dashboard across them."""

from stacks import start  # isort: skip - before CDK
from constructs import Construct

from stacks.fargate_pattern.stack import FargatePattern
from stacks.hybrid_pattern.stack import HybridPattern
from stacks.lambda_pattern.stack import LambdaPattern
from stacks.lambda_service.stack import LambdaService
from stacks.network import Network
from stacks.operations import Operations
from stacks.queue_pattern.stack import QueuePattern
from stacks.settings import Settings
from stacks.stream_pattern.stack import StreamPattern

SERVICES = ("FargatePattern", "LambdaService")
"""Patterns that host the same application, each in its own way."""
PATTERNS = ("LambdaPattern", *SERVICES, "HybridPattern", "QueuePattern", "StreamPattern")
STACKS = ("Network", *PATTERNS, "Operations")


def compose(scope: Construct, settings: Settings) -> None:
    """Create every stack, with the id by which the `cdk` CLI selects it."""
    network = Network(scope, "Network", settings=settings)
    LambdaPattern(scope, "LambdaPattern", settings=settings)
    fargate = FargatePattern(scope, "FargatePattern", network=network, settings=settings)
    service = LambdaService(scope, "LambdaService", settings=settings)
    hybrid = HybridPattern(scope, "HybridPattern", network=network, settings=settings)
    queue = QueuePattern(scope, "QueuePattern", network=network, settings=settings)
    stream = StreamPattern(scope, "StreamPattern", settings=settings)
    stream.count_views_of(*(one.distribution for one in (fargate, service, hybrid, queue)))
    Operations(scope, "Operations", settings=settings)


if __name__ == "__main__":
    start.run(compose)
