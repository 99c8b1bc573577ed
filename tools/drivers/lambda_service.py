"""Client of a deployed LambdaService: requests through the distribution, and the function's name."""

from dataclasses import dataclass

from tools.drivers.viewer import Viewer


@dataclass(frozen=True, kw_only=True)
class FunctionDriver(Viewer):
    """Client of the service; fields as in `Viewer`."""

    @property
    def function(self) -> str:
        """The function's name."""
        return self.outputs["FunctionName"]
