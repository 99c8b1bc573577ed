"""The example's own app: `cdk deploy --app "python3 -m examples.any_language.app"`."""

from stacks import start  # isort: skip - before CDK
from constructs import Construct

from examples.any_language.shell_function import ShellFunction
from stacks.settings import Settings


def compose(scope: Construct, settings: Settings) -> None:
    """Create one stack, with the settings in cdk.json."""
    ShellFunction(scope, "ShellFunction", settings=settings)


if __name__ == "__main__":
    start.run(compose)
