"""A Lambda function in Python, packaged with everything that its handler imports."""

from collections.abc import Mapping

import aws_cdk as cdk
import aws_cdk.aws_lambda as lambda_
from constructs import Construct

from runtime.placement.limits import limit
from stacks.bundling import Runtime, bundle
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.alarms import Alarms
from stacks.constructs.function import Function
from stacks.settings import Settings

ONE_VCPU_MB = int(limit("lambda.vcpu_at_mb"))


class PythonFunction(Function):
    """`lambda_src/{name}/handler.py` and what it imports, as a Lambda function."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        timeout: cdk.Duration,
        memory_size: int,
        environment: Mapping[str, str],
        settings: Settings,
        alarms: Alarms,
        ephemeral_storage: cdk.Size | None = None,
        snap_start: lambda_.SnapStartConf | None = None,
    ) -> None:
        runs_on = Runtime.local() if settings.target == "local" else Runtime.aws(settings.architecture)
        code = bundle(name, runs_on)
        super().__init__(
            scope,
            construct_id,
            runtime=lambda_.Runtime.PYTHON_3_13,
            code=lambda_.Code.from_asset(
                str(code.path), asset_hash=code.digest, asset_hash_type=cdk.AssetHashType.CUSTOM
            ),
            handler=f"lambda_src.{name}.handler.handler",
            description=description,
            timeout=timeout,
            memory_size=memory_size,
            environment={
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": cdk.Stack.of(scope).stack_name,
                **environment,
            },
            settings=settings,
            alarms=alarms,
            ephemeral_storage=ephemeral_storage,
            snap_start=snap_start,
        )
        acknowledge(
            self,
            {"AwsSolutions-L1": "Dependencies are pinned for Python 3.13, supported until 2029-06-30."},
        )
