"""CloudFormation types and attributes that MiniStack lacks."""

import hashlib
import uuid
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudfront
from ministack.services.cloudformation import provisioners

HANDLERS = provisioners._RESOURCE_HANDLERS
Properties = dict[str, Any]


def tell_the_range_of_a_vpc() -> None:
    """Add Fn::GetAtt Vpc.CidrBlock."""
    vpc = HANDLERS["AWS::EC2::VPC"]
    create = vpc["create"]

    def create_with_range(logical_id: str, properties: Properties, stack: str) -> Any:
        physical_id, attributes = create(logical_id, properties, stack)
        return physical_id, {"CidrBlock": properties["CidrBlock"], **attributes}

    vpc["create"] = create_with_range


def make_vpc_origins() -> None:
    """Add AWS::CloudFront::VpcOrigin: MiniStack has CreateVpcOrigin, but not the CloudFormation type."""

    def create(logical_id: str, properties: Properties, stack: str) -> Any:
        status, headers, answer = cloudfront._create_vpc_origin(_vpc_origin_request(properties))
        if status >= 300:
            raise ValueError(answer.decode())
        origin_id = headers["Location"].rsplit("/", 1)[-1]
        return origin_id, {"Id": origin_id, "Arn": cloudfront._vpc_origins[origin_id]["Arn"]}

    def delete(origin_id: str, properties: Properties) -> None:
        etag = cloudfront._get_vpc_origin(origin_id)[1]["ETag"]
        status, _, answer = cloudfront._delete_vpc_origin(origin_id, {"if-match": etag})
        if status >= 300:
            raise ValueError(answer.decode())

    HANDLERS.setdefault("AWS::CloudFront::VpcOrigin", {"create": create, "delete": delete})


def ask_vpc_origins_as_they_say() -> None:
    """Send requests to a VPC origin with its own ports and protocol, which MiniStack ignores."""
    read = cloudfront._dataplane_origin

    def read_with_vpc_origin(element: Any) -> dict[str, Any]:
        origin: dict[str, Any] = read(element)
        used = cloudfront._find(element, "VpcOriginConfig")
        if used is None:
            return origin
        made = cloudfront._vpc_origins[cloudfront._text(used, "VpcOriginId")]["VpcOriginEndpointConfig"]
        return origin | {
            "http_port": made["HTTPPort"],
            "https_port": made["HTTPSPort"],
            "protocol_policy": made["OriginProtocolPolicy"],
            "read_timeout": int(cloudfront._text(used, "OriginReadTimeout") or 30),
        }

    cloudfront._dataplane_origin = read_with_vpc_origin


def _vpc_origin_request(properties: Properties) -> bytes:
    given = properties["VpcOriginEndpointConfig"]
    protocols = given.get("OriginSSLProtocols", ["TLSv1.2"])
    fields = {
        "Name": given["Name"],
        "Arn": given["Arn"],
        "HTTPPort": given.get("HTTPPort", 80),
        "HTTPSPort": given.get("HTTPSPort", 443),
        "OriginProtocolPolicy": given.get("OriginProtocolPolicy", "match-viewer"),
    }
    items = "".join(f"<SslProtocol>{escape(one)}</SslProtocol>" for one in protocols)
    plain = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items())
    tls = f"<Quantity>{len(protocols)}</Quantity><Items>{items}</Items>"
    config = f"{plain}<OriginSslProtocols>{tls}</OriginSslProtocols>"
    request = f"<VpcOriginEndpointConfig>{config}</VpcOriginEndpointConfig>"
    return f"<CreateVpcOriginRequest>{request}</CreateVpcOriginRequest>".encode()


def record_alarms_on_expressions() -> None:
    """Record alarms on metric math (scaling.py evaluates some); MiniStack supports one metric per alarm."""
    alarm, recorded = HANDLERS["AWS::CloudWatch::Alarm"], _recorded("Arn")
    for name in ("create", "update", "delete"):
        alarm[name] = _either(alarm[name], recorded[name])


def _either(known: Any, recorded: Any) -> Any:
    def handle(*arguments: Any, **named: Any) -> Any:
        is_math = any(isinstance(one, dict) and "Metrics" in one for one in arguments)
        return (recorded if is_math else known)(*arguments, **named)

    return handle


def record_the_rest() -> None:
    """Record resources of types that MiniStack lacks: they get an id, so that others can refer to them."""
    for kind, attribute in RECORDED.items():
        HANDLERS.setdefault(kind, _recorded(attribute))


RECORDED = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "Id",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "Arn",
    "AWS::EC2::EIP": "AllocationId",
    "AWS::EC2::FlowLog": "Id",
    "AWS::EC2::NatGateway": "NatGatewayId",
    "AWS::EC2::SecurityGroupEgress": "Id",
    "AWS::EC2::SecurityGroupIngress": "Id",
    "AWS::ECS::ClusterCapacityProviderAssociations": "Id",
}


def _recorded(attribute: str) -> Properties:
    def create(logical_id: str, properties: Properties, stack: str) -> Any:
        made = f"{logical_id}-{hashlib.sha256(uuid.uuid4().bytes).hexdigest()[:17]}"
        made = f"arn:aws:local:{get_region()}:{get_account_id()}:{made}" if attribute == "Arn" else made
        return made, {attribute: made}

    def update(physical_id: str, old: Properties, new: Properties, stack: str, *_: Any, **__: Any) -> Any:
        return physical_id, {attribute: physical_id}

    return {"create": create, "update": update, "delete": lambda physical_id, properties: None}
