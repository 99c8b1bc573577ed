"""Start of the CDK apps.

Importing this module before CDK also tunes Python for synth, if the program is an app.py.
"""

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from constructs import Construct

    from stacks.settings import Settings

if Path(sys.argv[0]).name == "app.py":
    sys.dont_write_bytecode = False  # caches bytecode: synth imports 60 MB of CDK
    gc.disable()  # the process lives for two seconds


def run(compose: "Callable[[Construct, Settings], None]") -> None:
    """Synthesise what `compose` adds to an app, with the settings from the app's context."""
    import aws_cdk as cdk

    from stacks.bundling import BundlingError
    from stacks.settings import Settings, SettingsError

    try:
        app = cdk.App()
        compose(app, Settings.from_context(app.node.get_all_context()))
        app.synth()
    except (SettingsError, BundlingError) as error:
        sys.exit(f"Error: {error}")
