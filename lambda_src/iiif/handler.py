"""The IIIF service behind a function URL; the service starts once per execution environment."""

import json
import logging
import os
import sys
import urllib.request
from typing import Any

from mangum import Mangum
from mangum.types import LambdaContext

from container.service.app import Service, log
from container.service.settings import Settings
from container.service.stores import store_of
from lambda_src.iiif.viewer import Viewer

# Lines are printed as they are: CloudWatch extracts no metrics from a message in Lambda's own JSON.
log.addHandler(logging.StreamHandler(sys.stdout))
log.setLevel(logging.INFO)
log.propagate = False

settings = Settings.from_variables(os.environ)
service = Service(settings, store_of(settings))
service.ready = True
# With ASGI's lifespan, Mangum would start and end the service with every event, which closes its pools.
_answer = Mangum(service.application(), lifespan="off", custom_handlers=[Viewer])


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request; end the process if work outlasts the request, as after a missed deadline."""
    answer = _answer(event, context)
    service.print_metrics()
    if service.is_at_work:
        _answer_and_end(answer, context.aws_request_id)
    return answer


def _answer_and_end(answer: dict[str, Any], request_id: str) -> None:
    """Send the answer and end the process, whose thread would otherwise run on into the next invocation.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-response
    """
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    if not address:  # not in Lambda
        return
    url = f"http://{address}/2018-06-01/runtime/invocation/{request_id}/response"
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(answer).encode())).close()
    sys.stdout.flush()
    os._exit(0)
