"""The parts of Lambda's context that Powertools and our handlers read."""

from dataclasses import dataclass


@dataclass
class Context:
    """Lambda's context of an invocation. seconds: the time that remains."""

    function_name: str = "function"
    memory_limit_in_mb: int = 1769
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:function"
    aws_request_id: str = "request"
    seconds: float = 60

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)
