"""The whole app at a glance: settings, the network, one stack per pattern, and a dashboard of them all."""

import sys

import stacks.start  # isort: skip  # noqa: F401
import aws_cdk as cdk
from constructs import Construct

from stacks.bundling import BundlingError
from stacks.fargate_pattern.stack import FargatePattern
from stacks.hybrid_pattern.stack import HybridPattern
from stacks.lambda_pattern.stack import LambdaPattern
from stacks.network import Network
from stacks.operations import Operations
from stacks.settings import Settings, SettingsError
from stacks.stream_pattern.stack import StreamPattern

PATTERNS = ("LambdaPattern", "FargatePattern", "HybridPattern", "StreamPattern")
STACKS = ("Network", *PATTERNS, "Operations")


def compose(scope: Construct, settings: Settings) -> None:
    """Every stack. `cdk` selects by these ids; CloudFormation's names are made by `settings.stack_name`."""
    network = Network(scope, "Network", settings=settings)
    LambdaPattern(scope, "LambdaPattern", settings=settings)
    fargate = FargatePattern(scope, "FargatePattern", network=network, settings=settings)
    hybrid = HybridPattern(scope, "HybridPattern", network=network, settings=settings)
    stream = StreamPattern(scope, "StreamPattern", settings=settings)
    stream.count_views_of(fargate.distribution, hybrid.distribution)
    Operations(scope, "Operations", settings=settings)


if __name__ == "__main__":
    try:
        app = cdk.App()
        compose(app, Settings.from_context(app.node.get_all_context()))
        app.synth()
    except (SettingsError, BundlingError) as error:
        sys.exit(f"Error: {error}")
