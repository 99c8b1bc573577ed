"""Origin access control of function URLs, to which MiniStack forwards CloudFront's requests unsigned.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html
"""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.services import cloudfront, lambda_svc

NEEDED = {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
"""Both permissions have been required since October 2025:
https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
"""
SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=cloudfront"}
REFUSED = (403, "Forbidden", {"content-type": "application/json"}, b'{"Message":"Forbidden"}')


def sign_requests_for_function_urls() -> None:
    """Sign requests, and refuse them unless the policy of the URL's alias allows the distribution."""
    read, fetch = cloudfront._dataplane_origin, cloudfront._fetch_from_origin

    def read_with_access(element: Any) -> dict[str, Any]:
        return {**read(element), "access": cloudfront._opt_text(element, "OriginAccessControlId")}

    async def fetch_signed(origin: dict[str, Any], method: str, uri: str, query: str, *rest: Any) -> Any:
        host, distribution = cloudfront._registered_function_url(origin), rest[-1]
        access = cloudfront._oacs.get(origin.get("access") or "")
        if not host or not access or access["OriginAccessControlOriginType"] != "lambda":
            return await fetch(origin, method, uri, query, *rest)
        headers, body, _, client, forwarded, _ = rest
        asked = cloudfront._origin_request_headers(origin, headers, client, forwarded)
        asked = {name.lower(): value for name, value in asked.items()} | SIGNED
        (url_id, path) = app._parse_lambda_url(host, uri)
        target = lambda_svc.resolve_function_url(url_id)
        if asked["host"] != host or not allowed(target, distribution) >= NEEDED:
            return REFUSED
        try:
            answer = lambda_svc.handle_function_url_request(
                url_id, method, path, asked, body or b"", parse_qs(query), resolved=target
            )
            status, answered, data = await asyncio.wait_for(answer, origin.get("read_timeout", 30))
        except TimeoutError as error:
            raise cloudfront.OriginTimeout(f"no response from {host}") from error
        return status, "", cloudfront._multidict_from_pairs([*answered.items()]), data

    cloudfront._dataplane_origin, cloudfront._fetch_from_origin = read_with_access, fetch_signed


def allowed(target: tuple[Any, ...], distribution: str) -> set[str]:
    """Return the actions that the function's policy allows a distribution on exactly the URL's alias."""
    account, region, name, qualifier, _ = target
    record, _, _ = lambda_svc._get_func_record_for_ref_in_scope(name, account_id=account, region=region)
    alias = f"arn:aws:lambda:{region}:{account}:function:{name}" + (f":{qualifier}" if qualifier else "")
    return {
        one["Action"]
        for one in record["policy"]["Statement"]
        if one["Resource"] == alias
        and one["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        and distribution in json.dumps(one.get("Condition", {}))
    }
