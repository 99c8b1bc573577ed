"""Client of a deployed LambdaPattern: uploads, and reads the results."""

from dataclasses import dataclass

from tools.drivers.uploads import Uploads


@dataclass(frozen=True, kw_only=True)
class LambdaDriver(Uploads):
    """Client of a deployed LambdaPattern; fields as in `Uploads`."""

    def log_group(self) -> str:
        """Return the function's log group."""
        found = self.client("lambda").get_function_configuration(FunctionName=self.outputs["FunctionName"])
        return str(found["LoggingConfig"]["LogGroup"])
