"""The function of examples/any_language again, in Python: the same tests cover both."""

import json
import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambda_src.renditions.upload import Put, UploadProcessor
from runtime.events import parse_event
from runtime.imaging.download import Body
from runtime.rejection import Reason, Rejected
from runtime.results import Output
from runtime.slim_s3 import S3
from runtime.sqs_batch import Outcome, each_message


class Numbered:
    """Implements lambda_src.renditions.upload.Work."""

    max_bytes = 10_000_000

    def make(self, body: Body, put: Put) -> dict[str, Any]:
        text = body.read()
        if b"\0" in text:
            raise Rejected(Reason.UNSUPPORTED_FORMAT, "The file holds a NUL byte: it is not text.")
        lines = text.split(b"\n")
        lines = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
        put("numbered.txt", b"".join(b"%d %s" % line for line in enumerate(lines, start=1)), "text/plain")
        put("count.json", json.dumps(len(lines)).encode(), "application/json")
        return {"lines": len(lines)}


s3 = S3()
processor = UploadProcessor(s3=s3, output=Output(s3=s3, bucket=os.environ["OUTPUT_BUCKET"]), work=Numbered())


def _work(message: dict[str, Any], _context: LambdaContext) -> Outcome:
    return processor.run(parse_event(message))


handler = each_message(_work)
