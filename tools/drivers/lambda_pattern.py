"""Drives a deployed LambdaPattern as its users do: upload, then read what became of it."""

from dataclasses import dataclass

from tools.drivers.uploads import Uploads


@dataclass(frozen=True, kw_only=True)
class LambdaDriver(Uploads):
    """The driver of a deployed LambdaPattern; its fields are those of `Uploads`."""

    def log_group(self) -> str:
        """Where the function writes its log."""
        found = self.client("lambda").get_function_configuration(FunctionName=self.outputs["FunctionName"])
        return str(found["LoggingConfig"]["LogGroup"])
