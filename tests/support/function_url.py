"""Events of a function URL, for paths as CloudFront's function has rewritten them."""

import base64
from typing import Any

from lambda_src.iiif.viewer import PREFIX

HOST = "d1.cloudfront.net"


def event(path: str, *, rewritten: bool = True, **headers: str) -> dict[str, Any]:
    """Return the event of a viewer's GET.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
    """
    raw = PREFIX + base64.urlsafe_b64encode(path.encode()).decode().rstrip("=") if rewritten else path
    http = {"method": "GET", "path": raw, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "a"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw,
        "rawQueryString": "",
        "headers": {"x-forwarded-host": HOST, "host": "x.lambda-url.us-east-1.on.aws", **headers},
        "requestContext": {"http": http, "requestId": "1", "stage": "$default"},
        "isBase64Encoded": False,
    }
