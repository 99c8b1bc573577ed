"""The whole app at a glance: settings, the network, then one stack a pattern."""

import gc
import sys

# Synth imports 60 MB of CDK: with PYTHONDONTWRITEBYTECODE set it would compile all of it at every start.
sys.dont_write_bytecode = False
# It lives for two seconds and keeps nearly all that it makes: looking for garbage would only cost time.
gc.disable()

import aws_cdk as cdk

from stacks.bundling import BundlingError
from stacks.fargate_pattern import FargatePattern
from stacks.hybrid_pattern import HybridPattern
from stacks.lambda_pattern import LambdaPattern
from stacks.network import Network
from stacks.settings import Settings, SettingsError


def main() -> None:
    app = cdk.App()
    settings = Settings.from_context(app.node.get_all_context())
    network = Network(app, "Network", settings=settings)
    LambdaPattern(app, "LambdaPattern", settings=settings)
    FargatePattern(app, "FargatePattern", network=network, settings=settings)
    HybridPattern(app, "HybridPattern", network=network, settings=settings)
    app.synth()


if __name__ == "__main__":
    try:
        main()
    except (SettingsError, BundlingError) as error:
        sys.exit(f"Error: {error}")
