"""Drives a deployed LambdaService: viewers through the distribution, and its function."""

from dataclasses import dataclass

from tools.drivers.viewer import Viewer


@dataclass(frozen=True, kw_only=True)
class FunctionDriver(Viewer):
    """As `Viewer` says."""

    @property
    def function(self) -> str:
        """Its name."""
        return self.outputs["FunctionName"]
